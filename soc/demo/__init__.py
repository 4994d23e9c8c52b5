"""The demo: a story told through raw log lines."""
