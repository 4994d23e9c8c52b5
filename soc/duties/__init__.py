"""Duties to report as data: a policy and an incident in, clocks, required fields and recipients out."""
