"""The stage's state: open cases, messages that are not over, what each person was sent lately; and the bytes to commit.

Keys of the state (values are MessagePack):

    c/<case>     a case that is open
    n/<notice>   a message that is not over: unsent, or sent and not acknowledged yet
    p/<person>   digests sent to a person within the window; ``p/*``: everything that was sent at once to anybody
    t/<case>     when something was first told: it is never told again under the same key
    audit        the end of the audit chain ``notify``
    summary      what health says of calling people

``soc.notify.watching`` keeps its own under other letters.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

import msgspec

from soc.audit.chain import Entry, Head, append
from soc.clock import DAY, Micros
from soc.model import Notice, decode, encode
from soc.notify.routing import Matter

CHAIN = "notify"
HEAD, SUMMARY = b"audit", b"summary"
UNSENT = frozenset({"queued", "sending", "retry_wait"})
TOLD_KEPT: Micros = 400 * DAY
"""Longer than any deadline runs."""


class Case(msgspec.Struct, frozen=True):
    """One thing that people are being told of.

    Attributes:
        id: digest of the matter's key.
        escalation: whose steps are walked.
        step: how many steps were taken before this one, counted on over rounds; -1 before the first.
        step_at: when this step was taken. ``next_at``: when the next one is; 0 = never.
        pending: keys of people called in this step whose call has not failed.
        digests: (person, id of the digest it was told in); "" while it waits for one.
        told: some message of it was sent.
        rest: keys of people of this step who are called only if those who were cannot be reached: there is a storm.
    """

    id: str
    matter: Matter
    opened: Micros
    escalation: str
    step: int = -1
    step_at: Micros = 0
    next_at: Micros = 0
    pending: tuple[str, ...] = ()
    digests: tuple[tuple[str, str], ...] = ()
    told: bool = False
    rest: tuple[str, ...] = ()


class Letter(msgspec.Struct, frozen=True):
    """A message that is not over, with what its topic does not tell.

    Attributes:
        case: id of the case it is about; "" for a digest.
        address: where to.
        rank: of its level: the gravest is sent first.
    """

    notice: Notice
    case: str
    address: str
    rank: int


class Allowance(msgspec.Struct, frozen=True):
    """What was sent, in all or to a person: (when, ``own`` | ``break`` | ``digest``); and since when something waits for a digest."""

    sent: tuple[tuple[Micros, str], ...] = ()
    waiting_since: Micros = 0


class Trouble(msgspec.Struct, frozen=True):
    """Attempts on a channel that failed one after another, since when, and why the last one did."""

    failures: int
    since: Micros
    detail: str


NEITHER = "roster and channels"
"""Why nobody can be told where nobody set anything up: a choice that ``soc check`` and the page name, and no fault."""


class Summary(msgspec.Struct, frozen=True):
    """What health says of calling people.

    Attributes:
        at: when it was made.
        nobody: why nobody can be told: ``roster`` (none), ``channels`` (none), ``NEITHER``; "" if somebody can.
        unsent: messages that were not sent yet; ``oldest``: when the first of them was made, 0 without one.
        cases: things that nobody has acknowledged; ``unanswered``: since when the first of them is told, 0 without one.
        hole: from when to when nobody is on duty next within a week, (0, 0) without such a time.
        beat_failed: since when no sign of life reaches the second host, 0 if it does.
        failing: channel → its trouble.
    """

    at: Micros = 0
    nobody: str = ""
    unsent: int = 0
    oldest: Micros = 0
    cases: int = 0
    unanswered: Micros = 0
    hole: tuple[Micros, Micros] = (0, 0)
    beat_failed: Micros = 0
    failing: dict[str, Trouble] = {}


class Changes(msgspec.Struct):
    """What is to be committed together."""

    notices: list[Notice] = []
    audit: list[bytes] = []
    state: dict[bytes, bytes | None] = {}


def case_id(matter: Matter) -> str:
    """The id of the case of a matter."""
    return digest(matter.key)


def digest(*parts: object) -> str:
    """A short hash of some parts."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).hexdigest()[:32]


class Book:
    """Everything that is open; every change goes through here."""

    def __init__(self, state: Mapping[bytes, bytes]) -> None:
        """Take up the committed state.

        Raises:
            RecordError: a value is not what its key says.
        """
        self.cases: dict[str, Case] = {}
        self.letters: dict[str, Letter] = {}
        self.unsent: dict[str, Letter] = {}
        self.told: dict[str, Micros] = {}
        self.allowances: dict[str, Allowance] = {}
        self.rules: Counter[str] = Counter()
        self.entities: Counter[str] = Counter()
        self._of_case: dict[str, dict[str, None]] = {}
        self._about: dict[str, dict[str, None]] = {}
        self._waiting: dict[str, dict[str, None]] = {}
        self._head = decode(state[HEAD], Head) if HEAD in state else Head(CHAIN)
        self.summary = decode(state[SUMMARY], Summary) if SUMMARY in state else Summary()
        for key in sorted(state):
            kind, _, name = key.decode("utf-8", "replace").partition("/")
            if kind == "c":
                self._place_case(decode(state[key], Case))
            elif kind == "n":
                self._place_letter(decode(state[key], Letter))
            elif kind == "p":
                self.allowances[name] = decode(state[key], Allowance)
            elif kind == "t":
                self.told[name] = decode(state[key], int)
        self._changes = Changes()

    def put_case(self, case: Case) -> None:
        """The case is now so."""
        self._unplace_case(case.id)
        self._place_case(case)
        self._changes.state[b"c/" + case.id.encode()] = encode(case)

    def drop_case(self, case: Case) -> None:
        """The case is over."""
        self._unplace_case(case.id)
        self._changes.state[b"c/" + case.id.encode()] = None

    def put_letter(self, letter: Letter) -> None:
        """The message made this transition; written to its topic."""
        self._place_letter(letter)
        self._changes.notices.append(letter.notice)
        self._changes.state[b"n/" + letter.notice.id.encode()] = encode(letter)

    def forget_letter(self, letter: Letter) -> None:
        """Nothing more happens to the message."""
        id_ = letter.notice.id
        self.letters.pop(id_, None)
        self.unsent.pop(id_, None)
        of_case = self._of_case.get(letter.case, {})
        of_case.pop(id_, None)
        if not of_case:
            self._of_case.pop(letter.case, None)
        self._changes.state[b"n/" + id_.encode()] = None

    def tell(self, id_: str, now: Micros) -> None:
        """Remember that something was told."""
        self.told[id_] = now
        self._changes.state[b"t/" + id_.encode()] = encode(now)

    def untell(self, id_: str) -> None:
        """Forget it: what it was about is over."""
        if self.told.pop(id_, None) is not None:
            self._changes.state[b"t/" + id_.encode()] = None

    def allow(self, person: str, allowance: Allowance) -> None:
        """What a person was sent is now so."""
        self.allowances[person] = allowance
        self._changes.state[b"p/" + person.encode()] = encode(allowance)

    def summarize(self, summary: Summary) -> None:
        """What health says is now so."""
        self.summary = summary
        self._changes.state[SUMMARY] = encode(summary)

    def record(self, entry: Entry) -> None:
        """Append to the audit chain."""
        line, self._head = append(self._head, entry)
        self._changes.audit.append(line)

    def take(self) -> Changes:
        """What changed since the last call."""
        changes, self._changes = self._changes, Changes()
        if changes.audit:
            changes.state[HEAD] = encode(self._head)
        return changes

    def letters_of(self, id_: str) -> list[Letter]:
        """The messages of a case that are not over."""
        return [self.letters[name] for name in self._of_case.get(id_, ())]

    def cases_about(self, about: str) -> list[Case]:
        """The open cases about something."""
        return [self.cases[name] for name in self._about.get(about, ())]

    def waiting_for(self, person: str) -> list[Case]:
        """Cases that wait for the person's next digest, the gravest first as they came."""
        return [self.cases[name] for name in self._waiting.get(person, ())]

    def waiting(self) -> Iterator[Case]:
        """Every case that waits for somebody's digest, each once."""
        names: dict[str, None] = {}
        for entries in self._waiting.values():
            names.update(entries)
        return (self.cases[name] for name in names)

    def people_waited_for(self) -> Iterator[str]:
        """People for whom something waits."""
        yield from list(self._waiting)

    def _place_case(self, case: Case) -> None:
        self.cases[case.id] = case
        self._about.setdefault(case.matter.about, {})[case.id] = None
        self.rules.update(case.matter.rules)
        self.entities.update(case.matter.entities)
        for person, told_in in case.digests:
            if not told_in:
                self._waiting.setdefault(person, {})[case.id] = None

    def _unplace_case(self, id_: str) -> None:
        case = self.cases.pop(id_, None)
        if case is None:
            return
        _discard(self._about, [case.matter.about], id_)
        _discard(self._waiting, [person for person, _ in case.digests], id_)
        for counter, names in ((self.rules, case.matter.rules), (self.entities, case.matter.entities)):
            counter.subtract(names)
            for name in names:
                if counter[name] <= 0:
                    del counter[name]

    def _place_letter(self, letter: Letter) -> None:
        id_ = letter.notice.id
        self.letters[id_] = letter
        if letter.case:
            self._of_case.setdefault(letter.case, {})[id_] = None
        if letter.notice.state in UNSENT:
            self.unsent[id_] = letter
        else:
            self.unsent.pop(id_, None)


def _discard(index: dict[str, dict[str, None]], names: Iterable[str], id_: str) -> None:
    for name in names:
        entries = index.get(name, {})
        entries.pop(id_, None)
        if not entries:
            index.pop(name, None)
