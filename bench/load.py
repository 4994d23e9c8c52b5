"""What loading rules costs: a folder of Sigma rules in; CPU seconds cold, from the cache and of pySigma's own parsing, and memory, out.

    python bench/load.py [--corpus DIR] [--repeat N] [--write]

Every figure is of a process of its own, so that none profits from another, the best of N; importing is taken off. pySigma's
parsing (libyaml's C parser, then ``SigmaRule.from_dict`` of each document) does less: no pipelines, no conditions. ``--write`` puts
the table into docs/explanation/speed.md.
"""

import argparse
import gc
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import yaml
from sigma.rule import SigmaRule

from soc.detect.detector import Detector
from soc.model import Bundle
from soc.normalize.kinds import expected
from soc.pipeline.rule_cache import load_cached
from soc.pipeline.ruleset import read_bundle
from soc.settings import RuleSettings
from soc.sigma.load import load
from soc.sigma.ruleset import RuleSet

Figures = dict[str, float]


def timed(make: Callable[[], Any]) -> tuple[float, Any]:
    """CPU seconds and what was made."""
    start = time.process_time()
    made = make()
    return time.process_time() - start, made


def resident() -> float:
    """MiB of this process that are in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def parsing(rules: Path, _: Path) -> Figures:
    """The measure: C-YAML and pySigma."""
    texts = [text for _, text in bundle(rules).files]

    def parse() -> list[SigmaRule]:
        documents = [d for text in texts for d in yaml.load_all(text, Loader=yaml.CSafeLoader)]
        return [SigmaRule.from_dict(document, collect_errors=True) for document in documents]

    seconds, parsed = timed(parse)
    return {"seconds": seconds, "rules": len(parsed)}


def cold(rules: Path, _: Path) -> Figures:
    """Compiling everything, then making a detector; the files are read before."""
    texts = bundle(rules)
    return {**_loaded(lambda: load(texts)), "files": len(texts.files)}


def filling(rules: Path, cache: Path) -> Figures:
    """Compiling everything and writing it to the cache."""
    seconds, _ = timed(lambda: load_cached(bundle(rules), cache))
    return {"seconds": seconds, "MB on disk": sum(f.stat().st_size for f in cache.iterdir()) / 1e6}


def cached(rules: Path, cache: Path) -> Figures:
    """Reading every rule file, finding the set by their content, thawing it; then making a detector, and every condition."""
    return _loaded(lambda: load_cached(bundle(rules), cache))


def _loaded(make: Callable[[], RuleSet]) -> Figures:
    before = resident()
    seconds, rules = timed(make)
    detector_seconds, detector = timed(lambda: Detector(rules))
    prepared_seconds, _ = timed(partial(detector.prepare, expected()))
    conditions_seconds, conditions = timed(lambda: [rule.condition for rule in rules.rules.values()])
    gc.collect()
    held = resident()
    del detector
    return {
        "seconds": seconds,
        "detector": detector_seconds,
        "indexes": prepared_seconds,
        "conditions": conditions_seconds,
        "MiB of rules and detector": held - before,
        "highest": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "rules": len(conditions),
        "refused": len(rules.refused),
    }


def bundle(rules: Path) -> Bundle:
    """The files as they are, with our field maps."""
    return read_bundle(RuleSettings(paths=(str(rules),)))


PARTS = {part.__name__: part for part in (parsing, cold, filling, cached)}


def best(name: str, rules: Path, cache: Path, repeat: int) -> Figures:
    """The figures of the quickest of some processes; each ``filling`` fills a cache of its own."""
    runs: list[Figures] = []
    for number in range(repeat):
        place = cache / str(number if name == "filling" else 0)
        command = [sys.executable, __file__, "--only", name, "--rules", str(rules), "--cache", str(place)]
        done = subprocess.run(command, capture_output=True, check=False, timeout=600)
        if done.returncode:
            sys.exit(f"{name} failed: {done.stderr.decode('utf-8', 'replace')[-2000:]}")
        runs.append(json.loads(done.stdout))
    return min(runs, key=lambda figures: figures["seconds"])


def main() -> None:
    """Runs what the arguments ask for."""
    here = Path(__file__).resolve().parents[1]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    place = Path(os.environ.get("SOC_CORPUS", here.parent / "shared" / "corpus"))
    parser.add_argument("--corpus", type=Path, default=place)
    parser.add_argument("--rules", type=Path, help="a folder of rules instead of the corpus")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the table into speed.md")
    parser.add_argument("--only", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--cache", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    rules = given.rules or given.corpus / "sigma"
    if given.only:
        print(json.dumps(PARTS[given.only](rules, given.cache)))
        return
    with tempfile.TemporaryDirectory() as name:
        found = {part: best(part, rules, Path(name), given.repeat) for part in PARTS}
    print(table(found))
    if given.write:
        page = here / "docs" / "explanation" / "speed.md"
        pattern = re.compile(r"(<!-- load -->\n).*?(<!-- end -->)", re.DOTALL)
        text = pattern.sub(lambda place: f"{place[1]}\n{table(found)}\n\n{place[2]}", page.read_text("utf-8"))
        page.write_text(text, "utf-8")


def table(found: dict[str, Figures]) -> str:
    """Markdown."""
    parse, compiled, filled, thawed = (found[part] for part in PARTS)
    ratio = compiled["seconds"] / parse["seconds"]
    memory = [f"{figures['MiB of rules and detector']:.0f} MiB" for figures in (compiled, thawed)]
    rows = [
        [f"{compiled['rules']:,.0f} rules, {compiled['refused']:,.0f} refused", "CPU seconds"],
        ["---", "---"],
        ["libyaml and pySigma alone", f"{parse['seconds']:.2f}"],
        ["**cold**", f"**{compiled['seconds']:.2f}** ({ratio:.1f} times that)"],
        ["cold, and written to the cache", f"{filled['seconds']:.2f} ({filled['MB on disk']:.0f} MB)"],
        ["**from the cache**, files read and compared", f"**{thawed['seconds']:.2f}**"],
        ["a detector of them, after a cold load", f"{compiled['detector']:.2f}"],
        ["a detector of them, from the cache", f"{thawed['detector']:.2f}"],
        ["memory of rules and detector: cold, from the cache", ", ".join(memory)],
        ["memory of the whole process at its highest", f"{compiled['highest']:.0f} MiB, {thawed['highest']:.0f} MiB"],
    ]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


if __name__ == "__main__":
    main()
