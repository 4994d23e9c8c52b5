"""Alert sharing, the standing duty: alerts in, counted and redacted summaries to each receiver out, every one once (ADR 0025)."""
