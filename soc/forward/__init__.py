"""Approved incidents in, sealed reports out, each delivered once."""
