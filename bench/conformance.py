"""Where rsigma answers the correlation conformance cases otherwise: a Markdown table on stdout.

    python bench/conformance.py [--rsigma rsigma]

Each case is given to ``rsigma engine eval`` as it is written, and again sorted by time (what an engine without event time
needs); watermark lines are left out. rsigma has no episodes, so it is right if every expected episode has an alert of its rule
and group whose last event is one of the episode's (for a chain: within its interval), and if there is no other alert.
"""

import argparse
import json
import subprocess
from datetime import datetime
from pathlib import Path

import yaml

CASES = Path(__file__).parent.parent / "tests" / "correlation_conformance" / "cases"
OPTIONS = ["--quiet", "--no-detections", "--correlation-event-mode", "refs", "--max-correlation-events", "1000"]


def moment(value):
    """A time of the stream or of ``expected.yml``, which YAML may have read as one already."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


def alerts(rsigma, rules, lines):
    """(rule, group, id of the event it fired on) of each correlation alert; None if a rule is refused."""
    text = "\n".join(json.dumps(line) for line in lines) + "\n"
    command = [rsigma, "engine", "eval", "--rules", str(rules), *OPTIONS]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode or "parse errors" in done.stderr:
        return None
    found, event = [], None
    for line in done.stdout.splitlines():
        one = json.loads(line)
        if "correlation_type" in one:
            group = {name: str(value) for name, value in one["group_key"]}
            refs = one.get("event_refs")
            if refs:
                event = refs[-1]["id"]
            found.append((one["rule_title"], group, event))  # of a child's alert the parent's has no event of its own
    return found


def verdict(expected, found, times):
    """What is wrong with the alerts, in words; "" if nothing is."""
    if found is None:
        return "refuses a rule"
    episodes = expected["episodes"]
    alerted = [False] * len(episodes)
    extra = 0
    for rule, group, event in found:
        homes = [
            place
            for place, one in enumerate(episodes)
            if (one["rule"], {name: str(value) for name, value in one["group"].items()}) == (rule, group)
            and (
                event in one["members"] or (event in times and _within(one, times[event]) and " " in one["members"][0])
            )
        ]
        for place in homes:
            alerted[place] = True
        extra += not homes
    missed = alerted.count(False)
    said = [f"misses {missed} of {len(episodes)}"] if missed else []
    said += [f"{extra} false"] if extra else []
    return ", ".join(said)


def _within(episode, time):
    return moment(episode["start"]) <= time <= moment(episode["end"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rsigma", default="rsigma")
    options = parser.parse_args()
    cases = sorted(path for path in CASES.iterdir() if path.is_dir())
    rows, same = [], 0
    for case in cases:
        expected = yaml.safe_load((case / "expected.yml").read_text())
        lines = [json.loads(line) for line in (case / "stream.ndjson").read_text().splitlines()]
        lines = [line for line in lines if "watermark" not in line]
        times = {line["event.id"]: moment(line["@timestamp"]) for line in lines}
        by_time = sorted(lines, key=lambda line: moment(line["@timestamp"]))
        found = [
            verdict(expected, alerts(options.rsigma, case / "rules.yml", some), times) for some in (lines, by_time)
        ]
        if any(found):
            rows.append(f"| {case.name} | {found[0] or 'right'} | {found[1] or 'right'} |")
        else:
            same += 1
    version = subprocess.run([options.rsigma, "--version"], capture_output=True, text=True, check=True)
    print(
        f"{version.stdout.splitlines()[0]}: {same} of {len(cases)} cases as expected, in the written order and sorted by time. The others:\n"
    )
    print("| case | as written | sorted by time |\n| --- | --- | --- |")
    print("\n".join(rows))


if __name__ == "__main__":
    main()
