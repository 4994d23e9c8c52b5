"""The archive: raw records in; closed segments in a folder or bucket, chained by hash and found by time, out (ADR 0019)."""
