"""Duties as data: which report an incident owes to whom, until when, and what it still lacks; pure functions over a policy file."""
