"""Products: what a line of one vendor's device or program says, in ECS names beside its own."""
