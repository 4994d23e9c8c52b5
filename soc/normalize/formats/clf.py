"""An access-log line (common, combined, with virtual host) → its fields; the request line taken apart."""

import re
from typing import Any, NamedTuple

from soc.normalize.addresses import is_ip, put
from soc.normalize.compiled import native
from soc.normalize.time import Stamp, clf

_STAMP = r"\[(\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2} [+-]\d{4})\]"
# The quoted parts are unrolled: nginx writes \x22 and Apache \" for a quote inside
_QUOTED = r'"([^"\\]*(?:\\.[^"\\]*)*)"'
_TAIL = re.compile(rf"{_QUOTED} (\d{{3}}|-) (\d{{1,18}}|-)(?: {_QUOTED} {_QUOTED})?", re.ASCII | re.DOTALL)
LINE = re.compile(
    rf"([^\s\[\"]{{1,255}}) ([^\s\[\"]{{1,255}}) ([^\s\[\"]{{1,255}}) {_STAMP} {_QUOTED} (\d{{3}}|-) (\d{{1,18}}|-)"
    rf"(?: {_QUOTED} {_QUOTED})?",
    re.ASCII | re.DOTALL,
)
_HEAD = re.compile(rf'((?:[^\["]{{0,255}}"[\da-fA-F.:, ]{{2,512}}")?[^\["]{{5,1024}}(?:"")?) {_STAMP} ', re.ASCII)
_PORT = re.compile(r"\[?([\da-fA-F.:]{2,45}?)\]?:(\d{1,5})$", re.ASCII)
_METHOD = re.compile(r"[A-Z][A-Z_-]{0,31}$")
_ANY_METHOD = re.compile(r"[!#$%&'*+.^_`|~\w-]{1,32}$", re.ASCII)  # RFC 9110 §9.1: any token
_HOST = re.compile(r"\[?([^\s/\[\]]{1,255}?)\]?:(\d{1,5})$", re.ASCII)
_TAG = re.compile(r" [\w./-]{1,64}(?:\[\d{1,10}\])?: ", re.ASCII)
_LIST = re.compile(r'(?:([^\s,"]{1,255}) )?"?([\da-fA-F.:]{2,45})((?:, ?[\da-fA-F.:]{2,45})+)"? (.{3,512})$', re.ASCII)

_SUCCESS: dict[str, Any] = {"event.outcome": "success", "event.type": ["access"]}
_FAILURE: dict[str, Any] = {"event.outcome": "failure", "event.type": ["access", "error"]}


class Line(NamedTuple):
    """What the line says beside the fields written.

    Attributes:
        stamp: when, or None if the stamp is no date.
        rest: what follows the known parts (a sender's own extra fields).
        combined: it has referrer and user agent.
        vhost: it begins with a virtual host.
    """

    stamp: Stamp | None
    rest: str
    combined: bool
    vhost: bool


def _whole(text: str) -> tuple[tuple[Any, ...], int] | None:
    """The groups of ``LINE`` and where they end."""
    if native is not None and (found := native.access(text)) is not None:
        return found
    match = LINE.match(text)
    return None if match is None else (match.groups(), match.end())


def read(text: str, fields: dict[str, Any]) -> Line | None:
    """Write the fields of an access line; None if it is none (then nothing is written)."""
    whole = _whole(text)
    if whole is not None:
        (address, identity, user, when, request, status, size, referrer, agent), end = whole
        vhost = ""
    else:
        head = _HEAD.match(text)
        if head is None or (tail := _TAIL.match(text, head.end())) is None:
            return None
        who = _who(head[1])
        if who is None:
            return None
        vhost, address, identity, user, forwarded = who
        if forwarded:
            fields["network.forwarded_ip"] = forwarded
        when = head[2]
        request, status, size, referrer, agent = tail.groups()
        end = tail.end()
    if is_ip(address):
        fields["source.ip"] = address
    elif (bare := _PORT.match(address)) is not None and is_ip(bare[1]):
        fields["source.ip"], fields["source.port"] = bare[1], int(bare[2])
        if not vhost and "." in identity:  # `address:port host:port - -`
            vhost, identity, user = identity, "-", user.removeprefix("- ")
    else:
        put(fields, "source", address)
    if user not in ("-", '""', ""):
        fields["user.name"] = user
    if identity not in ("-", ""):
        fields["client.user.name"] = identity
    if vhost:
        _vhost(vhost, fields)
    request_line(request, fields)
    if status != "-":
        code = int(status)
        fields["http.response.status_code"] = code
        fields.update(_SUCCESS if code < 400 else _FAILURE)  # RFC 9110 §15: 4xx and 5xx are errors
    else:
        fields["event.type"] = ["access"]
    if size != "-":
        fields["http.response.body.bytes"] = int(size)
    if referrer is not None:
        if referrer not in ("-", ""):
            fields["http.request.referrer"] = referrer
        if agent not in ("-", ""):
            fields["user_agent.original"] = agent
    return Line(clf(when), text[end:], referrer is not None, bool(vhost))


def _who(head: str) -> tuple[str, str, str, str, str] | None:
    """What stands before the stamp → virtual host, address, identity, user, first address of a list of forwarded ones."""
    if _TAG.search(head) is not None and " unix: " not in head:  # a syslog header, whose program wrote the line
        return None
    listed = _LIST.match(head)
    if listed is not None and is_ip(listed[2]):
        vhost, first, _, rest = listed.groups(default="")
        words = rest.split(" ")
        if is_ip(words[0]) and len(words) > 2:  # `"client, proxy" address - -`: who connected follows the list
            return vhost, words[0], words[1], " ".join(words[2:]), first
        return (vhost, first, words[0], " ".join(words[1:]), "") if len(words) > 1 else None
    words = head.split(" ")
    if len(words) < 3:  # address, identity, user
        return None
    # `host address - user`; else the user's name has spaces, which Apache writes as they are
    named = len(words) > 3 and words[1] == "unix:"  # nginx over a socket has no address
    named = named or (len(words) == 4 and words[1] != "-" and words[2] == "-" and _PORT.match(words[0]) is None)
    if named or (len(words) > 3 and not is_ip(words[0]) and (is_ip(words[1]) or words[1] == "-")):
        return words[0], words[1].removeprefix("unix:"), words[2], " ".join(words[3:]), ""
    return "", words[0], words[1], " ".join(words[2:]), ""


def host(text: str, fields: dict[str, Any]) -> None:
    """``name``, ``name:port``, ``[address]:port`` of a Host header or of a URL → ``url.domain``, ``url.port``."""
    match = _HOST.match(text)
    if match is not None and (":" not in match[1] or text.startswith("[")) and int(match[2]) < 65536:
        fields["url.domain"], fields["url.port"] = match[1], int(match[2])
    elif text:
        fields["url.domain"] = text.strip("[]")


def _vhost(text: str, fields: dict[str, Any]) -> None:
    name, colon, port = text.rpartition(":")
    if colon and port.isdecimal() and port.isascii() and len(port) <= 5:
        fields["destination.port"] = int(port)
        text = name
    fields["url.domain"] = text


def request_line(request: str, fields: dict[str, Any]) -> None:
    """``METHOD target HTTP/x``; what is not so (a TLS hello on a plain port) is kept whole in ``url.original``."""
    method, space, target = request.partition(" ")
    if not space or (_METHOD.match(method) is None and (" HTTP/" not in target or _ANY_METHOD.match(method) is None)):
        if request not in ("-", ""):
            fields["url.original"] = request
        return
    fields["http.request.method"] = method
    left, mark, version = target.rpartition(" HTTP/")
    if mark:
        target = left
        fields["http.version"] = version
    target = target.strip(" ")
    fields["url.original"] = target
    path, mark, query = target.partition("?")
    if mark:
        fields["url.query"] = query
    if "://" in path:
        scheme, _, rest = path.partition("://")
        if scheme.isalpha():
            domain, slash, path = rest.partition("/")
            fields["url.scheme"] = scheme
            host(domain, fields)
            path = slash + path
    elif method == "CONNECT" and "/" not in path:  # RFC 9110 §9.3.6: the target is host and port
        host(path, fields)
        return
    fields["url.path"] = path
