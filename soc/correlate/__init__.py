"""Detections in, episodes out, in event time."""
