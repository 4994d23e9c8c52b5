"""Who must be told: incidents, deadlines and failures in, messages to people out, until somebody acts."""
