"""Cases of rules in: raw lines on a timeline that must fire or stay silent; one result per case out.

One file per rule, at the rule's own path under ``tests/rules``::

    fires:
      - name: ten refused passwords in 45 seconds
        source: sshd                      # a product, see `soc normalize --list`
        timeline:
          - {at: 0s, every: 5s, times: 10, line: '<86>{bsd} web01 sshd[{n+800}]: Failed password for ...'}
        expect: {episodes: 1, count: 10, group: {source.ip: 203.0.113.66}}
    silent:
      - name: nine
        source: sshd
        lines: ['...']                    # all at the start

A file may list ``indicators`` (``{value: 203.0.113.7, confidence: 85}``), which are then known to be bad.
Places such as ``{bsd}`` are filled in by ``soc.tooling.lines.render``. ``start`` moves the timeline (RFC 3339).
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import PurePosixPath
from typing import Annotated, Any
from zoneinfo import ZoneInfo

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator, model_validator

from soc.clock import DAY, HOUR, MINUTE, SECOND, Micros, to_micros
from soc.detect.detector import Detector
from soc.errors import SettingsError
from soc.intel.indicator import FeedContent, Indicator, IndicatorSet
from soc.intel.matcher import NO_INDICATORS, Indicators
from soc.intel.value import guess
from soc.model import Bundle, Episode, RawRecord
from soc.normalize.normalizer import Normalizer
from soc.settings import SourceProfile
from soc.sigma.load import load
from soc.sigma.ruleset import RuleSet
from soc.tooling.lines import render
from soc.tooling.offline import Offline

DEFAULT_START = datetime.fromisoformat("2026-11-22T08:00:00+07:00")
LATENESS = 10 * MINUTE
FUTURE_SKEW = 5 * SECOND

_UNITS = {"ms": SECOND // 1000, "s": SECOND, "m": MINUTE, "h": HOUR, "d": DAY}
_DURATION = re.compile(r"(\d+)(ms|s|m|h|d)")


def _duration(value: Any) -> Micros:
    found = _DURATION.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError(f"{value!r} is no duration; write one like 30s, 5m or 2h")
    return int(found[1]) * _UNITS[found[2]]


Duration = Annotated[int, BeforeValidator(_duration)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(_Section):
    """One line, or the same one several times, at its place on the timeline."""

    line: str
    at: Duration = 0
    every: Duration = SECOND
    times: int = Field(default=1, ge=1, le=100_000)
    source: str = Field(default="", description="another product than the case's")


class Expectation(_Section):
    """What else must be so, beyond that the rule fires.

    Attributes:
        episodes: how many live episodes (of a rule on single events: how many matches) there are.
        count: how many members each of them has.
        group: group-by values that each of them has.
    """

    episodes: int | None = Field(default=None, ge=1)
    count: int | None = Field(default=None, ge=1)
    group: dict[str, str] = {}


class CaseText(_Section):
    """One case as it is written."""

    name: str
    source: str = ""
    lines: tuple[str, ...] = ()
    timeline: tuple[Step, ...] = ()
    expect: Expectation = Expectation()

    @model_validator(mode="after")
    def _has_lines(self) -> "CaseText":
        if not self.steps:
            raise ValueError("neither lines nor timeline: a case needs at least one line")
        if not self.source and not all(step.source for step in self.steps):
            raise ValueError("source is missing: name a product, or auto to have it recognized")
        return self

    @property
    def steps(self) -> tuple[Step, ...]:
        """Lines and timeline as one."""
        return (*(Step(line=line, at="0s") for line in self.lines), *self.timeline)  # type: ignore[arg-type]


class Listed(_Section):
    """A value that is known to be bad in the cases of a file."""

    value: str
    confidence: int = Field(default=85, ge=0, le=100)

    @field_validator("value")
    @classmethod
    def _check_value(cls, value: str) -> str:
        guess(value)
        return value


class CaseFile(_Section):
    """The cases of one rule.

    Attributes:
        indicators: values that are known to be bad.
        rule: id or name of the rule; "" = the rule whose file has the same name.
    """

    rule: str = ""
    start: datetime = DEFAULT_START
    indicators: tuple[Listed, ...] = ()
    fires: tuple[CaseText, ...] = Field(min_length=1)
    silent: tuple[CaseText, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _start_has_zone(self) -> "CaseFile":
        if self.start.tzinfo is None:
            raise ValueError("start has no zone; write one like 2026-11-22T08:00:00+07:00")
        return self


@dataclass(frozen=True, slots=True)
class Case:
    """One case, ready to run.

    Attributes:
        path: of the case file.
        rule: as in ``CaseFile``, or the file's stem.
        fires: whether the rule must fire.
        indicators: what is known to be bad.
    """

    path: str
    rule: str
    start: Micros
    fires: bool
    text: CaseText
    indicators: Indicators = NO_INDICATORS


@dataclass(frozen=True, slots=True)
class Result:
    """How one case went.

    Attributes:
        rule: id of the rule, or what was looked for where there is none.
        case: ``fires: <name>`` or ``silent: <name>``.
        detail: why it failed; "" if it did not.
    """

    path: str
    rule: str
    case: str
    ok: bool
    detail: str


def read_cases(texts: Sequence[tuple[str, str]]) -> list[Case]:
    """Cases from (path, YAML text) pairs.

    Raises:
        SettingsError: listing every mistake of every file.
    """
    cases: list[Case] = []
    mistakes: list[str] = []
    for path, text in texts:
        try:
            file = CaseFile.model_validate(yaml.load(text, Loader=yaml.CSafeLoader))
        except yaml.YAMLError as error:
            mistakes.append(f"{path}: no YAML: {error}")
        except ValidationError as error:
            mistakes += [f"{path}: {'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors()]
        else:
            rule = file.rule or PurePosixPath(path).stem
            start = to_micros(file.start)
            listed = _indicators(file.indicators)
            cases += [Case(path, rule, start, True, case, listed) for case in file.fires]
            cases += [Case(path, rule, start, False, case, listed) for case in file.silent]
    if mistakes:
        raise SettingsError(mistakes)
    return cases


def _indicators(listed: Sequence[Listed]) -> Indicators:
    if not listed:
        return NO_INDICATORS
    made = tuple(Indicator(*guess(one.value), confidence=one.confidence) for one in listed)
    return Indicators(IndicatorSet((FeedContent("cases", 0, "", made),)))


def run_cases(bundle: Bundle, cases: Sequence[Case], *, timezone: str) -> list[Result]:
    """Run each case on its own through the whole analysis with the whole rule set.

    Args:
        bundle: all rules: those with cases, and what their correlations refer to.
        cases: what ``read_cases`` gave.
        timezone: of stamps without a zone, and what local stamps in templates are written in.
    """
    bench = _Bench(load(bundle), timezone)
    return [bench.run(case) for case in cases]


class _Bench:
    """What the cases share: compiled rules, one normalizer per product."""

    def __init__(self, rules: RuleSet, timezone: str) -> None:
        self._rules = rules
        self._detector = Detector(rules)
        self._timezone = timezone
        self._zone = ZoneInfo(timezone)
        self._ids = _lookup(rules)
        self._refused = {PurePosixPath(error.path).stem: error.reason for error in rules.refused}

    def run(self, case: Case) -> Result:
        """One case."""
        label = f"{'fires' if case.fires else 'silent'}: {case.text.name}"
        rule = self._ids.get(case.rule)
        if rule is None:
            why = (
                f"the rule was refused: {self._refused[case.rule]}"
                if case.rule in self._refused
                else "there is no such rule"
            )
            return Result(case.path, case.rule, label, ok=False, detail=why)
        detail = self._judge(case, rule)
        return Result(case.path, rule, label, ok=not detail, detail=detail)

    def _judge(self, case: Case, rule: str) -> str:
        sources = {step.source or case.text.source for step in case.text.steps}
        profiles = tuple(SourceProfile(name=source, product=source) for source in sorted(sources))
        normalizer = Normalizer(profiles, timezone=self._timezone, lateness=LATENESS, future_skew=FUTURE_SKEW)
        offline = Offline(self._rules, normalizer, detector=self._detector, indicators=case.indicators)
        matches = 0
        for record, at in self._records(case):
            matches += sum(match.rule == rule for _, match in offline.feed(record, record.id, at))
        matches += sum(match.rule == rule for _, match in offline.end(0))
        if offline.dead_letters:
            letter = offline.letters[0]
            return f"a line cannot be parsed as {letter.profile}: {letter.reason}: {letter.data[:120].decode(errors='replace')}"
        if rule not in self._rules.correlations:
            return _count(case, matches)
        # Of a rule that only feeds others the episodes are no alerts, but they are what its case is about.
        return _compare(case, [episode for episode in offline.finish(muted=True) if episode.rule == rule])

    def _records(self, case: Case) -> Iterator[tuple[RawRecord, Micros]]:
        """The raw records in order of time."""
        moments = [
            (case.start + step.at + n * step.every, number, n, step)
            for number, step in enumerate(case.text.steps)
            for n in range(step.times)
        ]
        for at, number, n, step in sorted(moments, key=lambda moment: moment[:3]):
            source = step.source or case.text.source
            data = render(step.line, at, self._zone, n).encode()
            yield RawRecord(data, at, "case", "case", source, id=f"{number}.{n}", profile=source), at


def _lookup(rules: RuleSet) -> Mapping[str, str]:
    """Rule id by id and by the stem of its file (the last one, where a file holds several)."""
    by_stem = {PurePosixPath(info.path).stem: rule for rule, info in rules.infos.items()}
    return by_stem | {rule: rule for rule in rules.infos}


def _count(case: Case, matches: int) -> str:
    if not case.fires:
        return f"it fired {matches} times" if matches else ""
    if not matches:
        return "it did not fire"
    wanted = case.text.expect.episodes
    return f"it fired {matches} times, expected {wanted}" if wanted not in (None, matches) else ""


def _compare(case: Case, episodes: Sequence[Episode]) -> str:
    if not case.fires:
        return f"it fired: {_describe(episodes)}" if episodes else ""
    if not episodes:
        return "it did not fire"
    expect = case.text.expect
    if expect.episodes not in (None, len(episodes)):
        return f"{len(episodes)} episodes, expected {expect.episodes}: {_describe(episodes)}"
    for episode in episodes:
        if expect.count not in (None, episode.count):
            return f"count {episode.count}, expected {expect.count}: {_describe([episode])}"
        group = dict(episode.group)
        for field, value in expect.group.items():
            if group.get(field) != value:
                return f"{field} is {group.get(field)!r}, expected {value!r}"
    return ""


def _describe(episodes: Sequence[Episode]) -> str:
    return "; ".join(f"{dict(e.group)} count {e.count} value {e.value:g}" for e in episodes[:3])
