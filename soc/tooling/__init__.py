"""What rule writers run."""
