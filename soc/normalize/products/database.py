"""What the readers of databases' logs share: the fields of a log-on, a statement, an error, and the class of a statement."""

from typing import Final

from soc.normalize.addresses import port as port_of
from soc.normalize.addresses import put
from soc.normalize.products.product import Fields

_CHANGES: Final = frozenset(["insert", "update", "delete", "replace", "merge", "load", "truncate", "call", "copy"])
_DEFINES: Final = frozenset(["create", "alter", "drop", "rename", "comment", "analyze", "set"])
_GRANTS: Final = frozenset(["grant", "revoke"])


def base(fields: Fields, name: str, dataset: str, message: str) -> None:
    """Every event of a database."""
    fields["event.kind"] = "event"
    if message:
        fields["message"] = message
    fields["event.module"], fields["event.dataset"] = name, f"{name}.{dataset}"
    fields["event.category"], fields["event.type"] = ["database"], ["info"]


def logon(fields: Fields, outcome: str, *, end: bool = False) -> None:
    """Somebody logged on, was refused, or left."""
    if end:
        fields["event.category"], fields["event.type"] = ["session", "database"], ["end"]
        fields["event.action"] = "database-logout"
        return
    fields["event.category"], fields["event.type"] = ["authentication", "database"], ["start"]
    fields["event.action"] = "database-login"
    if outcome:
        fields["event.outcome"] = outcome


def statement(fields: Fields, text: str) -> None:
    """A statement and, by its first word, what it does."""
    if not text:
        return
    fields["database.statement"] = text
    word = text.lstrip(" \t\r\n(")[:32].partition(" ")[0].strip(";").lower()
    if word in _GRANTS:
        fields["event.category"], fields["event.type"] = ["database", "iam"], ["admin", "change"]
    elif word in _DEFINES:
        iam = text[:64].lower().split()[1:2] in (["user"], ["role"], ["login"])
        fields["event.category"] = ["database", "iam"] if iam else ["database", "configuration"]
        fields["event.type"] = ["deletion"] if word == "drop" else ["creation"] if word == "create" else ["change"]
    else:
        fields["event.type"] = ["change"] if word in _CHANGES else ["access"]
    if word.isalpha():
        fields["event.action"] = word


def user(fields: Fields, name: str | None, domain: str = "") -> None:
    r"""Who; ``DOMAIN\name`` is parted."""
    if name and name not in ("-", "''", "[unknown]"):
        where, _, who = name.rpartition("\\")
        fields["user.name"] = who or name
        if where or domain:
            fields["user.domain"] = where or domain


def source(fields: Fields, host: str | None, port: str | None = None) -> None:
    """From where: an address or a name; a socket of the machine itself is no source."""
    if host and not host.startswith(("<", "local machine", "[local]")):
        put(fields, "source", host)
        if (found := port_of(port)) is not None:
            fields["source.port"] = found


def returned(fields: Fields, code: str | int | None) -> None:
    """A return code: 0 is a success."""
    if code is None or code == "":
        return
    failed = str(code) != "0"
    fields["event.outcome"] = "failure" if failed else "success"
    if failed:
        fields["error.code"] = str(code)
