"""The whole analysis in one process without a bus: raw records in; matches as they come and live episodes at the end out."""

from collections import deque
from collections.abc import Sequence

import msgspec

from soc.clock import DAY, SECOND, Micros
from soc.correlate.correlator import Correlator
from soc.detect.detector import Detector, Match
from soc.detect.feed import Sampler, feed, feed_episode
from soc.errors import RecordError
from soc.intel.matcher import NO_INDICATORS, Indicators
from soc.model import DeadLetter, Detection, Episode, Event, RawRecord, Watermark
from soc.normalize.assemble import Assembler, Whole
from soc.normalize.kinds import expected
from soc.normalize.normalizer import Discarded, Normalizer
from soc.sigma.ruleset import RuleSet
from soc.tooling.sieve import Sieve

BATCH = 512
"""Detections handed to the correlator at once; the result does not depend on it."""

MARK_EVERY: Micros = SECOND
"""Event time between two watermarks."""

KEPT_LETTERS = 1000
"""Dead letters kept for looking at; all are counted."""

END_OF_TIME: Micros = 253_402_300_799 * SECOND
"""9999-12-31T23:59:59Z, the last second a datetime holds: the watermark when no more input comes."""


class Offline:
    """What engine and correlate do in an installation, over one finished input.

    It is what ``soc detect`` and the cases of rules run, and what tests compare an installation with. By default nothing
    is late: the watermark moves only at the end, so that the order of the input does not matter, and memory is bounded
    by the correlator's bounds alone. With ``lateness`` the watermark follows the input as in an installation.

    Attributes:
        events: how many records became events.
        dead_letters: how many did not.
        discarded: how many a profile discards by name.
        joined: how many were parts of an event but its first.
        detections: how many (event, rule) matches there were.
        episodes: how many live episodes the end gave; 0 before ``finish``.
        evicted: rule id → how many entries the correlator gave up for its bounds.
        letters: the last dead letters.
    """

    def __init__(
        self,
        rules: RuleSet,
        normalizer: Normalizer,
        *,
        detector: Detector | None = None,
        profile: str = "",
        singles: bool = False,
        indicators: Indicators = NO_INDICATORS,
        lateness: Micros | None = None,
        ahead: bool = False,
        max_groups: int = 100_000,
        max_events_per_group: int = 10_000,
    ) -> None:
        """Set up.

        Args:
            rules: the loaded set.
            normalizer: with the profiles that the records' listeners, addresses or ``profile`` name.
            detector: one made before with the same rules; None = make one.
            profile: the one that every line given to ``is_idle`` is of.
            indicators: what is known to be bad; events are marked with it as in an installation.
            singles: let ``finish`` also return the episodes of rules on single events, as an installation raises them.
            lateness: see the class; None = nothing is late.
            ahead: build all indexes before the first record; pays for many records.
            max_groups, max_events_per_group: as in ``settings.CorrelationSettings``.
        """
        self.events = 0
        self.dead_letters = 0
        self.discarded = 0
        self.joined = 0
        self.detections = 0
        self.episodes = 0
        self.evicted: dict[str, int] = {}
        self.letters: deque[DeadLetter] = deque(maxlen=KEPT_LETTERS)
        self._rules = rules
        self._normalizer = normalizer
        self._assembler = Assembler(normalizer)
        self._indicators = indicators
        look = normalizer.first_look(profile) if detector is None and lateness is None and not indicators else None
        self._sieve = None if look is None else Sieve(rules, look)
        detecting = self._sieve or detector or Detector(rules)
        if ahead:
            detecting.prepare(expected())
        self._detect = detecting.detect
        self._singles = singles
        self._lateness = lateness
        self._sampler = Sampler()
        self._correlator = Correlator(
            rules,
            lateness=10 * 365 * DAY if lateness is None else lateness,
            raw_partitions=1,
            max_groups=max_groups,
            max_events_per_group=max_events_per_group,
        )
        self._pending: list[Detection | Watermark] = []
        self._live: dict[str, Episode] = {}
        self._newest: dict[str, Micros] = {}
        self._watermark: Micros = 0

    def is_idle(self, line: bytes) -> bool:
        """Whether a line of the profile is an event (then it is counted) that no rule matches; if not, feed its record.

        It saves making the full event of most lines and changes no result. Not for lines that were cut.
        """
        if self._sieve is not None and self._sieve.is_idle(line):
            self.events += 1
            return True
        return False

    def feed(self, record: RawRecord, event_id: str, now: Micros) -> list[tuple[Event, Match]]:
        """One record: each event that is whole with it and each rule that matched; [] for none, a dead letter or a discarded line."""
        found: list[tuple[Event, Match]] = []
        for whole in self._assembler.take(record, event_id, b"", 0):
            found += self._whole(whole, now)
        return found

    def end(self, now: Micros) -> list[tuple[Event, Match]]:
        """The end of the records: what still waits for parts is whole. To be called before ``finish``; ``now`` as in ``feed``."""
        return [pair for whole in self._assembler.flush() for pair in self._whole(whole, now)]

    def _whole(self, whole: Whole, now: Micros) -> list[tuple[Event, Match]]:
        self.joined += len(whole.parts)
        try:
            event = self._normalizer.normalize(whole.record, whole.id, now, whole.head)
        except RecordError as error:
            self._bury(whole.record, whole.id, error)
            return []
        if isinstance(event, Discarded):
            self.discarded += 1
            return []
        self.events += 1
        return self.feed_event(event)

    def feed_event(self, event: Event) -> list[tuple[Event, Match]]:
        """One event that is normalized already (it is not counted in ``events``)."""
        event = self._indicators.mark(event)
        matches = self._detect(event)
        if matches:
            self.detections += len(matches)
            late = self._lateness is not None and event.correlation_time < self._watermark - self._lateness
            self._queue(event, matches, late=late)
        if self._lateness is not None:
            self._follow(event)
        if len(self._pending) >= BATCH:
            self._apply()
        return [(event, match) for match in matches]

    def finish(self, *, muted: bool = False) -> list[Episode]:
        """The end of the input: every window closes.

        Args:
            muted: also return episodes of correlations that raise no alerts because they only feed others.

        Returns:
            The live episodes by (start, rule, id): of correlations, and of single events where ``singles`` was asked.
        """
        self._apply()  # all that feeds back comes before the end: nothing may be late because of it
        self._pending.append(Watermark(0, END_OF_TIME))
        quiet = 0
        while quiet <= self._correlator.depth:  # a watermark rises one level of a chain with each batch
            quiet = 0 if self._apply() else quiet + 1
        live = [episode for episode in self._live.values() if muted or episode.rule in self._rules.alerting]
        self.episodes = len(live)
        return sorted(live, key=lambda episode: (episode.start, episode.rule, episode.id))

    def _queue(self, event: Event, matches: Sequence[Match], *, late: bool) -> None:
        if not self._singles:  # most rules feed nothing, and their matches are handed out already
            matches = [match for match in matches if match.rule in self._rules.feeds]
        for _, detection in feed(event, matches, self._rules, self._sampler):
            if detection.target or self._singles:
                self._pending.append(msgspec.structs.replace(detection, late=True) if late else detection)

    def _apply(self) -> int:
        """Run the correlator until nothing feeds back: an episode may be an input of the correlations above it.

        Returns:
            How many revisions of episodes came of it.
        """
        items, self._pending = self._pending, []
        self._sampler.start()
        revisions = 0
        while True:
            outcome = self._correlator.apply(items)
            revisions += len(outcome.episodes)
            for what, count in outcome.evicted.items():
                self.evicted[what] = self.evicted.get(what, 0) + count
            for episode in outcome.episodes:
                self._keep(episode)
            items = [fed for episode in outcome.episodes for _, fed in feed_episode(episode, self._rules)]
            if not items:
                break
        return revisions

    def _keep(self, episode: Episode) -> None:
        if episode.state != "live":
            self._live.pop(episode.id, None)
        else:
            self._live[episode.id] = episode

    def _follow(self, event: Event) -> None:
        """The watermark: the minimum over the sources of the newest time seen from each."""
        if event.correlation_time > self._newest.get(event.source, 0):
            self._newest[event.source] = event.correlation_time
            mark = min(self._newest.values())
            if mark >= self._watermark + MARK_EVERY:
                self._watermark = mark
                self._pending.append(Watermark(0, mark))

    def _bury(self, record: RawRecord, event_id: str, error: RecordError) -> None:
        self.dead_letters += 1
        letter = DeadLetter(
            event_id,
            error.stage,
            error.reason,
            record.data,
            record.source,
            record.listener,
            record.peer,
            record.received,
            record.profile,
        )
        self.letters.append(letter)
