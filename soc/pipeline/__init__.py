"""The stages in data order (``table``), the loop that runs one unit of work (``loop``), and what each stage does in it."""
