"""Alerts raised and closed in; on how many hosts a rule fires, and how it was judged on these entities before, out."""

from collections.abc import Iterable, Mapping

import msgspec

from soc.clock import DAY, Micros
from soc.model import decode, encode
from soc.triage.entities import Key

PREVALENCE_DAYS = 30
MAX_HOSTS = 1000
"""Hosts remembered of one rule: a prevalence of 1,000 means at least so many."""


class Prevalence:
    """Rule → hosts with the day it last fired there; keys of the state: ``p/<rule id>``."""

    def __init__(self) -> None:
        self._days: dict[str, dict[str, int]] = {}
        self._changed: set[str] = set()
        self._counted: dict[str, tuple[int, int]] = {}

    def restore(self, rule_id: str, value: bytes) -> None:
        """Take up one committed value.

        Raises:
            RecordError: it is none.
        """
        self._days[rule_id] = decode(value, dict[str, int])

    def seen(self, rule_id: str, keys: Iterable[Key], at: Micros) -> int:
        """The rule fired; on how many hosts it did within 30 days, these included. Hosts are told by name, else by address."""
        keys = sorted(keys)
        hosts = [value for kind, value in keys if kind == "host"] or [value for kind, value in keys if kind == "ip"]
        days, day = self._days.setdefault(rule_id, {}), at // DAY
        oldest = day - PREVALENCE_DAYS
        of_day, number = self._counted.get(rule_id, (-1, 0))
        if of_day != day:
            number = sum(1 for last in days.values() if last > oldest)
        for host in hosts:
            last = days.get(host, -1)
            if last < day and (host in days or len(days) < MAX_HOSTS):
                number += last <= oldest
                days[host] = day
                self._changed.add(rule_id)
        self._counted[rule_id] = day, number
        return number

    def prune(self, now: Micros, state: dict[bytes, bytes | None]) -> None:
        """Forget hosts where a rule has not fired for 30 days."""
        oldest = now // DAY - PREVALENCE_DAYS
        for rule_id, days in list(self._days.items()):
            kept = {host: day for host, day in days.items() if day > oldest}
            self._counted.pop(rule_id, None)
            if kept and len(kept) != len(days):
                self._days[rule_id] = kept
                self._changed.add(rule_id)
            elif not kept:
                del self._days[rule_id]
                self._changed.discard(rule_id)
                if days:
                    state[_rule(rule_id)] = None

    def finish(self, state: dict[bytes, bytes | None]) -> None:
        """What changed since the last time, to commit."""
        for rule_id in sorted(self._changed):
            state[_rule(rule_id)] = encode(dict(sorted(self._days[rule_id].items())))
        self._changed.clear()


class Judged(msgspec.Struct, frozen=True, array_like=True):
    """How alerts of one rule about one entity were closed: verdict → how often; ``at``: the last time."""

    verdicts: dict[str, int]
    at: Micros


class Verdicts:
    """(rule, entity) → how it was closed before; keys of the state: ``v/<rule id>/<family>/<value>``."""

    def __init__(self) -> None:
        self._judged: dict[tuple[str, Key], Judged] = {}

    def restore(self, value: bytes) -> None:
        """Take up one committed value.

        Raises:
            RecordError: it is none.
        """
        rule_id, kind, text, judged = decode(value, tuple[str, str, str, Judged])
        self._judged[rule_id, (kind, text)] = judged

    def count(
        self,
        rule_id: str,
        keys: Iterable[Key],
        *,
        verdict: str,
        step: int,
        at: Micros,
        state: dict[bytes, bytes | None],
    ) -> None:
        """An alert was closed with a verdict (``step`` 1), or its closing was undone (-1)."""
        for key in keys:
            known = self._judged.get((rule_id, key), Judged({}, at))
            number = known.verdicts.get(verdict, 0) + step
            verdicts = {name: count for name, count in known.verdicts.items() if name != verdict}
            if number > 0:
                verdicts[verdict] = number
            kept = self._judged[rule_id, key] = Judged(dict(sorted(verdicts.items())), max(known.at, at))
            state[_entity(rule_id, key)] = encode((rule_id, *key, kept))

    def of(self, rule_id: str, keys: Iterable[Key]) -> tuple[tuple[str, int], ...]:
        """(verdict, how often) on any of these entities, the most frequent first; one closed alert about two of them counts once."""
        found: dict[str, int] = {}
        for key in keys:
            known = self._judged.get((rule_id, key))
            for verdict, number in (known.verdicts if known else _NONE).items():
                found[verdict] = max(found.get(verdict, 0), number)
        return tuple(sorted(found.items(), key=lambda item: (-item[1], item[0])))

    def prune(self, before: Micros, state: dict[bytes, bytes | None]) -> None:
        """Forget what was judged last before a time."""
        for (rule_id, key), judged in list(self._judged.items()):
            if judged.at < before:
                del self._judged[rule_id, key]
                state[_entity(rule_id, key)] = None


_NONE: Mapping[str, int] = {}


def _rule(rule_id: str) -> bytes:
    return b"p/" + rule_id.encode("utf-8", "replace")


def _entity(rule_id: str, key: Key) -> bytes:
    return f"v/{rule_id}/{key[0]}/{key[1]}".encode("utf-8", "replace")
