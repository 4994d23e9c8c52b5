"""Episodes and people's acts in, alerts and incidents out."""
