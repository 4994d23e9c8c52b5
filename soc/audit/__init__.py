"""The hash chain of acts."""
