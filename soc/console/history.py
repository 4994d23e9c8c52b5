"""One entry of an incident's timeline in; what it says beside the act, in the reader's language, out.

The timeline keeps what was done in the words of data (kinds, fields, severities), because it is in dossiers for years and in no language;
a page names them.
"""

import re

from soc.console.i18n import Texts
from soc.duties.clocks import label
from soc.duties.fields import FIELDS
from soc.model.incident import Moment

_WITHOUT = re.compile(r" without ([a-z0-9_, ]+): ")
_CHANGED = re.compile(r"^(none|normal|serious) → (none|normal|serious)")


def detail(moment: Moment, texts: Texts) -> str:
    """The detail of an entry for people; what is in no list of names stays as it was written."""
    match moment.act:
        case "approve" | "countersign":
            kind, blank, rest = moment.detail.partition(" ")
            named = texts.named("report_kind", kind) + blank + rest
            return _WITHOUT.sub(
                lambda found: f" {texts('release.without')} {fields(found[1], texts)}: ", named, count=1
            )
        case "describe":
            return fields(moment.detail, texts)
        case "classify":
            return _CHANGED.sub(
                lambda found: f"{texts.named('severity', found[1])} → {texts.named('severity', found[2])}",
                moment.detail,
            )
        case "close":
            verdict, colon, reason = moment.detail.partition(": ")
            return texts.named("verdict", verdict) + colon + reason
        case _:
            return moment.detail


def fields(names: str, texts: Texts) -> str:
    """Labels of fields that are named with commas between."""
    return ", ".join(label(name, texts.language) if name in FIELDS else name for name in names.split(", "))
