"""Messages in, the outside world out: one module a channel, each with a time-out of its own."""
