"""A STIX 2.1 bundle, or the objects of a TAXII envelope, in; indicators, and what cannot be used with its reason, out."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

import msgspec

from soc.clock import Micros, to_micros
from soc.intel import stix_pattern
from soc.intel.indicator import TAGS, Defaults, Indicator, Kind, Parsed, Tlp, Unusable, line, strictest, tlp_of
from soc.intel.stix_pattern import PatternError, Term

MARKINGS: Final[Mapping[str, Tlp]] = {
    "marking-definition--613f2e26-407d-48c7-9eca-b8e91df99dc9": "CLEAR",
    "marking-definition--34098fce-860f-48ae-8e50-ebd3cc5e41da": "GREEN",
    "marking-definition--f88d31f6-486f-44da-b317-01333bde0b82": "AMBER",
    "marking-definition--5e57c739-391a-4eb3-b6be-7d15ca92d5ed": "RED",
    "marking-definition--94868c89-83c2-464b-929b-a1a8aa3c8487": "CLEAR",
    "marking-definition--bab4a63c-aed9-4cf5-a766-dfca5abac2bb": "GREEN",
    "marking-definition--55d920b0-5e8b-4f79-9ee9-91f868d9b421": "AMBER",
    "marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003": "AMBER+STRICT",
    "marking-definition--e828b379-4e03-4974-9ac4-e53a884c97c1": "RED",
}
"""The fixed ids of TLP 1.0 (STIX 2.1 §7.2.1.4) and of TLP 2.0 (OASIS' extension definition)."""
_EXTENSION: Final = "extension-definition--60a3c5c5-0d10-413e-aab3-9e08dde9e88d"
_SPECIFIC: Final[tuple[Kind, ...]] = ("url", "mail", "domain", "address", "network")
"""Of values that an event must all have, the one that is looked for: the rarest kind first."""


class _Object(msgspec.Struct):
    """What is read of a STIX object; of the wrong kind it is refused by itself, and the others are read."""

    type: str
    id: str
    pattern: str = ""
    pattern_type: str = "stix"
    name: str = ""
    description: str = ""
    revoked: bool = False
    created: str = ""
    modified: str = ""
    valid_from: str = ""
    valid_until: str = ""
    confidence: int | None = None
    labels: list[str] = []
    indicator_types: list[str] = []
    object_marking_refs: list[str] = []
    definition_type: str = ""
    definition: dict[str, Any] = {}
    extensions: dict[str, Any] = {}


class _Bundle(msgspec.Struct):
    objects: list[msgspec.Raw] = []
    type: str = "bundle"


_decode = msgspec.json.Decoder(_Object).decode


def parse_stix(data: bytes, where: str, defaults: Defaults) -> Parsed:
    """Indicators of a bundle, or of anything with ``objects``.

    Args:
        data: JSON.
        where: name of the file or collection, for mistakes.
        defaults: of what an object does not say.
    """
    try:
        bundle = msgspec.json.decode(data, type=_Bundle)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return Parsed(mistakes=(Unusable(where, "", f"no STIX 2.1 bundle: {line(error)}"),))
    if not bundle.objects and bundle.type != "bundle":
        return Parsed(mistakes=(Unusable(where, "", "no STIX 2.1 bundle: it has no objects"),))
    objects: list[_Object] = []
    mistakes: list[Unusable] = []
    for number, raw in enumerate(bundle.objects, 1):
        try:
            objects.append(_decode(raw))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            mistakes.append(Unusable(f"{where}: object {number}", "", f"no STIX object: {line(error)}"))
    parsed = _of_objects(objects, where, defaults)
    return Parsed(parsed.indicators, parsed.unusable, (*mistakes, *parsed.mistakes), parsed.revoked)


def _of_objects(objects: Iterable[_Object], where: str, defaults: Defaults) -> Parsed:
    """The newest version of each object counts, wherever it stands."""
    newest: dict[str, _Object] = {}
    for one in objects:
        known = newest.get(one.id)
        if known is None or one.modified >= known.modified:
            newest[one.id] = one
    defined: dict[str, Tlp] = {one.id: tlp for one in newest.values() if (tlp := _defined(one)) is not None}
    markings: dict[str, Tlp] = {**MARKINGS, **defined}
    found: list[Indicator] = []
    unusable: list[Unusable] = []
    mistakes: list[Unusable] = []
    revoked: list[str] = []
    for one in newest.values():
        if one.type != "indicator":
            continue
        revoked.append(one.id)  # an older version of it does not hold any more, in any case
        if one.revoked:
            continue
        place = f"{where}: {line(one.id, 80)}"
        try:
            found += _indicators(one, markings, defaults)
        except PatternError as error:
            unusable.append(Unusable(place, line(one.pattern, 120), line(error)))
        except ValueError as error:
            mistakes.append(Unusable(place, line(one.name, 120), line(error)))
    return Parsed(tuple(found), tuple(unusable), tuple(mistakes), tuple(revoked))


def _defined(one: _Object) -> Tlp | None:
    """The TLP that a marking definition says, of either version."""
    if one.type != "marking-definition":
        return None
    said: Any = one.definition.get("tlp") if one.definition_type == "tlp" else None
    extension: Any = one.extensions.get(_EXTENSION)
    if isinstance(extension, dict):
        said = cast("dict[str, Any]", extension).get("tlp_2_0")
    return tlp_of(said) if isinstance(said, str) else None


def _indicators(one: _Object, markings: Mapping[str, Tlp], defaults: Defaults) -> list[Indicator]:
    """One object's indicators: one a value, or a set of values that must be there together.

    Raises:
        PatternError: the pattern cannot be used.
        ValueError: something else in it is wrong.
    """
    if one.pattern_type != "stix":
        raise PatternError(f"its pattern is of the type {line(one.pattern_type, 40)}")
    if not one.pattern:
        raise ValueError("it has no pattern")
    if one.confidence is not None and not 0 <= one.confidence <= 100:
        raise ValueError("confidence is not 0 to 100")
    tlp = strictest(markings[ref] for ref in one.object_marking_refs if ref in markings)
    last = _time(one.modified, "modified") or _time(one.created, "created") or defaults.now
    expires = _time(one.valid_until, "valid_until")
    if not expires and defaults.expire:
        expires = last + defaults.expire
    note = line(" – ".join(text for text in (one.name, one.description) if text))
    tags = tuple(line(tag, 60) for tag in [*one.labels, *one.indicator_types][:TAGS])
    confidence = defaults.confidence if one.confidence is None else one.confidence
    made: list[Indicator] = []
    for main, also in _values(stix_pattern.terms_of(one.pattern)):
        made.append(
            Indicator(
                main.kind,
                main.value,
                tlp or defaults.tlp,
                confidence,
                _time(one.valid_from, "valid_from"),
                last,
                expires,
                note,
                tags,
                one.id,
                also=tuple((kind, value) for kind, value in also),
            )
        )
    return made


def _values(terms: Sequence[Term]) -> list[tuple[Any, Term]]:
    """(value to look for, values that must be there too) of each alternative."""
    pairs: list[tuple[Any, Term]] = []
    for term in terms:
        if term[0].kind in ("md5", "sha1", "sha256"):
            pairs += [(digest, ()) for digest in term]
        else:
            main = min(term, key=lambda one: _SPECIFIC.index(one.kind))
            pairs.append((main, tuple(one for one in term if one != main)))
    return pairs


def _time(text: str, name: str) -> Micros:
    """An RFC 3339 time; 0 where there is none.

    Raises:
        ValueError: it is none.
    """
    if not text:
        return 0
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise ValueError(f"{name}: {line(text, 40)!r} is no time") from error
    if moment.tzinfo is None:
        raise ValueError(f"{name}: {line(text, 40)!r} has no zone")
    return to_micros(moment)
