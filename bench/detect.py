"""Detection speed on the development corpus: Windows events in, events per CPU-second out, beside a naive evaluator and rsigma.

    python bench/detect.py [--corpus DIR] [--events N] [--rounds N] [--naive N] [--no-rsigma] [--python] [--rules FOLDER ...]

Timed is what a line costs from its bytes: JSON decoding, its Sigma logsource, detection. Every rate is of CPU time on one core,
rule load taken off, the best of the rounds; *cold* is the first pass of a detector that has seen no event; that its
indexes are built beforehand is part of the load (bench/load.py), as it is in rsigma. rsigma, where it is
on PATH, reads the same lines with its logsource hints added, in turns with soc. No speed is printed unless the (rule, event)
pairs are the same; those that only soc finds must be of events that have more than one logsource, which rsigma has no way to say.
``--python`` leaves out what is compiled; the memo of whole events is there in Python only.
"""

import argparse
import gc
import json
import os
import random
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

from soc.detect import compiled
from soc.detect.detector import Detector
from soc.detect.literals import hyperscan
from soc.detect.naive import NaiveDetector
from soc.detect.view import EVENTS
from soc.model import Bundle, LogSource
from soc.normalize.kinds import expected
from soc.normalize.products.windows_logsource import CATEGORIES, MORE_SERVICES, REGISTRY_ACTIONS, SERVICES
from soc.sigma.load import load
from soc.sigma.ruleset import RuleSet

FOLDERS = ("rules", "rules-emerging-threats", "rules-threat-hunting")
BATCH = 500
Pairs = set[tuple[str, int]]


@cache
def logsources_for(channel: Any, code: Any, action: Any) -> tuple[LogSource, ...]:
    """The logsources of a Windows event; the same tuple for the same arguments."""
    service = SERVICES.get(str(channel).lower(), "")
    categories = CATEGORIES.get((service, str(code)), ())
    chosen = REGISTRY_ACTIONS.get(str(action).lower()) if (service, str(code)) == ("sysmon", "12") else None
    if chosen is not None:
        categories = (chosen, "registry_event")
    sources = tuple(LogSource("windows", category, service) for category in categories or ("",))
    return sources + tuple(LogSource("windows", "", more) for more in MORE_SERVICES.get(service, ()))


def logsources_of(fields: dict[str, Any]) -> tuple[LogSource, ...]:
    """As the normalizer finds them."""
    code = fields.get("EventID", "")
    action = fields.get("EventType") if code in (12, "12") else ""
    return logsources_for(fields.get("Channel", ""), code, action)


def bundle(corpus: Path, folders: list[str]) -> Bundle:
    """The rule files as they are."""
    paths = sorted(path for folder in folders for path in (corpus / "sigma" / folder).rglob("*.yml"))
    return Bundle(tuple((str(path.relative_to(corpus)), path.read_text("utf-8")) for path in paths))


def run(detector: Detector, lines: list[bytes], latencies: list[float] | None = None) -> tuple[float, Pairs]:
    """CPU seconds and pairs of one pass; ``latencies`` gets the seconds that each batch took by the clock on the wall."""
    pairs: Pairs = set()
    decode = msgspec.json.Decoder().decode
    detect = detector.detect_fields
    start = time.process_time()
    for first in range(0, len(lines), BATCH):
        began = time.perf_counter()
        for number, line in enumerate(lines[first : first + BATCH], first):
            fields = decode(line)
            for rule in detect(fields, logsources_of(fields)):
                pairs.add((rule, number))
        if latencies is not None:
            latencies.append(time.perf_counter() - began)
    return time.process_time() - start, pairs


def detector_for(rules: RuleSet, remembered: int = EVENTS) -> Detector:
    """A detector that has seen no event, with the garbage collector set as ``soc.app`` sets it."""
    detector = Detector(rules, remembered)
    detector.prepare(expected())
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)
    return detector


def passes(rules: RuleSet, lines: list[bytes], remembered: int, rounds: int) -> tuple[float, float, Pairs, list[float]]:
    """The best cold and warm seconds, the pairs, and how long each cold batch took in the last round."""
    cold = warm = float("inf")
    pairs: Pairs = set()
    latencies: list[float] = []
    for _ in range(rounds):
        detector = detector_for(rules, remembered)
        latencies.clear()
        seconds, pairs = run(detector, lines, latencies)
        cold = min(cold, seconds)
        seconds, again = run(detector, lines)
        warm = min(warm, seconds)
        if pairs != again:
            sys.exit("the second pass found other pairs than the first")
    return cold, warm, pairs, sorted(latencies)


def distinct(rules: RuleSet, lines: list[bytes]) -> list[bytes]:
    """One line of those that have the same values in every field that a rule for them asks, in random order."""
    detector = Detector(rules)
    kept: dict[tuple[Any, ...], bytes] = {}
    for line in lines:
        fields = msgspec.json.decode(line)
        logsources = logsources_of(fields)
        asked = detector.asked(logsources).fields
        kept.setdefault((logsources, *(str(fields.get(name)) for name in sorted(asked & fields.keys()))), line)
    chosen = list(kept.values())
    random.Random(5).shuffle(chosen)
    return chosen


def two_processes(rules: RuleSet, lines: list[bytes]) -> float:
    """Seconds on the wall of a cold pass by two processes, half of the lines each."""
    detector = detector_for(rules)
    start = time.perf_counter()
    children: list[int] = []
    for half in (lines[::2], lines[1::2]):
        child = os.fork()
        if not child:
            run(detector, half)
            os._exit(0)
        children.append(child)
    for child in children:
        os.waitpid(child, 0)
    return time.perf_counter() - start


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
            event: dict[str, Any] = found.get("event") or {}
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


def compare(ours: Pairs, theirs: Pairs, rules: RuleSet, lines: list[bytes]) -> None:
    """Prints what differs, by rule; ends the program where no reason is known."""
    print(f"pairs: ours {len(ours)}, rsigma {len(theirs)}, both {len(ours & theirs)}")
    unexplained = bool(theirs - ours)
    for title, difference in (("only ours", ours - theirs), ("only rsigma", theirs - ours)):
        several = {pair for pair in difference if len(logsources_of(msgspec.json.decode(lines[pair[1]]))) > 1}
        unexplained = unexplained or difference != several
        for rule, count in Counter(rule for rule, _ in difference).most_common(30):
            info = rules.infos.get(rule)
            example = next(n for r, n in difference if r == rule)
            why = "an event has one category in rsigma" if (rule, example) in several else ""
            print(f"  {title}: {count} × {info.title if info else rule} (line {example}) {why}")
    if unexplained:
        sys.exit("the pairs differ: no speed")


def check_naive(rule_bundle: Bundle, rules: RuleSet, sample: list[bytes]) -> None:
    """Compares with the naive evaluator and prints its speed."""
    naive = NaiveDetector(rule_bundle, rules.rules)
    start = time.process_time()
    events = [msgspec.json.decode(line) for line in sample]
    found = {
        (rule, n) for n, fields in enumerate(events) for rule in naive.detect_fields(fields, logsources_of(fields))
    }
    seconds = time.process_time() - start
    if found != run(Detector(rules), sample)[1]:
        sys.exit("the naive evaluator found other pairs: no speed")
    print(f"naive: {len(sample) / seconds:,.0f} events/s on {len(sample)} events, the same pairs")


def _has(module: Any) -> str:
    return "no" if module is None else "yes"


def main() -> None:
    """Runs what the arguments ask for."""
    here = Path(__file__).resolve().parents[1]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--corpus", type=Path, default=Path(os.environ.get("SOC_CORPUS", here.parent / "shared" / "corpus"))
    )
    parser.add_argument("--events", type=int, default=50_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--naive", type=int, default=100)
    parser.add_argument("--no-rsigma", action="store_true")
    parser.add_argument("--python", action="store_true")
    parser.add_argument("--rules", nargs="*", default=list(FOLDERS))
    arguments = parser.parse_args()
    lines = (arguments.corpus / "windows_50k.ndjson").read_bytes().splitlines()[: arguments.events]
    count = len(lines)
    if arguments.python:
        compiled.native = None

    rule_bundle = bundle(arguments.corpus, arguments.rules)
    start = time.process_time()
    rules = load(rule_bundle)
    print(f"load: {len(rules.rules)} rules, {len(rules.refused)} refused, {time.process_time() - start:.2f} CPU-s")
    start = time.process_time()
    Detector(rules)
    print(
        f"detector: {time.process_time() - start:.2f} CPU-s; hyperscan: {_has(hyperscan)}; compiled: {_has(compiled.native)}"
    )
    start = time.process_time()
    for line in lines:
        msgspec.json.decode(line)
    print(f"decoding alone: {count / (time.process_time() - start):,.0f} events/s")
    if arguments.naive:
        check_naive(rule_bundle, rules, lines[:: max(1, count // arguments.naive)][: arguments.naive])

    theirs, ours, cold, warm = float("inf"), set[tuple[str, int]](), float("inf"), float("inf")
    latencies: list[float] = []
    for number in range(arguments.rounds):
        seconds, more, ours, latencies = passes(rules, lines, EVENTS, 1)
        cold, warm = min(cold, seconds), min(warm, more)
        found = None if arguments.no_rsigma else rsigma(arguments.corpus, arguments.rules, lines)
        if found is not None:
            theirs = min(theirs, found[0])
            if not number:
                compare(ours, found[1], rules, lines)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"load of the machine: {' '.join(f'{load:.1f}' for load in os.getloadavg())}")
    print(f"soc: cold {count / cold:,.0f} events/s, warm {count / warm:,.0f}; {len(ours)} pairs")
    if theirs < float("inf"):
        print(f"rsigma --logsource-routing: {count / theirs:,.0f} events/s")
        print(f"ratio to rsigma: cold {theirs / cold:.2f}, warm {theirs / warm:.2f}")
    p50, p99 = (1000 * latencies[int(len(latencies) * share)] for share in (0.5, 0.99))
    print(f"a cold batch of {BATCH}, on the wall: p50 {p50:.1f} ms, p99 {p99:.1f} ms")
    print(f"peak memory: {peak:.0f} MiB, of which the lines {sum(map(len, lines)) / 2**20:.0f}")
    if compiled.native is None:
        cold, warm, again, _ = passes(rules, lines, 0, arguments.rounds)
        if again != ours:
            sys.exit("without the memo of events other pairs were found")
        print(f"without the memo of whole events: cold {count / cold:,.0f} events/s, warm {count / warm:,.0f}")
    chosen = distinct(rules, lines)
    cold, warm, _, _ = passes(rules, chosen, EVENTS, arguments.rounds)
    print(
        f"no two events alike, shuffled ({len(chosen)}): cold {len(chosen) / cold:,.0f} events/s, "
        f"warm {len(chosen) / warm:,.0f}"
    )
    print(f"2 processes, cold: {count / two_processes(rules, lines):,.0f} events/s on the wall")


if __name__ == "__main__":
    main()
