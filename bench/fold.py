"""How many episodes a second triage folds on one core: JSON on stdout, one object a shape.

    python bench/fold.py [--episodes 100000] [--batch 500] [--only storm noise …]

``storm``: twenty noisy rules about fifty hosts each, so that most alerts repeat another. ``closing``: a storm of one rule about one
host, whose first alert a person then closes. ``gateway``: 500 machines behind one address, few of them twice. ``hosts``: every alert
about another machine. CPU time; encoding what is committed is part of the work, decoding the episodes is not. ``bytes_per_alert``: what
the process grew by. ``state_bytes_per_alert``: what a take-over reads; ``restore_seconds``: how long it takes.
"""

import argparse
import gc
import json
import time
from pathlib import Path

from soc.clock import HOUR, MINUTE, SECOND
from soc.model import Action, Episode, Member, RuleInfo
from soc.triage.fold import Triage

START = 1_795_000_000 * SECOND
SPAN = 10 * MINUTE


def episode(number, total, rule, fields):
    at = START + SPAN * number // total
    body = {
        **fields,
        "event.original": f"<134>Nov 22 08:00:00 fw-01 action=deny policy=12 number={number} " + "x" * 200,
    }
    member = Member(f"0123456789abcdef/0/{number}", rule, "fw-01", at, at, body, ())
    return Episode(
        f"202611-{number:08x}", f"{number:032x}", 1, rule, "set", "event", (), at, at, 1, (member.event_id,), (member,)
    )


def storm(number, total):
    return episode(number, total, f"noise-{number % 20}", {"host.name": f"host-{number // 20 % 50}"})


def closing(number, total):
    return episode(number, total, "noise-0", {"host.name": "host-0"})


def gateway(number, total):
    inside = f"10.1.{number % 500 // 250}.{number % 250}"
    return episode(number, total, f"noise-{number % 7}", {"source.ip": "192.0.2.9", "destination.ip": inside})


def hosts(number, total):
    return episode(number, total, f"noise-{number % 20}", {"host.name": f"host-{number}"})


SHAPES = {"storm": storm, "closing": closing, "gateway": gateway, "hosts": hosts}


def fold():
    return Triage(
        lambda _, rule: RuleInfo(rule, rule, "medium"),
        window=HOUR,
        shared_entities=(),
        max_degree=25,
        repeat_window=4 * HOUR,
    )


def resident():
    """Bytes of memory in use (Linux)."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def close(alert):
    changes = {"verdict": "false_positive", "reason": "a scanner of ours"}
    return Action("close-1", START + HOUR, "lan", "analyst", "close", "alert", alert.id, alert.revision, changes)


def measure(shape, number, batch):
    gc.collect()
    before, triage, state, firsts = resident(), fold(), {}, {}
    seconds, written = 0.0, 0
    for place in range(0, number, batch):
        items = [shape(one, number) for one in range(place, min(place + batch, number))]
        began = time.process_time()
        outcome = triage.apply(items, START + SPAN)
        seconds += time.process_time() - began
        state |= outcome.state
        written += len(outcome.alerts) + len(outcome.incidents)
        firsts |= {alert.id: alert for alert in outcome.alerts if not alert.duplicate_of}
    gc.collect()
    grown = resident() - before
    began = time.process_time()
    closed = triage.apply([close(max(firsts.values(), key=lambda alert: alert.repeats))], START + HOUR)
    closing_seconds = time.process_time() - began
    kept = {name: value for name, value in (state | closed.state).items() if value is not None}
    began = time.process_time()
    fold().restore(kept)
    return {
        "episodes": number,
        "seconds": round(seconds, 2),
        "episodes_per_second": round(number / seconds),
        "bytes_per_alert": round(grown / number),
        "state_bytes_per_alert": round(sum(map(len, kept.values())) / number),
        "documents_per_episode": round(written / number, 2),
        "firsts": len(firsts),
        "closing_seconds": round(closing_seconds, 2),
        "closing_documents": len(closed.alerts) + len(closed.incidents),
        "restore_seconds": round(time.process_time() - began, 2),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--episodes", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--only", nargs="*", choices=SHAPES, default=tuple(SHAPES))
    asked = parser.parse_args()
    print(json.dumps({name: measure(SHAPES[name], asked.episodes, asked.batch) for name in asked.only}, indent=1))


if __name__ == "__main__":
    main()
