"""Wire formats: how a line is framed, stamped and quoted, whatever product wrote it."""
