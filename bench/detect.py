"""Detection speed on the development corpus: Windows events in, events per CPU-second out, beside a naive evaluator and rsigma.

    python bench/detect.py [--corpus DIR] [--events N] [--naive N] [--no-rsigma] [--rules FOLDER ...]

Timed is what a line costs from its bytes: JSON decoding, its Sigma logsource, detection. Every rate is of CPU time on one core,
rule load taken off. rsigma, where it is on PATH, reads the same lines with its logsource hints added, and the (rule, event)
pairs of both are compared before a speed is printed; what differs is listed by rule.
"""

import argparse
import gc
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from soc.detect.detector import Detector
from soc.detect.naive import NaiveDetector
from soc.model import Bundle, LogSource
from soc.normalize.products.windows_logsource import CATEGORIES, MORE_SERVICES, REGISTRY_ACTIONS, SERVICES
from soc.sigma.load import load
from soc.sigma.ruleset import RuleSet

FOLDERS = ("rules", "rules-emerging-threats", "rules-threat-hunting")
Pairs = set[tuple[str, int]]


@cache
def logsources_for(channel: str, code: str, action: str) -> tuple[LogSource, ...]:
    """The logsources of a Windows event; the same tuple for the same arguments."""
    service = SERVICES.get(channel.lower(), "")
    categories = CATEGORIES.get((service, code), ())
    chosen = REGISTRY_ACTIONS.get(action.lower()) if (service, code) == ("sysmon", "12") else None
    if chosen is not None:
        categories = (chosen, "registry_event")
    sources = tuple(LogSource("windows", category, service) for category in categories or ("",))
    return sources + tuple(LogSource("windows", "", more) for more in MORE_SERVICES.get(service, ()))


def logsources_of(fields: dict[str, Any]) -> tuple[LogSource, ...]:
    """As the normalizer finds them."""
    code = str(fields.get("EventID", ""))
    action = fields.get("EventType") if code == "12" else ""
    return logsources_for(str(fields.get("Channel", "")), code, action if isinstance(action, str) else "")


def bundle(corpus: Path, folders: list[str]) -> Bundle:
    """The rule files as they are."""
    paths = sorted(path for folder in folders for path in (corpus / "sigma" / folder).rglob("*.yml"))
    return Bundle(tuple((str(path.relative_to(corpus)), path.read_text("utf-8")) for path in paths))


def run(detector: Detector, lines: list[bytes]) -> tuple[float, Pairs]:
    """CPU seconds and pairs of one pass."""
    pairs: Pairs = set()
    decode = msgspec.json.Decoder().decode
    start = time.process_time()
    for number, line in enumerate(lines):
        fields = decode(line)
        for rule in detector.detect_fields(fields, logsources_of(fields)):
            pairs.add((rule, number))
    return time.process_time() - start, pairs


def rsigma(corpus: Path, folders: list[str], lines: list[bytes]) -> tuple[float, Pairs] | None:
    """CPU seconds (net of load) and pairs of rsigma on the same lines, or None where it is not on PATH."""
    binary = shutil.which("rsigma") or shutil.which("rsigma", path=str(Path.home() / ".cargo" / "bin"))
    if binary is None:
        return None
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in folders:
            (folder / "rules").mkdir(exist_ok=True)
            (folder / "rules" / part).symlink_to(corpus / "sigma" / part)
        hinted, empty = folder / "hinted.ndjson", folder / "one.ndjson"
        with hinted.open("wb") as out:
            for number, line in enumerate(lines):
                source = logsources_of(msgspec.json.decode(line))[0]
                hints = {
                    "hint_product": "windows",
                    "hint_service": source.service or "none",
                    "hint_category": source.category or "none",
                    "hint_n": number,
                }
                out.write(line.rstrip()[:-1] + b"," + json.dumps(hints).encode()[1:] + b"\n")
        empty.write_bytes(b'{"hint_product":"none","hint_service":"none","hint_category":"none"}\n')
        command = [
            binary,
            "engine",
            "eval",
            "--rules",
            str(folder / "rules"),
            "--logsource-routing",
            "--include-event",
            "--input-format",
            "json",
        ]
        command += [
            "--logsource-field-map",
            "product=hint_product,service=hint_service,category=hint_category",
            "--output-format",
            "ndjson",
        ]
        load_seconds, _ = _child([*command, "--event", f"@{empty}"])
        seconds, output = _child([*command, "--event", f"@{hinted}"])
    pairs: Pairs = set()
    for line in output.splitlines():
        if line.startswith(b"{"):
            found = msgspec.json.decode(line)
            event = found.get("event") or {}
            if "hint_n" in event:
                pairs.add((found.get("rule_id") or found.get("id") or found["rule"]["id"], event["hint_n"]))
    return seconds - load_seconds, pairs


def _child(command: list[str]) -> tuple[float, bytes]:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, capture_output=True, check=False, timeout=1800)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        sys.exit(f"rsigma failed: {done.stderr.decode('utf-8', 'replace')[-2000:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, done.stdout


def compare(name: str, ours: Pairs, theirs: Pairs, rules: RuleSet, lines: list[bytes]) -> None:
    """Prints what differs, by rule and with a reason where one is known."""
    print(f"pairs: ours {len(ours)}, {name} {len(theirs)}, both {len(ours & theirs)}")
    for title, difference in (("only ours", ours - theirs), (f"only {name}", theirs - ours)):
        for rule, count in Counter(rule for rule, _ in difference).most_common(30):
            example = next(n for r, n in difference if r == rule)
            own = logsources_of(msgspec.json.decode(lines[example]))
            info = rules.infos.get(rule)
            why = "an event has one category in rsigma" if title == "only ours" and len(own) > 1 else ""
            print(f"  {title}: {count} × {info.title if info else rule} (line {example}) {why}")


def main() -> None:
    """Runs what the arguments ask for."""
    here = Path(__file__).resolve().parents[1]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--corpus", type=Path, default=Path(os.environ.get("SOC_CORPUS", here.parent / "shared" / "corpus"))
    )
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--naive", type=int, default=100)
    parser.add_argument("--no-rsigma", action="store_true")
    parser.add_argument("--rules", nargs="*", default=list(FOLDERS))
    arguments = parser.parse_args()
    lines = (arguments.corpus / "windows_50k.ndjson").read_bytes().splitlines()[: arguments.events]

    rule_bundle = bundle(arguments.corpus, arguments.rules)
    start = time.process_time()
    rules = load(rule_bundle)
    print(f"load: {len(rules.rules)} rules, {len(rules.refused)} refused, {time.process_time() - start:.2f} CPU-s")
    gc.collect()
    gc.freeze()
    start = time.process_time()
    detector = Detector(rules)
    print(f"detector: {time.process_time() - start:.2f} CPU-s")
    decode = msgspec.json.Decoder().decode
    start = time.process_time()
    for line in lines:
        decode(line)
    decoding = time.process_time() - start
    cold, ours = run(detector, lines)
    warm, again = run(detector, lines)
    if ours != again:
        sys.exit("the second pass found other pairs than the first")
    sample = lines[:: max(1, len(lines) // arguments.naive)][: arguments.naive] if arguments.naive else []
    if sample:
        naive = NaiveDetector(rule_bundle, rules.rules)
        start = time.process_time()
        events = [decode(line) for line in sample]
        found = {
            (rule, n) for n, fields in enumerate(events) for rule in naive.detect_fields(fields, logsources_of(fields))
        }
        seconds = time.process_time() - start
        if found != run(detector, sample)[1]:
            sys.exit("the naive evaluator found other pairs")
        print(f"naive: {len(sample) / seconds:,.0f} events/s on {len(sample)} events, the same pairs")
    theirs = None if arguments.no_rsigma else rsigma(arguments.corpus, arguments.rules, lines)
    if theirs is not None:
        compare("rsigma", ours, theirs[1], rules, lines)
        print(f"rsigma --logsource-routing: {len(lines) / theirs[0]:,.0f} events/s")
    print(f"decoding alone: {len(lines) / decoding:,.0f} events/s")
    print(f"soc, cold: {len(lines) / cold:,.0f} events/s; warm: {len(lines) / warm:,.0f} events/s; {len(ours)} pairs")
    if theirs is not None:
        print(f"ratio to rsigma: cold {theirs[0] / cold:.2f}, warm {theirs[0] / warm:.2f}")
    print(f"peak memory: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")


if __name__ == "__main__":
    main()
