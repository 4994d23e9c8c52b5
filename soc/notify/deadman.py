"""Signs of life and the time in; people called when they stop or tell of trouble, and told when it is over, out.

Keys of the state beside those of ``soc.notify.cases``: ``beat`` the newest sign of life, and when it came.
"""

from collections.abc import Mapping

import msgspec

from soc.clock import Micros
from soc.model import decode, encode
from soc.notify.caller import Caller
from soc.notify.heartbeat import TROUBLES, Beat, Bounds, Trouble, troubles
from soc.notify.routing import Matter

KEY = b"beat"


class Heard(msgspec.Struct, frozen=True):
    """What the second host knows of the first.

    Attributes:
        at: when ``beat`` came; before the first, when waiting began.
        told: trouble → since when, of those that people were called for.
    """

    at: Micros
    beat: Beat | None = None
    told: dict[str, Micros] = {}


class Deadman:
    """The second host's view of the first.

    Args:
        state: as it was kept.
        caller: who calls people from here.
        bounds: when something is wrong.
        now: when waiting begins if nothing was kept. After a stop of this host the wait begins anew: what came meanwhile is not known.
    """

    def __init__(self, state: Mapping[bytes, bytes], caller: Caller, bounds: Bounds, now: Micros) -> None:
        self._caller = caller
        self._bounds = bounds
        kept = decode(state[KEY], Heard) if KEY in state else Heard(now)
        self._heard = kept if "silent" in kept.told else msgspec.structs.replace(kept, at=now)
        self._changes: dict[bytes, bytes | None] = {KEY: encode(self._heard)}

    @property
    def heard(self) -> Heard:
        """What is known."""
        return self._heard

    def hear(self, beat: Beat, now: Micros) -> bool:
        """Take a sign of life in; False if it is no newer than the last one: somebody sends an old one again."""
        if self._heard.beat is not None and beat.at <= self._heard.beat.at:
            return False
        self._put(msgspec.structs.replace(self._heard, at=now, beat=beat))
        return True

    def tick(self, now: Micros) -> None:
        """Call people for what is wrong now, and tell them of what is not any more."""
        wrong = troubles(self._heard.beat, self._heard.at, self._bounds, now)
        told = dict(self._heard.told)
        for trouble in TROUBLES:
            if trouble in wrong and trouble not in told:
                told[trouble] = now
                self._caller.open(self._matter(trouble, now), now)
            elif trouble in told and trouble not in wrong and "silent" not in wrong:
                self._over(trouble, told.pop(trouble), now)
        if told != self._heard.told:
            self._put(msgspec.structs.replace(self._heard, told=told))

    def take(self) -> dict[bytes, bytes | None]:
        """Changes of the state since the last call."""
        changes, self._changes = self._changes, {}
        return changes

    def _over(self, trouble: Trouble, since: Micros, now: Micros) -> None:
        about = f"heartbeat/{trouble}"
        escalations = {case.escalation for case in self._caller.book.cases_about(about)}
        self._caller.end(about, now, acknowledged=False, untell=True)
        matter = msgspec.structs.replace(
            self._matter(trouble, now),
            key=f"heartbeat_back/{trouble}/{since}",
            about=f"heartbeat_back/{trouble}",
            reason="heartbeat_back",
            level="informational",
            walks=False,
        )
        self._caller.open(matter, now, escalation=next(iter(escalations), ""))

    def _matter(self, trouble: Trouble, now: Micros) -> Matter:
        beat = self._heard.beat
        return Matter(
            key=f"heartbeat/{trouble}/{now}",
            about=f"heartbeat/{trouble}",
            reason="heartbeat",
            level="critical",
            at=self._heard.at if trouble == "silent" else now,
            number=beat.host if beat else "",
            detail=(("what", trouble), ("who", beat.host if beat else "–"), ("last", str(self._heard.at))),
            rules=(f"reason:heartbeat/{trouble}",),
            walks=True,
        )

    def _put(self, heard: Heard) -> None:
        self._heard = heard
        self._changes[KEY] = encode(heard)
