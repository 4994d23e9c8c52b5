"""What of a page is masked for its visitor, and until when a reason that he gave holds: for the strip above the page."""

import re
from typing import NamedTuple, get_args

from aiohttp import web

from soc.clock import Micros
from soc.console.context import Console, Visitor, console_of, visitor_of
from soc.console.grants import Grant
from soc.console.scope import VisitorStore
from soc.desk import PrivacySettings
from soc.errors import SettingsError
from soc.privacy.found import Kind
from soc.triage.roles import may

_DOCUMENT = re.compile(r"/(alert|incident|event)s/([^/].*?)(?:\.json)?")


class Personal(NamedTuple):
    """The strip above a document's page.

    Attributes:
        kind, id: of the document.
        hidden: kinds of identifiers in it that are masked.
        until: when the reason that was given ends; 0 without one.
        may_unmask: whether the visitor may give one.
    """

    kind: str
    id: str
    hidden: tuple[str, ...]
    until: Micros
    may_unmask: bool


def document_of(path: str) -> tuple[str, str] | None:
    """The (kind, id) that a path is the page of."""
    match = _DOCUMENT.fullmatch(path)
    return (match[1], match[2]) if match else None


def hidden_from(visitor: Visitor, console: Console) -> frozenset[str]:
    """The kinds of identifiers that a visitor does not see without a reason."""
    roles = visitor.user.roles if visitor.user else ()
    seen = {kind for role in roles for kind in console.privacy.seen_by.get(role, ())}
    return frozenset(console.privacy.masked) - seen


def who(visitor: Visitor) -> str:
    """The session or token that a reason is tied to."""
    return f"{visitor.name}/{visitor.session_id or visitor.token}"


def personal_of(request: web.Request) -> Personal | None:
    """The strip; None where nothing is masked and nothing was unmasked."""
    console, visitor, here = console_of(request), visitor_of(request), document_of(request.path)
    if here is None or not isinstance(console.store, VisitorStore):
        return None
    grant, now = Grant(who(visitor), *here), console.clock()
    until = console.grants.until(grant) if console.grants.reason(grant, now) else 0
    hidden = tuple(sorted(console.store.hidden.get(here, ())))
    return Personal(*here, hidden, until, visitor.may("unmask")) if hidden or until else None


def checked_privacy(settings: PrivacySettings) -> PrivacySettings:
    """The settings of who sees what, if every kind and role in them is one.

    Raises:
        SettingsError: listing what is none, and roles that must not see identifiers.
    """
    known = set(get_args(Kind))
    names = ", ".join(sorted(known))
    wrong = [f"privacy.masked: {kind!r} is no kind; known: {names}" for kind in settings.masked if kind not in known]
    for role, kinds in settings.seen_by.items():
        if not may(role, "unmask"):
            wrong.append(f"privacy.seen_by: {role!r} is no role that may see citizens' identifiers")
        wrong += [f"privacy.seen_by.{role}: {kind!r} is no kind" for kind in kinds if kind not in known]
    if wrong:
        raise SettingsError(wrong)
    return settings
