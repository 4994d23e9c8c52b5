"""Wires to a receiver: each sends a sealed report and says what became of it, in the words of ``outbox.Happened``."""
