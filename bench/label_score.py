"""A directory of log files → how many of the labelled lines in it are normalized right, per field, as one JSON object.

    python bench/label_score.py DIR

Lines are looked up by the SHA-256 of their bytes in tests/data/normalize/labelled_lines.ndjson, so that the repository
holds expectations and no text of others. DIR may also be a ``.tar.gz`` with a ``crowdsec`` folder.
"""

import hashlib
import json
import sys
import tarfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from soc.errors import RecordError  # noqa: E402 - found through the path set above
from soc.model.event import Event  # noqa: E402 - found through the path set above
from soc.model.record import RawRecord  # noqa: E402 - found through the path set above
from soc.normalize.normalizer import Normalizer  # noqa: E402 - found through the path set above
from soc.settings import SourceProfile  # noqa: E402 - found through the path set above

FIELDS = ("source.ip", "user.name", "event.outcome", "time")
RECEIVED = 1_795_334_400_000_000  # 2026-11-22T08:00:00Z
_LARGEST = 64 * 1024 * 1024


def labels() -> dict[str, dict[str, str | None]]:
    """Expectations by the SHA-256 of the line's bytes without its newline.

    ``time`` is UTC with a Z, local without one, or ``--MM-DDThh:mm:ss`` where the line has no year.
    """
    path = ROOT / "tests" / "data" / "normalize" / "labelled_lines.ndjson"
    rows = (json.loads(line) for line in path.read_text().splitlines())
    return {row.pop("sha256"): row for row in rows}


def lines_under(place: Path) -> Iterator[bytes]:
    """Every line of every file under a directory, or of a ``.tar.gz``'s ``crowdsec`` folder; each file bounded."""
    if place.is_file():
        with tarfile.open(place) as archive:
            for member in archive:
                if member.isfile() and "crowdsec" in member.name and member.size <= _LARGEST:
                    content = archive.extractfile(member)
                    if content is not None:
                        yield from content.read().split(b"\n")
        return
    for path in sorted(place.rglob("*")):
        if path.is_file() and path.stat().st_size <= _LARGEST:
            yield from path.read_bytes().split(b"\n")


@dataclass
class Score:
    """How it went: distinct labelled lines found, right ones per field, and the mistakes in words (no line's text)."""

    found: int = 0
    right: dict[str, int] = field(default_factory=lambda: dict.fromkeys(FIELDS, 0))
    mistakes: list[str] = field(default_factory=list)

    @property
    def shares(self) -> dict[str, float]:
        """The share of right lines per field."""
        return {name: count / self.found if self.found else 0.0 for name, count in self.right.items()}


def _time_is_right(expected: str | None, found: str) -> bool:
    if expected is None:
        return True
    if expected.startswith("--"):
        return found[5:19] == expected[2:]
    return found.rstrip("Z") == expected.rstrip("Z")


def score(lines: Iterable[bytes], expected: dict[str, dict[str, str | None]]) -> Score:
    """Normalize each labelled line, its product not being told, and compare."""
    normalizer = Normalizer(
        (SourceProfile(name="old", timezone="UTC", live=False),),
        timezone="UTC",
        lateness=600_000_000,
        future_skew=5_000_000,
    )
    result = Score()
    seen: set[str] = set()
    for line in lines:
        digest = hashlib.sha256(line).hexdigest()
        label = expected.get(digest)
        if label is None or digest in seen:
            continue
        seen.add(digest)
        result.found += 1
        try:
            event = normalizer.normalize(RawRecord(line, RECEIVED, "file", "f", "f", profile="old"), digest, RECEIVED)
        except RecordError as error:
            result.mistakes.append(f"{digest[:12]}: {error}")
            continue
        assert isinstance(event, Event)
        for name in FIELDS:
            value = event.fields["@timestamp"] if name == "time" else event.fields.get(name)
            if _time_is_right(label[name], value) if name == "time" else value == label[name]:
                result.right[name] += 1
            else:
                result.mistakes.append(f"{digest[:12]}: {name}: expected {label[name]}, got {value}")
    return result


def main() -> None:
    """Print the score and, on stderr, every mistake."""
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    result = score(lines_under(Path(sys.argv[1])), labels())
    for mistake in result.mistakes:
        print(mistake, file=sys.stderr)
    print(json.dumps({"labelled": len(labels()), "found": result.found, "share_right": result.shares}))


if __name__ == "__main__":
    main()
