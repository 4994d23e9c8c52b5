"""``soc.notices``: one transition of one message to people, written before its side effect."""

from typing import Literal

import msgspec

from soc.clock import Micros

NoticeState = Literal["queued", "sending", "retry_wait", "sent", "acknowledged", "failed", "dropped"]
"""``queued``: to be sent. ``sending``: the attempt is about to be made. ``retry_wait``: the channel failed, tried again later.
``sent``: the channel took it. ``acknowledged``: the person acted on what it is about. ``failed``: given up, the next of the
roster is called. ``dropped``: what it was about is over, or a digest took its place."""


class Notice(msgspec.Struct, frozen=True):
    """One message to one person over one channel.

    Attributes:
        id: hash of what it is about, the reason, the step of the escalation, the person and the channel: the same again is the
            same message.
        version: counts its transitions; the store's external version.
        reason: ``incident`` ``alert`` ``deadline`` ``report`` ``digest`` ``task`` ``directive`` ``break_glass`` ``test`` …
        about: what it is about: ``incident/<id>``, ``report/<id>`` …
        step: of the escalation, 0 first.
        person, channel: who, by what.
        subject, text: as they leave: no case data beyond what the policy allows.
        attempts, next_attempt, detail: of sending.
    """

    id: str
    version: int
    made: Micros
    reason: str
    about: str
    step: int
    person: str
    channel: str
    subject: str
    text: str
    state: NoticeState = "queued"
    attempts: int = 0
    next_attempt: Micros = 0
    sent_at: Micros | None = None
    detail: str = ""
