"""Events in, detections out."""
