"""``soc.outbox``: one transition of one report, written before its side effect."""

from typing import Literal

import msgspec

from soc.clock import Micros

ReportState = Literal[
    "queued",
    "sending",
    "retry_wait",
    "uncertain",
    "processing",
    "accepted",
    "rejected",
    "blocked_auth",
    "held",
    "stale",
    "superseded",
    "cancelled",
    "out_of_band",
]
"""``queued``: sealed, to be sent. ``sending``: the attempt is about to be made. ``retry_wait``: certainly not taken, tried
again later. ``uncertain``: the bytes may have arrived; verified before anything is sent again. ``processing``: the receiver took
the bytes and is still at work on them; asked again. ``accepted``: the receiver has it and gave a receipt. ``held``: the bytes may
have arrived, and the receiver can neither be asked nor recognizes a repeat: a person decides. ``superseded``: a newer one of its
kind took the place of one that was refused. ``cancelled``: a person took it back before it was sent. ``out_of_band``: a person
delivered it another way and gave the number of the paper. ``rejected``: refused for its content (a person must act). ``blocked_auth``: refused for who we
are (a person must act). ``stale``: an approval named bytes that no known version of the incident gives; nothing was sealed,
nothing is sent, and the payload is empty (a person must approve again)."""


class Receipt(msgspec.Struct, frozen=True):
    """What the receiver answered."""

    receipt_id: str
    received_at: str
    status: int
    endpoint: str
    attempt: int
    at: Micros
    verified: bool = False
    """It was found by asking the receiver after a lost answer, not in the answer to the POST itself."""
    peer: str = ""
    """SHA-256 of the certificate that the receiver showed, in hexadecimal."""
    objects: tuple[tuple[str, str], ...] = ()
    """What became of each object of a bundle: (id, ``success`` or the receiver's reason)."""
    request_sha256: str = ""
    """SHA-256 of the body that left, in hexadecimal; of several requests all bodies in their order. "" where none was answered."""


class Settlement(msgspec.Struct, frozen=True):
    """What a person decided about a report that the forwarder cannot bring to an end itself.

    Attributes:
        report_id: which.
        decision: ``out_of_band``: it was delivered another way; ``resend``: send the same bytes again; ``cancel``: take it back.
        number: of the paper or the message by which it was delivered.
        reason: why, in a person's words.
    """

    report_id: str
    decision: Literal["out_of_band", "resend", "cancel"]
    by: str
    at: Micros
    number: str = ""
    reason: str = ""


class Report(msgspec.Struct, frozen=True):
    """One report to one recipient, at one point of its life.

    Attributes:
        id: uuid5 of (incident, kind, sequence, recipient): the idempotency key.
        seq: counts its transitions; the store's external version.
        payload: the sealed bytes (canonical JSON); they never change.
        payload_sha256: their hash, equal to the approval's.
        next_attempt: not before this, in ``retry_wait``.
        history: (state, at, detail) of every transition.
        sequence: 1 for the first approval of its kind on the incident, 2 for the second: part of the id.
        withheld: what is not in its bytes: (field, rule, count), never a value; rule ``profile``: the recipient's profile does not
            list the field.
        audit: the end of the forwarder's audit chain with the line that says it was sealed: (number, hash).
    """

    id: str
    seq: int
    incident_id: str
    kind: str
    recipient: str
    state: ReportState
    payload: bytes
    payload_sha256: str
    sealed_at: Micros
    approver: str
    attempts: int = 0
    next_attempt: Micros = 0
    detail: str = ""
    receipt: Receipt | None = None
    history: tuple[tuple[str, Micros, str], ...] = ()
    sequence: int = 1
    withheld: tuple[tuple[str, str, int], ...] = ()
    audit: tuple[int, str] = (0, "")
