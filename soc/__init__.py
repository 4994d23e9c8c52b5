"""The log-correlation engine of a security operations centre: raw lines in, Sigma alerts, incidents and reports out."""

__version__ = "0.1.0"
