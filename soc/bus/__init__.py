"""The bus: a port (``base``) and its adapters (``embedded``; ``kafka`` later)."""
