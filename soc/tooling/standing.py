"""Episodes of a replay and the alerts that stand in; the episodes to publish, so that nothing is doubled, out.

An alert's id names its first event *at first firing*, and a replay may see the events in another order, or begin in the
middle. So an episode is the same as a standing alert if it has its id, or its rule and group and an interval that overlaps; then it
keeps that alert's id, and is published only if it has members that the alert has not. A new one is marked late.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import msgspec

from soc.clock import Micros
from soc.model import Alert, Episode

Act = Literal["new", "revised", "merged"]
_Group = tuple[str, tuple[tuple[str, str], ...]]


class Publish(NamedTuple):
    """One episode to be published, and what it is to the alerts that stand."""

    act: Act
    episode: Episode


@dataclass(slots=True)
class Compared:
    """What came of the comparison.

    Attributes:
        publish: in the order of time.
        standing: episodes whose alert stands as it is.
        open: episodes that live correlation may still change: it has the word.
    """

    publish: list[Publish] = field(default_factory=list[Publish])
    standing: int = 0
    open: int = 0


def compare(episodes: Sequence[Episode], alerts: Iterable[Alert], settled: Mapping[str, Micros]) -> Compared:
    """Hold the live episodes of a replay against the alerts that stand.

    Args:
        episodes: as the replay found them.
        alerts: the current ones, at least those of the time replayed.
        settled: rule → episodes of this correlation that ended before this can no longer change on their own; rules on single
            events need not be in it.
    """
    by_id: dict[str, Alert] = {}
    by_group: dict[_Group, list[Alert]] = {}
    for alert in alerts:
        by_id[alert.id] = alert
        if alert.state == "live" and alert.type != "event":
            by_group.setdefault((alert.rule_id, alert.group), []).append(alert)
    done = Compared()
    for episode in sorted(episodes, key=lambda one: (one.start, one.rule, one.id)):
        if episode.end >= settled.get(episode.rule, episode.end + 1):
            done.open += 1
            continue
        same = by_id.get(episode.id)
        overlapping = [
            alert
            for alert in by_group.get((episode.rule, episode.group), ())
            if alert.first_seen <= episode.end and episode.start <= alert.last_seen
        ]
        _decide(episode, same, overlapping, done)
    return done


def _decide(episode: Episode, same: Alert | None, overlapping: Sequence[Alert], done: Compared) -> None:
    late = msgspec.structs.replace(episode, late=True)
    if same is not None and same.state == "merged":
        done.standing += 1
        return
    candidates = list(overlapping) if same is None or same in overlapping else [same, *overlapping]
    if not candidates:
        done.publish.append(Publish("new", late))
        return
    survivor = min(candidates, key=lambda alert: (alert.raised, alert.first_seen, alert.id))
    if survivor.state == "live" and not _adds(episode, survivor):
        done.standing += 1
        return
    revision = msgspec.structs.replace(late, id=survivor.id, revision=survivor.episode_revision + 1)
    done.publish.append(Publish("revised", revision))
    for other in candidates:
        if other is not survivor:
            merged = msgspec.structs.replace(
                late, id=other.id, revision=other.episode_revision + 1, state="merged", merged_into=survivor.id
            )
            done.publish.append(Publish("merged", merged))


def _adds(episode: Episode, alert: Alert) -> bool:
    """Whether the episode has all the members of the alert and more: one that was cut off by the window replayed has not."""
    if episode.count <= alert.count:
        return False
    listed = len(alert.members) == alert.count and len(episode.members) == episode.count
    return not listed or set(alert.members) <= set(episode.members)
