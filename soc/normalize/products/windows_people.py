r"""The accounts that a Windows event names (Subject, Target, Member, User) → ECS: who acted, as whom, on whom, on which group.

By Microsoft's "Advanced security audit policy" pages: the subject acts; of a log-on the target is who logs on.
"""

from functools import lru_cache
from typing import Any, Final

from soc.normalize.products.product import Fields

_LOGON: Final = frozenset(
    ["4624", "4625", "4634", "4647", "4768", "4769", "4770", "4771", "4772", "4773", "4776", "4825"]
)
"""The target is who this is about."""
_AS: Final = frozenset(["4648", "4688"])
"""The subject acts as the target."""
_ACCOUNT: Final = frozenset(
    [
        *("4720", "4722", "4723", "4724", "4725", "4726", "4738", "4740", "4741", "4742", "4743", "4765", "4766"),
        *("4767", "4781", "4798", "4780", "4794"),
    ]
)
"""The subject acts on the target."""
_GROUP: Final = frozenset([str(code) for code in (*range(4727, 4738), *range(4744, 4765), 4799) if code != 4739])
"""The subject acts on the target group, its member is whom it is about."""
_COUNTED: Final = (_LOGON, _AS, _ACCOUNT, _GROUP)
_ROLES: Final = {code: at for at, codes in enumerate(_COUNTED) for code in codes}
_NOBODY: Final = ("-", "", None)
"""A tuple: what is asked may be a list, which no set takes."""

NAMES: Final = frozenset(
    ["TargetUserName", "User", "SubjectUserName", "AccountName", "SourceUser", "Detection User", "MemberName"]
)
"""An event has an account if it has one of these names."""

MAKES: Final = frozenset(
    [
        *(
            who + end
            for who in ("user", "user.effective", "user.target", "group")
            for end in (".name", ".domain", ".id")
        ),
        "source.user.name",
        "user.changes.name",
    ]
)


def _text(value: Any) -> str:
    return value if value.__class__ is str and value not in _NOBODY and value != "S-1-0-0" else ""


def _put(fields: Fields, who: str, name: Any, domain: Any, sid: Any) -> bool:
    text = _text(name)
    if not text:
        return False
    where = _text(domain)
    if "@" in text:  # lan@EXAMPLE.COM, as Kerberos and log-ons by principal name have it
        text, _, realm = text.partition("@")
        where = where or realm
    fields[who + ".name"] = text
    if where:
        fields[who + ".domain"] = where
    if number := _text(sid):
        fields[who + ".id"] = number
    return True


@lru_cache(maxsize=16384)
def _account(text: str) -> tuple[str, str]:
    domain, _, name = text.rpartition("\\")
    return domain, name


def _user(fields: Fields, value: Any) -> bool:
    r"""``DOMAIN\name``, as Sysmon and Defender write it."""
    if value.__class__ is not str or value in _NOBODY:
        return False
    domain, name = _account(value)
    fields["user.name"] = name
    if domain:
        fields["user.domain"] = domain
    return True


def _subject(fields: Fields) -> bool:
    get = fields.get
    return _put(fields, "user", get("SubjectUserName"), get("SubjectDomainName"), get("SubjectUserSid"))


def _target(fields: Fields, who: str) -> bool:
    get = fields.get
    return _put(fields, who, get("TargetUserName"), get("TargetDomainName"), get("TargetUserSid") or get("TargetSid"))


def add_people(code: str, fields: Fields, *, security: bool) -> None:
    """Write who the event is about.

    Args:
        code: the event's id.
        fields: hold the native names.
        security: the event is of the Security log; else the id says nothing here.
    """
    get = fields.get
    role = _ROLES.get(code) if security else None
    if role is None:
        if not (_user(fields, get("User")) or _user(fields, get("SourceUser")) or _user(fields, get("Detection User"))):
            if security:
                found = _subject(fields) or _target(fields, "user")
            else:
                found = _target(fields, "user") or _subject(fields)
            if not found and "ProcessGuid" not in fields:  # Sysmon's own account is not whom its events are about
                _put(fields, "user", get("AccountName"), get("Domain") or get("AccountDomain"), get("UserID"))
        return
    if role == 0:
        if _target(fields, "user"):
            if code in ("4624", "4625") and (by := _text(get("SubjectUserName"))):
                fields["source.user.name"] = by
        else:
            _subject(fields)
        return
    _subject(fields)
    if role == 1:
        _target(fields, "user.effective")
    elif role == 2:
        _target(fields, "user.target")
        if code == "4781":
            _put(fields, "user.target", get("OldTargetUserName"), get("TargetDomainName"), get("TargetSid"))
            if new := _text(get("NewTargetUserName")):
                fields["user.changes.name"] = new
    else:
        _target(fields, "group")
        _member(fields)


def _member(fields: Fields) -> None:
    r"""``CN=Lan Tran,OU=…`` in a domain, ``-`` with a SID in a local group."""
    get = fields.get
    name = _text(get("MemberName"))
    if name:
        first = name.partition(",")[0]
        fields["user.target.name"] = first[3:] if first[:3].upper() == "CN=" else first
    if sid := _text(get("MemberSid")):
        fields["user.target.id"] = sid
