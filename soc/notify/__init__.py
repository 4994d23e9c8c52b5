"""Who must be told: incidents, deadlines and failures in, messages to people out. Not run by any role yet."""
