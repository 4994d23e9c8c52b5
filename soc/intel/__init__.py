"""Threat intelligence: indicators in from feeds, known-bad values of events out."""
