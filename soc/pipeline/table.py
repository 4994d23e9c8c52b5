"""The table of stages in data order: who reads what, who writes what, in how many partitions.

            soc.raw        soc.detections          soc.episodes         soc.incidents
collect ───────────► engine ───────────► correlate ───────────► triage ───────────► forward ──► receiver
retry ─── soc.retry ─┘ │ soc.events  ▲______│ (chains)  soc.actions ▲ │ soc.alerts      │ soc.outbox
                       ▼                                   console ─┘ ▼                 ▼
                     index ◄──────────────────────────────────────── index ◄────────────┘ ──► store

soc.raw ──► archive ──► segments ──► replay ──► soc.episodes
soc.alerts, soc.incidents, soc.outbox, soc.directives, soc.audit ──► notify ──► soc.notices, people
soc.alerts, soc.incidents ──► share ──► receivers of alert data
register, indicators, directory … ──► soc.context ──► read by whoever needs them (``soc.pipeline.context``)
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
CONTEXT = "soc.context"
"""What stages know beside their inputs: the register, indicators, the directory …, each published whole."""
SILENCES = "soc.silences"
"""Silences and maintenance windows, written by triage."""
DIRECTIVES = "soc.directives"
"""Directives from above (chỉ đạo), written by triage."""
NOTICES = "soc.notices"
"""One transition of one message to people, written by notify before its side effect."""
RETRY = "soc.retry"
"""Dead letters that were asked to be processed again; partitioned as ``soc.raw``, read by the engine beside it (ADR 0018)."""


SHIP = "ship"
ARCHIVE = "archive"
SHARE = "share"
REPLAY = "replay"
MIGRATE = "migrate"
RETRYING = "retry"
"""The stage that asks: claimed by a command or the console for as long as one retry is written."""
PUBLISHING = "context"
"""The stage that publishes ``soc.context``: claimed by a command for as long as one publication is written."""

FOLDED = (ALERTS, INCIDENTS, SILENCES, DIRECTIVES, ANSWERS, AUDIT, DEADLETTER)
"""What triage writes."""
INDEXED = (EVENTS, ALERTS, INCIDENTS, OUTBOX, DEADLETTER, AUDIT, SILENCES, DIRECTIVES, NOTICES)
"""What the store shows."""
SINGLE = (
    *(EPISODES, ACTIONS, ANSWERS, ALERTS, INCIDENTS, OUTBOX, AUDIT, DEADLETTER, RULES),
    *(CONTEXT, SILENCES, DIRECTIVES, NOTICES),
)
"""Topics of one partition."""


def topology(partitions: int, instances: int = 1, *, archive: bool = False, share: bool = False) -> Topology:
    """The pipeline with ``partitions`` partitions of raw lines, events and detections; the folds have one.

    Args:
        partitions: of raw lines, events and detections.
        instances: hosts that may collect and serve the console at once: each writes under its own number.
        archive: raw lines are archived; then none is deleted before it was.
        share: alerts are shared; then none is deleted before it was read for that.
    """
    p = partitions
    stages = (
        Stage("rules", (), (RULES,), 1),
        Stage("collect", (), (RAW,), instances),
        Stage(RETRYING, (), (RETRY, AUDIT), 1),
        Stage("engine", (RAW, RETRY), (EVENTS, DETECTIONS, DEADLETTER), p),
        Stage("correlate", (DETECTIONS,), (DETECTIONS, EPISODES, DEADLETTER), p),
        Stage("console", (), (ACTIONS, AUDIT), instances),
        Stage(PUBLISHING, (), (CONTEXT, AUDIT), 1),
        Stage("triage", (EPISODES, ACTIONS), FOLDED, 1),
        Stage("forward", (INCIDENTS,), (OUTBOX, AUDIT), 1, tells=True),
        Stage("notify", (ALERTS, INCIDENTS, OUTBOX, DIRECTIVES, AUDIT), (NOTICES, AUDIT), 1),
        Stage("index", INDEXED, (DEADLETTER,), p),
        Stage(REPLAY, (), (EPISODES, AUDIT), 1),
        *([Stage(ARCHIVE, (RAW,), (), p)] if archive else ()),
        *([Stage(SHARE, (ALERTS, INCIDENTS), (), 1)] if share else ()),
    )
    topics = {RAW: p, RETRY: p, EVENTS: p, DETECTIONS: p, **dict.fromkeys(SINGLE, 1)}
    return Topology((*stages, Stage(MIGRATE, (), tuple(topics), 1)), topics)


def collector_topology() -> Topology:
    """A collector's own log in the cluster: what came in, and how far it was shipped to the brokers."""
    return Topology((Stage("collect", (), (RAW,), 1), Stage(SHIP, (RAW,), (), 1)), {RAW: 1})
