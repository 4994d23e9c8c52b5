"""How many detections a second correlate takes on one core: JSON on stdout, one object.

    python bench/correlate.py [--detections 200000] [--batch 2000] [--runs 3] [--only spread_event_count …]

``spread``: 50 rules, 100,000 groups, each detection for a random one of them, within two windows. ``steady``: the same over 16
windows with 20,000 groups, so that most of the time something is forgotten too. ``busy``: one group with 6,000 events in its
window. A batch ends with a watermark, as in the pipeline; encoding the state is part of the work, decoding the detections is
not. Of several runs the fastest counts (CPU time). ``bytes_per_group``: what the process grew by while 100,000 groups were filled
from decoded records, as in the pipeline, with that many events each.
"""

import argparse
import gc
import json
import random
import time
from pathlib import Path

from soc.correlate import Correlator
from soc.model import Detection, Watermark, decode, encode
from soc.sigma.correlation import CorrelationCondition, CorrelationRule
from soc.sigma.ruleset import RuleSet

SECOND = 1_000_000
START = 1_795_000_000 * SECOND
WINDOW = 600 * SECOND
TYPES = ("event_count", "value_count", "value_sum", "value_avg", "value_percentile", "temporal", "temporal_ordered")


def rule_of(type_, number=0, count=10):
    temporal = type_.startswith("temporal")
    fields = ("f",) if type_.startswith("value") else ()
    percentile = 95 if type_ == "value_percentile" else None
    condition = None if temporal else CorrelationCondition("gte", count, fields, percentile)
    rules = ("base", "other") if temporal else ("base",)
    name = f"{type_}-{number:08}"
    return CorrelationRule(name, type_, rules, ("source.ip",), {}, WINDOW, condition, digest=f"digest of {name}")


def correlator_of(rules):
    rule_set = RuleSet("0" * 32, {}, {one.id: one for one in rules}, {}, (), frozenset(), {}, {})
    return Correlator(rule_set, lateness=WINDOW, raw_partitions=1, max_groups=10_000_000, max_events_per_group=20_000)


def detection(rule, group, number, at, rng, *, values):
    value = None
    if rule.type == "value_count":
        value = f"user{rng.randrange(values)}"
    elif rule.type.startswith("value"):
        value = str(rng.randrange(values))
    by = rule.rules[0] if len(rule.rules) == 1 or rng.random() < 0.99 else rule.rules[1]
    return Detection(by, "0" * 32, rule.id, (group,), value, f"0123456789abcdef/0/{number}", "192.0.2.1", at, at, at)


def measure(rules, stream, batch):
    correlator = correlator_of(rules)
    stored = [encode(one) for one in stream]
    newest = [one.time for one in stream]
    stream.clear()
    seconds, state, revisions = 0.0, 0, 0
    gc.collect()
    for place in range(0, len(stored), batch):
        items = [decode(one, Detection) for one in stored[place : place + batch]]
        items.append(Watermark(0, newest[min(place + batch, len(stored)) - 1]))
        began = time.process_time()
        outcome = correlator.apply(items)
        seconds += time.process_time() - began
        state += sum(len(value) for value in outcome.state.values() if value)
        revisions += len(outcome.episodes)
    return {
        "detections": len(stored),
        "seconds": round(seconds, 3),
        "detections_per_second": round(len(stored) / seconds),
        "state_bytes_per_detection": round(state / len(stored)),
        "revisions": revisions,
        "groups": correlator.groups,
    }


def resident():
    """Bytes of memory in use (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def spread(type_, number, batch, rng, *, addresses=2_000, windows=2):
    # value_sum is looked at from the first event on; a bound that few groups reach, as of the other types
    count = 500 if type_ == "value_sum" else 60 if type_ in {"value_avg", "value_percentile"} else 10
    rules = [rule_of(type_, one, count) for one in range(50)]
    groups = [f"10.{one >> 16}.{one >> 8 & 255}.{one & 255}" for one in range(addresses)]
    step = WINDOW * windows // number
    stream = [
        detection(rng.choice(rules), rng.choice(groups), one, START + one * step, rng, values=50)
        for one in range(number)
    ]
    return measure(rules, stream, batch)


def steady(type_, number, batch, rng):
    return spread(type_, number, batch, rng, addresses=400, windows=16)


def busy(type_, number, batch, rng, *, disorder=0):
    """One group, 6,000 events in its window; ``disorder``: how many microseconds an event may come too late."""
    count = {"value_count": 4_000, "value_sum": 50_000_000, "value_avg": 10_100, "value_percentile": 19_020}
    rules = [rule_of(type_, count=count.get(type_, 5_000))]
    step = WINDOW // 6_000
    made = [detection(rules[0], "192.0.2.7", one, START + one * step, rng, values=20_000) for one in range(number)]
    if disorder:
        made.sort(key=lambda one: one.time + rng.randrange(disorder))
    return measure(rules, made, batch)


def memory(number, events, rng):
    rules = [rule_of("event_count", one) for one in range(50)]
    correlator = correlator_of(rules)
    gc.collect()
    before = resident()
    for event in range(events):
        for place in range(number):
            at = START + event * number + place
            one = detection(rules[place % 50], f"10.0.{place // 50}", at - START, at, rng, values=50)
            correlator.apply([decode(encode(one), Detection)])
    gc.collect()
    return round((resident() - before) / correlator.groups)


def measurements(number, batch, rng):
    made = {}
    for type_ in TYPES:
        for shape in (spread, steady, busy):
            made[f"{shape.__name__}_{type_}"] = lambda type_=type_, shape=shape: shape(type_, number, batch, rng)
    for type_ in ("value_count", "value_percentile"):
        made[f"busy_{type_}_5s_disorder"] = lambda type_=type_: busy(type_, number, batch, rng, disorder=5 * SECOND)
        made[f"busy_{type_}_batches_of_1"] = lambda type_=type_: busy(type_, number // 10, 1, rng)
    return made


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--detections", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=2_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", nargs="*")
    options = parser.parse_args()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)  # as every role of the product runs (soc.app)
    rng = random.Random(7)
    result = {"batch": options.batch}
    if not options.only:
        result["bytes_per_group"] = {f"{events}_events": memory(100_000, events, rng) for events in (1, 3, 8)}
    for name, run in measurements(options.detections, options.batch, rng).items():
        if not options.only or name in options.only:
            made = [run() for _ in range(options.runs)]
            result[name] = min(made, key=lambda one: one["seconds"])
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
