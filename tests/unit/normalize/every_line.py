"""Prints what every sample, and as many damaged ones, become: ``python every_line.py [in-python]``, a line each.

``in-python`` leaves the compiled part out, as on a machine where nothing was built.
"""

import hashlib
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[3]
DATA = ROOT / "tests" / "data"
RECEIVED = 1_795_334_410_000_000
PIECES = (
    b"",
    b"\0",
    b"\xff",
    b'"',
    b"\\",
    b"=",
    b" ",
    b"\xc4\x90",
    b"[",
    b"99999999999999999999",
    b"0.0.0.0",
    b"N/A",
    b"\n",
)


def lines() -> Iterator[tuple[bytes, str]]:
    """(bytes, product): what a sample names, or every one in turn."""
    from soc.normalize.normalizer import products

    names, dice = sorted(products()), random.Random(7)
    for path in sorted((DATA / "normalize").glob("*.yaml")):
        for at, sample in enumerate(yaml.safe_load(path.read_text(encoding="utf-8"))):
            line = str(sample["line"]).encode()
            for product in dict.fromkeys(("auto", sample.get("product", "auto"), names[at % len(names)])):
                yield line, product
                for _ in range(2):
                    start = dice.randint(0, len(line))
                    yield line[:start] + dice.choice(PIECES) + line[start + dice.randint(0, 9) :], product


def main() -> None:
    """A digest of each event as the bus has it, or the reason why there is none."""
    sys.path.insert(0, str(ROOT))
    if "in-python" in sys.argv:
        sys.modules["soc.normalize.native"] = None  # type: ignore[assignment]
    from soc.errors import RecordError
    from soc.model import RawRecord, codec
    from soc.normalize.compiled import native
    from soc.normalize.normalizer import Normalizer, products
    from soc.settings import SourceProfile

    print("in Python" if native is None else "compiled", file=sys.stderr)
    profiles = [SourceProfile(name=name, product=name) for name in sorted(products())]
    normalizer = Normalizer(profiles, timezone="Asia/Ho_Chi_Minh", lateness=600_000_000, future_skew=5_000_000)
    for line, product in lines():
        # twice: what a line leaves in a memo must change nothing
        for _ in range(2):
            record = RawRecord(line, RECEIVED, "l", "192.0.2.1:5", "s", profile=product)
            try:
                became = hashlib.sha256(codec.encode(normalizer.normalize(record, "id", RECEIVED))).hexdigest()
            except RecordError as error:
                became = error.reason
            print(product, became, repr(line))


if __name__ == "__main__":
    main()
