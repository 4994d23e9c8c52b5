"""Who asks, and where he is, in; the pages he may open out, a few by name and the others in groups, so that they fit a small screen."""

from collections.abc import Mapping
from typing import NamedTuple

from aiohttp import web

from soc.console.access import access_of
from soc.console.context import Visitor

MENU: Mapping[str, tuple[str, ...]] = {
    "": ("alerts", "incidents", "search"),
    "work": ("tasks", "directives", "silences", "notices"),
    "report": ("duties", "reports", "late", "receipts", "sharing"),
    "known": ("assets", "intel", "rules"),
    "run": ("health", "deadletters", "audit", "users"),
}
"""Group → its pages; "" are those that are always in sight. A page appears when it has a route and the visitor may open it."""


class Entry(NamedTuple):
    """A page of the menu; ``here``: the visitor is on it, or below it."""

    name: str
    here: bool


class Group(NamedTuple):
    """Pages that belong together, and whether the visitor is on one of them."""

    name: str
    entries: tuple[Entry, ...]
    here: bool


def menu_of(request: web.Request, visitor: Visitor) -> list[Group]:
    """The groups that hold a page the visitor may open."""
    routes = {resource.canonical for resource in request.app.router.resources()}
    groups: list[Group] = []
    for name, pages in MENU.items():
        entries = tuple(
            Entry(page, request.path.startswith(f"/{page}")) for page in pages if _open_to(page, routes, visitor)
        )
        if entries:
            groups.append(Group(name, entries, any(entry.here for entry in entries)))
    return groups


def _open_to(page: str, routes: set[str], visitor: Visitor) -> bool:
    access = access_of("GET", f"/{page}")
    return f"/{page}" in routes and visitor.may(access.act) and not (visitor.units and access.whole)
