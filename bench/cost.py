"""What more rules cost: SigmaHQ's rules and Windows events in; events per CPU-second at four sizes of the rule set, as a plot, out.

    python bench/cost.py [--corpus DIR] [--events N] [--repeat N] [--out FILE] [--write]

Sizes are 100, 1,000 and 3,700 rules of SigmaHQ, drawn once and each within the next, and three times as many with made-up ones.
A made-up rule is one of SigmaHQ's with other letters in the literals that no other rule has; what several rules share
(``powershell.exe``) stays, because a new rule would name it too. Nothing of it is stored. Every size runs in processes of its
own, on the same events; timed is what a line costs from its bytes: JSON decoding, logsource, detection. ``--write`` puts the
table into docs/explanation/speed.md and draws speed.svg beside it.
"""

import argparse
import gc
import json
import math
import os
import random
import re
import string
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import yaml
from detect import logsources_of

from soc.detect.detector import Detector
from soc.model import Bundle
from soc.sigma.load import load

DOCS = Path(__file__).resolve().parents[1] / "docs" / "explanation"
SIZES = (100, 1_000, 3_700, 11_100)
NO_LITERALS = {"re", "cidr", "fieldref", "exists", "gt", "gte", "lt", "lte", "expand"}
"""Modifiers whose values are no text to be found."""

Figures = dict[str, float]


def strings(value: Any) -> Iterator[str]:
    """The literals of a detection."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for item in value:
            yield from strings(item)
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            if NO_LITERALS.isdisjoint(str(key).split("|")[1:]):
                yield from strings(inner)


def detections(rule: Mapping[str, Any]) -> dict[str, Any]:
    """Its detections without the condition."""
    return {key: value for key, value in rule["detection"].items() if key not in ("condition", "timeframe")}


def other_letters(seed: int) -> dict[int, int]:
    """A table for ``str.translate``: a vowel for a vowel, a consonant for a consonant, so that texts stay as rare as they were."""
    drawn = random.Random(seed)
    table: dict[int, int] = {}
    for group in ("aeiouy", "".join(sorted(set(string.ascii_lowercase) - set("aeiouy")))):
        shift = drawn.randrange(1, len(group))
        moved = group[shift:] + group[:shift]
        table |= str.maketrans(group + group.upper(), moved + moved.upper())
    return table


def rewritten(value: Any, table: dict[int, int], shared: set[str]) -> Any:
    """A detection with other letters in what only this rule says."""
    if isinstance(value, str):
        return value if value.lower() in shared else value.translate(table)
    if isinstance(value, list):
        return [rewritten(item, table, shared) for item in value]
    if isinstance(value, Mapping):
        return {
            key: rewritten(inner, table, shared) if NO_LITERALS.isdisjoint(str(key).split("|")[1:]) else inner
            for key, inner in value.items()
        }
    return value


def made_up(rule: Mapping[str, Any], copy: int, shared: set[str]) -> str:
    """The text of a rule like ``rule``."""
    own = uuid.uuid5(uuid.NAMESPACE_OID, f"{rule['id']} {copy}")
    table = other_letters(own.int)
    detection = {**rule["detection"], **rewritten(detections(rule), table, shared)}
    return msgspec.json.encode({**rule, "id": str(own), "detection": detection}, enc_hook=str).decode()


def bundle_of(corpus: Path, size: int) -> Bundle:
    """That many rules."""
    paths = sorted((corpus / "sigma").rglob("*.yml"))
    random.Random(5).shuffle(paths)
    texts = [path.read_text("utf-8") for path in paths]
    files = list(enumerate(texts[:size]))
    if size > len(texts):
        rules = [yaml.load(text, Loader=yaml.CSafeLoader) for text in texts]
        uses = Counter(text for rule in rules for text in {s.lower() for s in strings(detections(rule))})
        shared = {text for text, count in uses.items() if count > 1}
        more = [made_up(rule, copy, shared) for copy in range(math.ceil(size / len(rules)) - 1) for rule in rules]
        files += list(enumerate(more[: size - len(texts)], len(texts)))
    return Bundle(tuple((f"{number}.yml", text) for number, text in files))


def measure(corpus: Path, size: int, events: int) -> Figures:
    """One size, in this process."""
    bundle = bundle_of(corpus, size)
    lines = (corpus / "windows_50k.ndjson").read_bytes().splitlines()[:events]
    start = time.process_time()
    rules = load(bundle)
    loaded = time.process_time() - start
    detector = Detector(rules)
    gc.collect()
    gc.freeze()
    decode = msgspec.json.Decoder().decode
    rates: list[float] = []
    found = 0
    for _ in range(2):
        found = 0
        start = time.process_time()
        for line in lines:
            fields = decode(line)
            found += len(detector.detect_fields(fields, logsources_of(fields)))
        rates.append(len(lines) / (time.process_time() - start))
    return {
        "rules": len(rules.rules),
        "load_seconds": loaded,
        "cold": rates[0],
        "warm": rates[1],
        "evaluated": detector.evaluated / len(lines) / 2,
        "found": found,
    }


def best(given: argparse.Namespace, size: int) -> Figures:
    """The quickest of some processes, figure by figure."""
    command = [
        sys.executable,
        __file__,
        "--corpus",
        str(given.corpus),
        "--events",
        str(given.events),
        "--only",
        str(size),
    ]
    runs = [
        json.loads(subprocess.run(command, capture_output=True, check=True, timeout=900).stdout)
        for _ in range(given.repeat)
    ]
    top = max(runs, key=lambda run: run["cold"])
    return {**top, "warm": max(run["warm"] for run in runs), "load_seconds": min(run["load_seconds"] for run in runs)}


def table(found: list[Figures]) -> str:
    """Markdown."""
    head = [
        "rules",
        "load, CPU-s",
        "events per CPU-second, first pass",
        "second pass",
        "conditions evaluated per event",
    ]
    rows = [
        [
            f"{f['rules']:,.0f}",
            f"{f['load_seconds']:.1f}",
            f"{f['cold']:,.0f}",
            f"{f['warm']:,.0f}",
            f"{f['evaluated']:.2f}",
        ]
        for f in found
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in [head, ["---"] * len(head), *rows])


def picture(found: list[Figures]) -> str:
    """Rates by rules, both logarithmic; readable on a light and a dark page."""
    width, height, left, right, top, base = 720, 360, 70, 20, 40, 300
    first = found[0]
    in_step = [{"rules": f["rules"], "rate": first["cold"] * first["rules"] / f["rules"]} for f in found]
    rates = [f[name] for f in found for name in ("cold", "warm")] + [one["rate"] for one in in_step]
    low, high = math.floor(math.log10(min(rates))), math.ceil(math.log10(max(rates)))

    def x(rules: float) -> float:
        return left + (math.log10(rules) - 1.9) / (4.15 - 1.9) * (width - left - right)

    def y(rate: float) -> float:
        return base - (math.log10(rate) - low) / (high - low) * (base - top)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" font-family="sans-serif" font-size="12">',
        "<title>Events per CPU-second by number of rules</title>",
        (
            "<style>text{fill:#333}line{stroke:#999}polyline{fill:none;stroke-width:2}"
            "@media(prefers-color-scheme:dark){text{fill:#ddd}line{stroke:#777}}</style>"
        ),
        f'<text x="{left}" y="22">events per CPU-second, by number of rules (both logarithmic)</text>',
    ]
    for power in range(low, high + 1):
        at = y(10**power)
        parts.append(f'<line x1="{left}" x2="{width - right}" y1="{at:.0f}" y2="{at:.0f}" stroke-width="0.5"/>')
        parts.append(f'<text x="{left - 8}" y="{at + 4:.0f}" text-anchor="end">{10**power:,}</text>')
    parts += [
        f'<text x="{x(one["rules"]):.0f}" y="{base + 20}" text-anchor="middle">{one["rules"]:,.0f}</text>'
        for one in found
    ]
    drawn = (
        ("first pass", "#3b82c4", "", [(f["rules"], f["cold"]) for f in found]),
        ("second pass", "#2a9d8f", "", [(f["rules"], f["warm"]) for f in found]),
        ("if cost grew as the rules do", "#8a8f98", "5 4", [(one["rules"], one["rate"]) for one in in_step]),
    )
    for place, (name, colour, dashes, points) in enumerate(drawn):
        path = " ".join(f"{x(rules):.1f},{y(rate):.1f}" for rules, rate in points)
        parts.append(f'<polyline points="{path}" stroke="{colour}" stroke-dasharray="{dashes}"/>')
        if not dashes:
            parts += [
                f'<circle cx="{x(rules):.1f}" cy="{y(rate):.1f}" r="3.5" fill="{colour}"/>' for rules, rate in points
            ]
        at = left + place * 130
        parts.append(f'<rect x="{at}" y="{height - 24}" width="12" height="12" fill="{colour}"/>')
        parts.append(f'<text x="{at + 17}" y="{height - 14}">{name}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def write(found: list[Figures]) -> None:
    """Into the page, and the picture beside it."""
    page = DOCS / "speed.md"
    block = table(found)
    pattern = re.compile(r"(<!-- cost -->\n).*?(<!-- end -->)", re.DOTALL)
    page.write_text(pattern.sub(lambda place: f"{place[1]}\n{block}\n\n{place[2]}", page.read_text("utf-8")), "utf-8")
    (DOCS / "speed.svg").write_text(picture(found), "utf-8")


def main() -> None:
    """Runs what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    place = Path(os.environ.get("SOC_CORPUS", DOCS.parents[2] / "shared" / "corpus"))
    parser.add_argument("--corpus", type=Path, default=place)
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--repeat", type=int, default=2)
    parser.add_argument("--out", type=Path, help="write the figures there as JSON")
    parser.add_argument("--write", action="store_true", help="put the table into speed.md, draw speed.svg")
    parser.add_argument("--only", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.only:
        print(json.dumps(measure(given.corpus, given.only, given.events)))
        return
    found = [best(given, size) for size in SIZES]
    print(table(found))
    if given.out:
        given.out.write_text(json.dumps(found, indent=1) + "\n")
    if given.write:
        write(found)


if __name__ == "__main__":
    main()
