"""Every route of the console → what a visitor must be allowed in order to call it; the guard asks this table before any view runs.

A route that is not in it is for people who see the whole installation only, and a test fails until it is placed.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Access(NamedTuple):
    """Who may call a route.

    Attributes:
        act: of ``soc.triage.roles``; "" is everybody who is signed in. What a form of acts asks for is checked by its view too.
        whole: not for people who are limited to some organizations.
        public: also for who is not signed in.
    """

    act: str = "view"
    whole: bool = False
    public: bool = False


PUBLIC = Access("", public=True)
OWN = Access("")
WHOLE = Access(whole=True)

ROUTES: Mapping[str, Access] = {
    "GET /": OWN,
    "GET /healthz": PUBLIC,
    "GET /language": PUBLIC,
    "GET /login": PUBLIC,
    "POST /login": PUBLIC,
    "POST /logout": OWN,
    "GET /account": OWN,
    "POST /account": OWN,
    "GET /alerts": Access(),
    "GET /alerts/stream": Access(),
    "GET /alerts/{id}": Access(),
    "POST /alerts/{id}/act": Access(),
    "GET /incidents": Access(),
    "GET /incidents/{id}": Access(),
    "POST /incidents/{id}/act": Access(),
    "POST /incidents/{id}/pin": Access("pin"),
    "POST /incidents/{id}/evidence": Access("export", whole=True),
    "GET /incidents/{id}/clocks": Access(),
    "GET /tasks": Access(),
    "GET /directives": Access(),
    "POST /directives": Access("direct", whole=True),
    "GET /directives/{id}": Access(),
    "POST /directives/{id}/act": Access(),
    "GET /silences": Access(),
    "POST /silences": Access("silence"),
    "GET /silences/{id}": Access(),
    "POST /silences/{id}/act": Access(),
    "GET /incidents/{id}/dossier": Access("export", whole=True),
    "GET /reports": Access(),
    "GET /late": Access(),
    "GET /receipts": WHOLE,
    "GET /sharing": WHOLE,
    "GET /intel": WHOLE,
    "GET /assets": Access(),
    "GET /assets/{id}": Access(),
    "POST /assets/check": Access("edit_register", whole=True),
    "POST /assets/publish": Access("edit_register", whole=True),
    "GET /assets/export": Access("export", whole=True),
    "GET /duties": Access(),
    "GET /notices": WHOLE,
    "GET /duties/periodic": WHOLE,
    "GET /duties/periodic/file": Access("export", whole=True),
    "GET /search": Access(),
    "GET /events/{id}": Access(),
    "POST /unmask": Access("unmask"),
    "GET /rules": Access(),
    "GET /health": WHOLE,
    "GET /deadletters": WHOLE,
    "POST /deadletters/retry": Access("retry", whole=True),
    "GET /audit": Access("read_audit", whole=True),
    "GET /audit/export": Access("read_audit", whole=True),
    "POST /audit/verify": Access("read_audit", whole=True),
    "GET /users": Access("administer", whole=True),
    "POST /users": Access("administer", whole=True),
}
"""``METHOD path`` as the router has it, without ``.json``."""


def access_of(method: str, path: str) -> Access:
    """The row of a route; of one that has none, the narrowest that shows a page at all.

    Args:
        method: GET (HEAD is the same) or POST.
        path: the route's own, such as ``/alerts/{id}``.
    """
    name = "GET" if method == "HEAD" else method
    plain = path.removesuffix(".json").replace(":.+}", "}")
    return ROUTES.get(f"{name} {plain}", WHOLE)
