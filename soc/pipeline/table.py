"""The table of stages in data order: who reads what, who writes what, in how many partitions.

            soc.raw        soc.detections          soc.episodes         soc.incidents
collect ───────────► engine ───────────► correlate ───────────► triage ───────────► forward ──► receiver
                       │ soc.events  ▲______│ (chains)  soc.actions ▲ │ soc.alerts      │ soc.outbox
                       ▼                                   console ─┘ ▼                 ▼
                     index ◄──────────────────────────────────────── index ◄────────────┘ ──► store
"""

from soc.bus.base import Stage, Topology

RAW = "soc.raw"
EVENTS = "soc.events"
DETECTIONS = "soc.detections"
EPISODES = "soc.episodes"
ACTIONS = "soc.actions"
ANSWERS = "soc.answers"
ALERTS = "soc.alerts"
INCIDENTS = "soc.incidents"
OUTBOX = "soc.outbox"
AUDIT = "soc.audit"
DEADLETTER = "soc.deadletter"
RULES = "soc.rules"


SHIP = "ship"
MIGRATE = "migrate"


def topology(partitions: int, instances: int = 1) -> Topology:
    """The pipeline with ``partitions`` partitions of raw lines, events and detections; the folds have one.

    Args:
        partitions: of raw lines, events and detections.
        instances: hosts that may collect and serve the console at once: each writes under its own number.
    """
    p = partitions
    stages = (
        Stage("rules", (), (RULES,), 1),
        Stage("collect", (), (RAW,), instances),
        Stage("engine", (RAW,), (EVENTS, DETECTIONS, DEADLETTER), p),
        Stage("correlate", (DETECTIONS,), (DETECTIONS, EPISODES, DEADLETTER), p),
        Stage("console", (), (ACTIONS, AUDIT), instances),
        Stage("triage", (EPISODES, ACTIONS), (ALERTS, INCIDENTS, ANSWERS, AUDIT, DEADLETTER), 1),
        Stage("forward", (INCIDENTS,), (OUTBOX, AUDIT), 1),
        Stage("index", (EVENTS, ALERTS, INCIDENTS, OUTBOX, DEADLETTER, AUDIT), (DEADLETTER,), p),
    )
    single = (EPISODES, ACTIONS, ANSWERS, ALERTS, INCIDENTS, OUTBOX, AUDIT, DEADLETTER, RULES)
    topics = {RAW: p, EVENTS: p, DETECTIONS: p, **dict.fromkeys(single, 1)}
    return Topology((*stages, Stage(MIGRATE, (), tuple(topics), 1)), topics)


def collector_topology() -> Topology:
    """A collector's own log in the cluster: what came in, and how far it was shipped to the brokers."""
    return Topology((Stage("collect", (), (RAW,), 1), Stage(SHIP, (RAW,), (), 1)), {RAW: 1})
