r"""The forms that Check Point's Log Exporter (sk122323) gives a log (syslog, Splunk, generic) → its pairs.

Syslog: ``[action:"Accept"; src:"192.0.2.1"; ...]``, which is no structured data of RFC 5424, or that with ``=``. Splunk and LEA:
``time=...|action=Accept|src=192.0.2.1|``. Generic: ``time="..." action="Accept"``. CEF and LEEF have their own modules.
"""

import re

from soc.normalize.formats import kv

_SEMICOLONS = re.compile(r'(?:^|[\[;] ?)([A-Za-z_][\w./-]{0,63}):{1,2}"([^"\\]*(?:\\.[^"\\]*)*)"', re.DOTALL | re.ASCII)
_ESCAPE = re.compile(r'\\([\\"\]=|;])')


def _first(pairs: list[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for key, value in pairs:
        if key not in found:
            found[key] = _ESCAPE.sub(r"\1", value) if "\\" in value else value
    return found


def pairs(text: str) -> dict[str, str]:
    """The pairs of a message, its syslog header taken off; {} if it has none of these forms. Of repeats the first is kept."""
    if text.startswith("["):
        found = _first(_SEMICOLONS.findall(text))
        return found or kv.pairs(text.strip("[]"))
    if "|" in text:
        parts = [part.partition("=") for part in text.split("|")]
        return _first([(key.strip(), value) for key, mark, value in parts if mark and 0 < len(key) <= 64])
    if ':"' in text:
        return _first(_SEMICOLONS.findall(text))
    return kv.pairs(text)
