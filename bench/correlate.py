"""How many detections a second correlate takes on one core: JSON on stdout, one object.

    python bench/correlate.py [--detections 200000] [--batch 2000]

``spread``: 50 rules, 100,000 groups, each detection for a random one of them. ``busy``: one group with 6,000 events in its
window. A batch ends with a watermark, as in the pipeline; building the detections is not timed, encoding the state is part
of the work. ``bytes_per_group``: what the process grew by while 100,000 groups of the spread stream were remembered.
"""

import argparse
import gc
import json
import random
import time
from pathlib import Path

from soc.correlate import Correlator
from soc.model import Detection, Watermark
from soc.sigma.correlation import CorrelationCondition, CorrelationRule
from soc.sigma.ruleset import RuleSet

SECOND = 1_000_000
START = 1_795_000_000 * SECOND
WINDOW = 600 * SECOND


def rule_of(type_, number=0, count=10):
    temporal = type_.startswith("temporal")
    condition = None if temporal else CorrelationCondition("gte", count, "f" if type_ == "value_count" else "")
    rules = ("base", "other") if temporal else ("base",)
    name = f"{type_}-{number:08}"
    return CorrelationRule(name, type_, rules, ("source.ip",), {}, WINDOW, condition, digest=f"digest of {name}")


def correlator_of(rules):
    rule_set = RuleSet("0" * 32, {}, {one.id: one for one in rules}, {}, (), frozenset(), {}, {})
    return Correlator(rule_set, lateness=WINDOW, raw_partitions=1, max_groups=10_000_000, max_events_per_group=20_000)


def detection(rule, group, number, at, rng, *, values):
    value = f"user{rng.randrange(values)}" if rule.type == "value_count" else None
    by = rule.rules[0] if len(rule.rules) == 1 or rng.random() < 0.99 else rule.rules[1]
    return Detection(by, "0" * 32, rule.id, (group,), value, f"0123456789abcdef/0/{number}", "192.0.2.1", at, at, at)


def measure(rules, stream, batch):
    correlator = correlator_of(rules)
    batches = [stream[place : place + batch] for place in range(0, len(stream), batch)]
    state, revisions = 0, 0
    gc.collect()
    began = time.process_time()
    for number, items in enumerate(batches):
        newest = items[-1].time
        outcome = correlator.apply([*items, Watermark(0, newest)])
        state += sum(len(value) for value in outcome.state.values() if value)
        revisions += len(outcome.episodes)
        batches[number] = []
    seconds = time.process_time() - began
    return {
        "detections": len(stream),
        "seconds": round(seconds, 3),
        "detections_per_second": round(len(stream) / seconds),
        "state_bytes_per_detection": round(state / len(stream)),
        "revisions": revisions,
        "groups": correlator.groups,
    }


def resident():
    """Bytes of memory in use (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def spread(type_, number, batch, rng):
    rules = [rule_of(type_, one) for one in range(50)]
    groups = [f"10.{one >> 16}.{one >> 8 & 255}.{one & 255}" for one in range(2_000)]
    step = WINDOW * 2 // number
    stream = [
        detection(rng.choice(rules), rng.choice(groups), one, START + one * step, rng, values=50)
        for one in range(number)
    ]
    return measure(rules, stream, batch)


def busy(type_, number, batch, rng, *, disorder=0):
    """One group, 6,000 events in its window; ``disorder``: how many microseconds an event may come too late."""
    count = 4_000 if type_ == "value_count" else 5_000
    rules = [rule_of(type_, count=count)]
    step = WINDOW // 6_000
    made = [detection(rules[0], "192.0.2.7", one, START + one * step, rng, values=20_000) for one in range(number)]
    if disorder:
        made.sort(key=lambda one: one.time + rng.randrange(disorder))
    return measure(rules, made, batch)


def memory(number, rng):
    rules = [rule_of("event_count", one) for one in range(50)]
    correlator = correlator_of(rules)
    gc.collect()
    before = resident()
    for place in range(number):
        at = START + place
        one = detection(rules[place % 50], f"10.0.{place // 50}", place, at, rng, values=50)
        correlator.apply([one])
    gc.collect()
    return round((resident() - before) / correlator.groups)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detections", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=2_000)
    options = parser.parse_args()
    rng = random.Random(7)
    number, batch = options.detections, options.batch
    result = {"batch": batch, "bytes_per_group_of_one_event": memory(100_000, rng)}
    for type_ in ("event_count", "value_count", "temporal", "temporal_ordered"):
        result[f"spread_{type_}"] = spread(type_, number, batch, rng)
        result[f"busy_{type_}"] = busy(type_, number, batch, rng)
    result["busy_value_count_5s_disorder"] = busy("value_count", number, batch, rng, disorder=5 * SECOND)
    result["busy_value_count_batches_of_1"] = busy("value_count", number // 10, 1, rng)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
