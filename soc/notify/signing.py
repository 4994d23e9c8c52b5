"""A secret, a moment and bytes in, the signature that a receiver checks out; and the other way round.

    Soc-Timestamp: 1764062400                     seconds since 1970 at which it was signed
    Soc-Signature: v1=<64 hexadecimal digits>     HMAC-SHA256 over ``<timestamp>.<body>``

The time is signed too, so that a receiver can refuse what somebody recorded and sends again later.
"""

import hashlib
import hmac
import re

from soc.clock import SECOND, Micros

TIMESTAMP, SIGNATURE, IDENTITY = "Soc-Timestamp", "Soc-Signature", "Soc-Id"
"""Names of the header fields. ``Soc-Id``: of the message; the same message sent twice has the same one."""
_VERSION = "v1="


def signed(secret: str, now: Micros, body: bytes) -> dict[str, str]:
    """The header fields of a request with this body."""
    stamp = str(now // SECOND)
    return {TIMESTAMP: stamp, SIGNATURE: _VERSION + _digest(secret, stamp, body)}


def signed_at(secret: str, stamp: str, signature: str, body: bytes) -> Micros | None:
    """When a request was signed by somebody who has the secret; None if it was not.

    Args:
        secret: the shared one.
        stamp: ``Soc-Timestamp``.
        signature: ``Soc-Signature``.
        body: the bytes as they came.
    """
    if not re.fullmatch(r"[0-9]{1,12}", stamp):
        return None
    expected = _VERSION + _digest(secret, stamp, body)
    if not hmac.compare_digest(expected.encode(), signature.encode("utf-8", "replace")):
        return None
    return int(stamp) * SECOND


def _digest(secret: str, stamp: str, body: bytes) -> str:
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
