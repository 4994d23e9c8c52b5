"""Detections in, episodes out, in event time."""

from soc.correlate.correlator import Correlator
from soc.correlate.outcome import Outcome

__all__ = ["Correlator", "Outcome"]
