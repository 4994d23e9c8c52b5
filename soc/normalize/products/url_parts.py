"""A URL as a firewall or proxy writes it (whole, or host and path apart) → ``url.*`` fields."""

import re
from typing import Any

from soc.normalize.addresses import port

_PARTS = re.compile(r"(?:([A-Za-z][A-Za-z0-9+.-]{0,15})://)?([^/?#]{0,255})([^?#]*)(?:\?([^#]*))?(?:#(.*))?", re.DOTALL)
_PORT = re.compile(r"(.{1,255}):(\d{1,5})$", re.DOTALL | re.ASCII)


def put_url(fields: dict[str, Any], url: str, host: str = "", scheme: str = "") -> None:
    """Write what a URL says.

    Args:
        fields: written to: ``url.original`` as it came, ``url.full`` where scheme and host are known, and the parts.
        url: whole, or from its path on.
        host: whose path it is, where ``url`` is a path.
        scheme: of ``url.full``, where ``url`` is a path.
    """
    fields["url.original"] = url
    if "://" in url[:20]:
        fields["url.full"] = url
        match = _PARTS.match(url)
        assert match is not None
        found_scheme, authority, path, query, fragment = match.groups()
        if found_scheme:
            fields["url.scheme"] = found_scheme.lower()
        name = authority.rpartition("@")[2]
        with_port = _PORT.match(name)
        if with_port is not None:
            name, number = with_port[1], port(with_port[2])
            if number is not None:
                fields["url.port"] = number
        if name:
            fields["url.domain"] = name.strip("[]")
    else:
        rest, _, fragment = url.partition("#")
        path, mark, query = rest.partition("?")
        if not mark:
            query = None
        if host and url.startswith("/"):
            fields["url.domain"] = host
            if scheme:
                fields["url.scheme"] = scheme
                fields["url.full"] = f"{scheme}://{host}{url}"
    if path:
        fields["url.path"] = path
    if query:
        fields["url.query"] = query
    if fragment:
        fields["url.fragment"] = fragment
