"""Inputs: they frame, stamp and make durable; they never parse content."""
