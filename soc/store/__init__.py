"""The store, a view for search: a port (``base``), its query language (``query``) and adapters (``embedded``)."""
