"""Reports for people to deliver: sealed bytes in; the form as PDF, the text of the mail and a manifest, in one directory, out (``bindings.file``)."""
