"""Matters, the roster, the outcomes of attempts and the time in; cases walked over the roster and messages to be sent out.

    open ──► step 0: everybody on duty of it ──minutes──► step 1 ──► … ──► last step ──► again from the top, and says so
                │ one person: channel 1 ──attempts──► channel 2 ──► … ──► failed; all of a step failed ──► the next step at once
                └ more than people read in a storm ──► a digest to the first of them, then to the next one who can be reached

Acknowledging ends the walk. A message is committed as ``sending`` before it leaves (ADR 0021); whoever calls ``take_due``
commits before sending anything.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Literal

import msgspec

from soc.audit.chain import Entry
from soc.clock import MINUTE, SECOND, Micros
from soc.model import Notice
from soc.notify.allowance import ALL, at_once, unlike_all, with_sent
from soc.notify.attempts import Outcome, Settings
from soc.notify.cases import NEITHER, TOLD_KEPT, Allowance, Book, Case, Letter, Trouble, case_id, digest
from soc.notify.roster import EVERYONE, Person, Roster, Step, called, steps_of
from soc.notify.routing import RANK, Matter, escalation_of
from soc.notify.wording import Manner, Words, digest_message, message

AT_ONCE = 2000
"""Cases that take a step in one unit of work: a storm's steps are spread over several commits."""


class Caller:
    """The logic over one ``Book``; it does nothing but change the book."""

    def __init__(self, book: Book, settings: Settings, roster: Callable[[], Roster]) -> None:
        self.book = book
        self._settings = settings
        self._roster = roster
        self.troubles: dict[str, Trouble] = dict(book.summary.failing)

    @property
    def nobody(self) -> str:
        """Why nobody can be told, "" if somebody can."""
        if not self._roster().people:
            return "roster" if self._settings.channels else NEITHER
        reached = {channel for person in self._roster().people.values() for channel, _ in person.channels}
        return "" if reached & self._settings.channels.keys() else "channels"

    def open(self, matter: Matter, now: Micros, escalation: str = "") -> None:
        """Tell people of a matter, unless it was told before, nobody is to be called for it, or there is nobody.

        Args:
            matter: of what.
            now: the time.
            escalation: whom to call; "" is whom the roster's routes say.
        """
        id_ = case_id(matter)
        if id_ in self.book.told or self.nobody:
            return
        escalation = escalation or escalation_of(self._roster(), matter)
        if not escalation:
            return
        self.book.tell(id_, now)
        self.book.put_case(Case(id_, matter, now, escalation, next_at=now))

    def test(self, matter: Matter, about: str, now: Micros) -> None:
        """Send a message over each channel of ``person/<key>``, or to everybody who has it over ``channel/<name>``."""
        kind, _, name = about.partition("/")
        for person in self._roster().people.values():
            for entry in person.channels:
                if name == (person.key if kind == "person" else entry[0]) and entry[0] in self._settings.channels:
                    words = message(matter, self._manner(person, entry[0]))
                    self._write(Case("", matter, now, ""), person, entry, words, now)

    def may_call(self, matter: Matter) -> bool:
        """Whether anybody is to be called for a matter, and can be."""
        return not self.nobody and bool(escalation_of(self._roster(), matter))

    def end(self, about: str, now: Micros, *, acknowledged: bool, untell: bool = False, only: str = "") -> None:
        """What the walks about something were for is over: unsent messages are dropped, sent ones are answered.

        What is told once (a deadline, a task) is told all the same: it is over by itself when it was sent.

        Args:
            about: what it is about.
            now: the time.
            only: a reason of which also what is told once is over.
            acknowledged: a person acted; else it went away by itself.
            untell: should it come up again under the same key, it is told again.
        """
        for case in self.book.cases_about(about):
            if not case.matter.walks and case.matter.reason != only:
                continue
            for letter in self.book.letters_of(case.id):
                state = letter.notice.state
                if state in {"queued", "retry_wait"}:
                    self._final(letter, "dropped", "what it was about is over")
                elif state == "sent":
                    if acknowledged:
                        self._final(letter, "acknowledged", "")
                    self.book.forget_letter(letter)
            self.book.drop_case(case)
            if acknowledged:
                self.book.record(Entry(now, "soc", "answered", case.matter.about, f"step {case.step + 1}"))
            if untell:
                self.book.untell(case.id)

    def forget(self, keys: Iterable[str]) -> None:
        """What these keys were about is over: should it come up again, it is told again."""
        for key in keys:
            self.book.untell(digest(key))

    def refresh(self, facts: Matter) -> None:
        """What is known now of something of which people wait to be told in a digest."""
        for case in self.book.cases_about(facts.about):
            if any(not told_in for _, told_in in case.digests) and case.matter.reason == facts.reason:
                known = case.matter
                matter = msgspec.structs.replace(facts, key=known.key, level=known.level, walks=known.walks)
                if matter != known:
                    self.book.put_case(msgspec.structs.replace(case, matter=matter))

    def channel_of(self, notice_id: str) -> str:
        """The channel of a message that is not over; "" of any other."""
        letter = self.book.letters.get(notice_id)
        return letter.notice.channel if letter else ""

    def recover(self, now: Micros, still: Collection[str] = ()) -> None:
        """Whatever the last owner was sending may have arrived, or may still for as long as an attempt takes.

        Args:
            now: the time.
            still: ids of messages that this very process is still sending: their outcome will be known.
        """
        for letter in list(self.book.unsent.values()):
            if letter.notice.state == "sending" and letter.notice.id not in still:
                channel = self._settings.channels.get(letter.notice.channel)
                wait = channel.timeout if channel else 0
                told = "restarted while it was being sent: it may arrive twice"
                self._change(letter, state="retry_wait", next_attempt=now + wait, detail=told)

    def tick(self, now: Micros) -> None:
        """Take every step that is due, and make every digest that is."""
        due = [case for case in self.book.cases.values() if 0 < case.next_at <= now]
        due.sort(key=lambda case: (-RANK.get(case.matter.level, 3), case.opened, case.id))
        for case in due[:AT_ONCE]:
            self._advance(case, now)
        self._stand_out(now)
        for person in self.book.people_waited_for():
            self._digest(person, now)

    def take_due(self, now: Micros) -> list[Letter]:
        """Messages to be sent now, each put to ``sending``: commit, then send them."""
        running: dict[str, int] = {}
        waiting: list[Letter] = []
        for letter in self.book.unsent.values():
            if letter.notice.state == "sending":
                running[letter.notice.channel] = running.get(letter.notice.channel, 0) + 1
            elif letter.notice.next_attempt <= now:
                waiting.append(letter)
        waiting.sort(key=lambda letter: (-letter.rank, letter.notice.made, letter.notice.id))
        taken: list[Letter] = []
        for letter in waiting:
            channel = letter.notice.channel
            if running.get(channel, 0) < self._settings.parallel:
                running[channel] = running.get(channel, 0) + 1
                taken.append(self._change(letter, state="sending", attempts=letter.notice.attempts + 1, next_attempt=0))
        return taken

    def came_of(self, notice_id: str, outcome: Outcome, now: Micros, attempt: int = 0) -> None:
        """An attempt ended: the latest one of a message that is being sent, or what is known of an earlier one is late.

        Args:
            notice_id: of the message.
            outcome: what came of it.
            now: the time.
            attempt: which attempt; 0 is the latest.
        """
        letter = self.book.unsent.get(notice_id)
        if letter is None or letter.notice.state != "sending" or attempt not in {0, letter.notice.attempts}:
            return
        channel = letter.notice.channel
        if outcome.kind == "sent":
            self.troubles.pop(channel, None)
            self._sent(letter, now)
            return
        before = self.troubles.get(channel, Trouble(0, now, ""))
        self.troubles[channel] = Trouble(before.failures + 1, before.since, outcome.detail)
        if letter.case and letter.case not in self.book.cases:
            self._final(letter, "dropped", f"what it was about is over; {_told(outcome)}")
            return
        if outcome.kind == "refused" or letter.notice.attempts >= self._settings.attempts:
            self._gave_up(letter, outcome, now)
            return
        wait = min(self._settings.retry_max, self._settings.retry_min * 2 ** (letter.notice.attempts - 1))
        self._change(letter, state="retry_wait", next_attempt=now + wait, detail=_told(outcome))

    def forget_old(self, now: Micros) -> None:
        """Forget what was told so long ago that it cannot come up again."""
        for id_ in [id_ for id_, at in self.book.told.items() if at < now - TOLD_KEPT]:
            self.book.untell(id_)

    def _advance(self, case: Case, now: Micros) -> None:
        """Take the next step that calls somebody; where nobody at all is on duty, everyone is called."""
        roster = self._roster()
        steps = steps_of(roster, case.escalation)
        number = case.step
        people: Sequence[str] = ()
        for _ in steps:
            number += 1
            people = called(roster, steps[number % len(steps)], now)
            if people:
                break
        else:
            number = case.step + 1
            people = called(roster, Step((EVERYONE,), 0), now)
            self.book.record(Entry(now, "soc", "nobody_on_duty", case.matter.about, f"escalation {case.escalation}"))
        wait = round(steps[number % len(steps)].minutes * MINUTE)
        if number // len(steps) > case.step // len(steps) >= 0:
            for letter in self.book.letters_of(case.id):
                if letter.notice.state == "sent":
                    self.book.forget_letter(letter)  # another round begins: the ones before stay as they are
        next_at = now + wait if case.matter.walks else 0
        case = msgspec.structs.replace(
            case, step=number, step_at=now, next_at=next_at, pending=tuple(people), digests=(), rest=()
        )
        self.book.put_case(case)
        self._call(case, people, now)

    def _call(self, case: Case, people: Sequence[str], now: Micros) -> None:
        """Call the people of a step at once, or put the case where it waits for a digest or until it stands out.

        Of a new matter in a storm one person is told at first, and the others only where he cannot be reached.
        """
        limits, sent = self._settings.limits, self.book.allowances.get(ALL, Allowance())
        if at_once(len(people), sent, limits, now):
            self.book.allow(ALL, with_sent(sent, ("own",) * len(people), now, limits))
            self._write_to(case, people, now)
            return
        first, rest = (tuple(people), ()) if case.step else (tuple(people[:1]), tuple(people[1:]))
        self.book.put_case(msgspec.structs.replace(case, pending=first, rest=rest))
        for person in first:
            self._let_wait(case.id, person, now)

    def _write_to(self, case: Case, people: Sequence[str], now: Micros) -> None:
        for person in people:
            if not self._next_channel(case, self._roster().people[person], "", now):
                self._failed(case.id, person, now)

    def _let_wait(self, id_: str, person: str, now: Micros) -> None:
        """The person's next digest tells of the case."""
        before = self.book.allowances.get(person, Allowance())
        since = before.waiting_since if self.book.waiting_for(person) else now
        case = self.book.cases[id_]
        self.book.put_case(msgspec.structs.replace(case, digests=(*case.digests, (person, ""))))
        self.book.allow(person, msgspec.structs.replace(before, waiting_since=since))

    def _stand_out(self, now: Micros) -> None:
        """Messages of their own for what waits and has nothing to do with the storm."""
        limits, sent = self._settings.limits, self.book.allowances.get(ALL, Allowance())
        for case in unlike_all(self.book.waiting(), sent, self.book, limits, now):
            people = [person for person, told_in in case.digests if not told_in and person in self._roster().people]
            alone = msgspec.structs.replace(case, digests=tuple(entry for entry in case.digests if entry[1]))
            self.book.put_case(alone)
            self.book.allow(ALL, with_sent(self.book.allowances.get(ALL, Allowance()), ("break",), now, limits))
            self._write_to(alone, people, now)

    def _next_channel(self, case: Case, person: Person, after: str, now: Micros) -> bool:
        """Write the message about a case for the channel that follows ``after``; whether there is one."""
        usable = [entry for entry in person.channels if entry[0] in self._settings.channels]
        names = [f"{channel}/{address}" for channel, address in usable]
        index = names.index(after) + 1 if after in names else (0 if not after else len(names))
        if index >= len(usable):
            return False
        manner = self._manner(person, usable[index][0])
        steps = len(steps_of(self._roster(), case.escalation))
        words = message(case.matter, manner, step=max(0, case.step), steps=steps, since=case.opened)
        self._write(case, person, usable[index], words, now)
        return True

    def _write(self, case: Case, person: Person, entry: tuple[str, str], words: Words, now: Micros) -> None:
        matter, (channel, address) = case.matter, entry
        id_ = digest(case.id or matter.key, case.step, person.key, channel, address)
        notice = Notice(
            id_, 1, now, matter.reason, matter.about, max(0, case.step), person.key, channel, words.subject, words.text
        )
        self.book.put_letter(Letter(notice, case.id, address, RANK.get(matter.level, 3)))

    def _digest(self, person: str, now: Micros) -> None:
        """One message about everything that waits for a person, if it is time."""
        limits = self._settings.limits
        allowance = self.book.allowances.get(person)
        someone = self._roster().people.get(person)
        cases = self.book.waiting_for(person)
        if allowance is None or someone is None:
            for case in cases:
                self._failed(case.id, person, now)
            return
        last = max((at for at, way in allowance.sent if way == "digest"), default=0)
        since = allowance.waiting_since or now
        if now < max(since + limits.gathered, last + limits.window if last else 0):
            return
        usable = [entry for entry in someone.channels if entry[0] in self._settings.channels]
        if not usable:
            for case in cases:
                self._failed(case.id, person, now)
            return
        id_ = digest("digest", person, now, cases[0].id)
        self._write_digest(id_, cases, someone, usable[0], now)
        for case in cases:
            told_in = tuple((who, id_ if who == person else told) for who, told in case.digests)
            self.book.put_case(msgspec.structs.replace(case, digests=told_in))
        self.book.allow(person, with_sent(allowance, ("digest",), now, limits))

    def _write_digest(
        self, id_: str, cases: Sequence[Case], person: Person, entry: tuple[str, str], now: Micros
    ) -> None:
        channel, address = entry
        manner = self._manner(person, channel)
        matters = [case.matter for case in cases]
        if len(matters) == 1:
            words = message(matters[0], manner)
        else:
            words = digest_message(matters, manner, min(case.opened for case in cases))
        rank = max(RANK.get(matter.level, 3) for matter in matters)
        about = f"digest/{id_}"
        notice_id = digest(id_, channel, address)
        notice = Notice(notice_id, 1, now, "digest", about, 0, person.key, channel, words.subject, words.text)
        self.book.put_letter(Letter(notice, "", address, rank))

    def _manner(self, person: Person, channel: str) -> Manner:
        known = self._settings.channels[channel]
        zone = self._roster().zone
        return Manner(person.language, zone, self._settings.name, self._settings.link, known.tells, known.short)

    def _sent(self, letter: Letter, now: Micros) -> None:
        letter = self._change(letter, state="sent", sent_at=now, detail="")
        self.book.record(_entry(letter, "sent", now))
        about = letter.notice.about
        if about.startswith("digest/"):
            self.book.forget_letter(letter)
            for case in self._told_in(letter):
                self._case_told(case)
            return
        case = self.book.cases.get(letter.case)
        if case is None:
            self.book.forget_letter(letter)  # it ended meanwhile, or is a test
            return
        self._case_told(case)

    def _case_told(self, case: Case) -> None:
        """A matter that is told once is over when nothing of it is under way any more."""
        if not case.told:
            case = msgspec.structs.replace(case, told=True)
            self.book.put_case(case)
        self._close_told(case)

    def _close_told(self, case: Case) -> None:
        letters = self.book.letters_of(case.id)
        waits = any(not told_in for _, told_in in case.digests)
        if case.matter.walks or waits or any(letter.notice.id in self.book.unsent for letter in letters):
            return
        for letter in letters:
            self.book.forget_letter(letter)
        self.book.drop_case(case)

    def _told_in(self, letter: Letter) -> list[Case]:
        id_, person = letter.notice.about.removeprefix("digest/"), letter.notice.person
        return [case for case in self.book.cases.values() if (person, id_) in case.digests]

    def _gave_up(self, letter: Letter, outcome: Outcome, now: Micros) -> None:
        """A channel failed: the person's next one, then the next person."""
        self.book.record(_entry(letter, "failed", now))
        person = self._roster().people.get(letter.notice.person)
        used = f"{letter.notice.channel}/{letter.address}"
        self._final(letter, "failed", _told(outcome))
        if letter.notice.about.startswith("digest/"):
            self._digest_failed(letter, person, used, now)
            return
        case = self.book.cases.get(letter.case)
        if case is None or letter.notice.step != case.step:
            return
        if person is None or not self._next_channel(case, person, used, now):
            self._failed(case.id, letter.notice.person, now)

    def _digest_failed(self, letter: Letter, person: Person | None, used: str, now: Micros) -> None:
        cases = self._told_in(letter)
        usable = [entry for entry in (person.channels if person else ()) if entry[0] in self._settings.channels]
        names = [f"{channel}/{address}" for channel, address in usable]
        index = names.index(used) + 1 if used in names else len(names)
        if person is not None and cases and index < len(usable):
            id_ = letter.notice.about.removeprefix("digest/")
            self._write_digest(id_, cases, person, usable[index], now)
            return
        for case in cases:
            self._failed(case.id, letter.notice.person, now)

    def _failed(self, id_: str, person: str, now: Micros) -> None:
        """A person cannot be reached for a case; when nobody of the step can, the next step is taken at once."""
        case = self.book.cases[id_]
        pending = tuple(key for key in case.pending if key != person)
        digests = tuple(entry for entry in case.digests if entry[0] != person)
        if case.rest and not pending and not case.told:
            following, *rest = case.rest
            case = msgspec.structs.replace(case, pending=(following,), digests=digests, rest=tuple(rest))
            self.book.put_case(case)
            self._let_wait(case.id, following, now)
            return
        next_at = case.next_at
        if not pending and not case.told:
            next_at = self._after_failure(case, now)
        elif not pending and case.matter.walks:
            next_at = min(case.next_at, self._after_failure(case, now))
        case = msgspec.structs.replace(case, pending=pending, digests=digests, next_at=next_at)
        self.book.put_case(case)
        if case.told:
            self._close_told(case)

    def _after_failure(self, case: Case, now: Micros) -> Micros:
        """At once, but not from the last step to the first: a round takes at least the time of its last step."""
        steps = steps_of(self._roster(), case.escalation)
        if (case.step + 1) % len(steps):
            return now
        return max(now + SECOND, case.step_at + round(steps[-1].minutes * MINUTE))

    def _final(self, letter: Letter, state: Literal["failed", "dropped", "acknowledged"], detail: str) -> None:
        letter = self._change(letter, state=state, detail=detail)
        self.book.forget_letter(letter)

    def _change(self, letter: Letter, **changes: object) -> Letter:
        notice = msgspec.structs.replace(letter.notice, version=letter.notice.version + 1, **changes)
        letter = msgspec.structs.replace(letter, notice=notice)
        self.book.put_letter(letter)
        return letter


def _told(outcome: Outcome) -> str:
    return f"{outcome.detail}; it may have arrived" if outcome.kind == "uncertain" else outcome.detail


def _entry(letter: Letter, act: str, now: Micros) -> Entry:
    notice = letter.notice
    return Entry(now, "soc", act, f"notice/{notice.id}", f"{notice.about} to {notice.person} by {notice.channel}")
