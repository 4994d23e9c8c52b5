"""Citizens' identifiers and secrets in text: found, masked, removed."""
