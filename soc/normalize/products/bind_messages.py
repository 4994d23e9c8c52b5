"""What BIND says that no client asked for (resolving, validating, transfers of zones) → the name in question and the server asked."""

import re
from typing import Any

from soc.normalize.addresses import is_ip, port, put
from soc.normalize.formats.wire_name import plain_name
from soc.normalize.products.product import Fields

_NAME = r"([^\s'/]{1,1024})"
_KIND = r"(?:/([A-Z][A-Z0-9-]{0,15}))?(?:/(IN|CH|HS|ANY|CLASS\d{1,5}))?"
_SERVER = r"([\da-fA-F.:]{2,45})#(\d{1,5})"
_DENIED: dict[str, Any] = {"event.type": ["protocol", "denied"], "event.outcome": "failure"}
_FAILED: dict[str, Any] = {"event.type": ["protocol", "error"], "event.outcome": "failure"}
_DONE: dict[str, Any] = {"event.type": ["protocol", "end"], "event.outcome": "success", "event.action": "zone-transfer"}
_BROKEN: dict[str, Any] = {**_FAILED, "event.action": "zone-transfer"}

# Message forms: BIND 9, lib/dns/resolver.c, validator.c, xfrin.c, zone.c, rrl.c and bin/named (ns_log) of 9.11 to 9.20
_FORMS: tuple[tuple[str, re.Pattern[str], dict[str, Any], tuple[str, ...]], ...] = tuple(
    (start, re.compile(pattern, re.ASCII), fields, names)
    for start, pattern, fields, names in (
        (
            "success resolving",
            rf"success resolving '{_NAME}{_KIND}'(?: \(in '[^']{{0,1024}}'\?\))? after (.{{1,255}})$",
            {"event.outcome": "success"},
            ("name", "kind", "class", "event.reason"),
        ),
        (
            "lame server",
            rf"lame server resolving '{_NAME}{_KIND}' \(in '[^']{{0,1024}}'\?\): {_SERVER}",
            {**_FAILED, "event.reason": "lame server"},
            ("name", "kind", "class", "server", "port"),
        ),
        (
            "",
            rf"([A-Za-z][\w ()-]{{1,64}}?) resolving '{_NAME}{_KIND}'(?: \(in '[^']{{0,1024}}'\?\))?(?:: {_SERVER})?",
            _FAILED,
            ("event.reason", "name", "kind", "class", "server", "port"),
        ),
        (
            "validating",
            rf"validating {_NAME}{_KIND}: (.{{1,512}})$",
            _FAILED,
            ("name", "kind", "class", "event.reason"),
        ),
        (
            "transfer of",
            rf"transfer of '{_NAME}{_KIND}' from {_SERVER}: Transfer status: (success)$",
            _DONE,
            ("zone", "_", "class", "from", "from port", "_"),
        ),
        (
            "transfer of",
            rf"transfer of '{_NAME}{_KIND}' from {_SERVER}: (?:Transfer status: |failed while )(.{{1,255}})$",
            _BROKEN,
            ("zone", "_", "class", "from", "from port", "event.reason"),
        ),
        (
            "transfer of",
            rf"transfer of '{_NAME}{_KIND}' from {_SERVER}: ",
            {"event.action": "zone-transfer"},
            ("zone", "_", "class", "from", "from port"),
        ),
        (
            "zone",
            rf"zone {_NAME}{_KIND}(?:/[\w.-]{{1,64}})?: {_NAME}/([A-Z0-9]{{1,16}}): (.{{1,255}})$",
            {},
            ("zone", "_", "class", "name", "kind", "event.reason"),
        ),
        (
            "zone",
            rf"zone {_NAME}{_KIND}(?:/[\w.-]{{1,64}})?: refused notify from non-(?:master|primary): {_SERVER}",
            {**_DENIED, "event.action": "notify-denied"},
            ("zone", "_", "class", "from", "from port"),
        ),
        ("zone", rf"zone {_NAME}{_KIND}(?:/[\w.-]{{1,64}})?: ", {}, ("zone", "_", "class")),
    )
)
# What is said of a client, behind its address
_OF_CLIENT = (
    (
        re.compile(rf"answer: {_NAME} (\S{{1,16}}) (\S{{1,16}}) ([+-]\S{{0,16}}) \(([^)]{{1,64}})\) -> (\w{{1,32}})", re.ASCII),
        {"event.action": "dns-answer", "dns.type": "answer"},
        ("name", "class", "kind", "flags", "to", "code"),
    ),
    (
        re.compile(r"(query(?: \(cache\))?|recursion|update|notify) (?:requested )?denied", re.ASCII),
        {**_DENIED, "event.action": "query-denied"},
        ("_",),
    ),
    (
        re.compile(
            rf"(?:would )?rate limit (drop|slip|limit|stop limiting)? ?(?:error |NXDOMAIN |referral |all )?responses? to (\S{{1,64}})(?: for {_NAME} (IN|CH|HS) (\S{{1,16}}))?",
            re.ASCII,
        ),
        {**_DENIED, "event.action": "rate-limit"},
        ("event.reason", "_", "name", "class", "kind"),
    ),
    (
        re.compile(rf"rpz [\w/]{{1,32}} rewrite {_NAME} via \S{{1,1024}} .{{0,255}}failed: (\w{{1,32}})", re.ASCII),
        _FAILED,
        ("name", "code"),
    ),
    (re.compile(r"(?:error|message parsing failed|request has invalid signature)[:,]? ?(.{0,255})", re.ASCII), _FAILED, ("event.reason",)),
)  # fmt: skip


def read(message: str, fields: Fields) -> bool:
    """Write what a message that begins with no client says; False if it is none that is known."""
    for start, pattern, static, names in _FORMS:
        if not message.startswith(start):
            continue
        match = pattern.match(message)
        if match is not None:
            fields.update(static)
            _write(names, match.groups(), fields)
            return True
    return False


def of_client(message: str, fields: Fields) -> bool:
    """Write what a message says behind ``client address#port:``; False if it is none that is known."""
    for pattern, static, names in _OF_CLIENT:
        match = pattern.match(message)
        if match is not None:
            fields.update(static)
            _write(names, match.groups(), fields)
            return True
    return False


def _write(names: tuple[str, ...], groups: tuple[str | None, ...], fields: Fields) -> None:
    for name, value in zip(names, groups, strict=True):
        if not value or name == "_":
            continue
        match name:
            case "name":
                fields["dns.question.name"] = plain_name(value)
            case "zone":
                fields["bind.zone"] = plain_name(value)
            case "kind":
                fields["dns.question.type"] = value
            case "class":
                fields["dns.question.class"] = value
            case "flags":
                fields["flags"] = value
                fields["dns.header_flags"] = ["RD"] if value.startswith("+") else []
            case "code":
                fields["dns.response_code"] = value
                fields["event.outcome"] = "success" if value in ("NOERROR", "NXDOMAIN") else "failure"
            case "server" | "to" if is_ip(value):
                fields["destination.ip"] = value
            case "from":
                put(fields, "source", value)
            case "port" | "from port":
                if (found := port(value)) is not None:
                    fields["destination.port" if name == "port" else "source.port"] = found
            case _:
                fields[name] = value
