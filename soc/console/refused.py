"""The refusal that every guard and view raises: its text is a key of the catalogue, for the page that says why."""

from aiohttp import web


class Refused(web.HTTPForbidden):
    """The visitor may not do this; ``text`` is a key of the catalogue."""
