"""Bytes in, normalized events out."""
