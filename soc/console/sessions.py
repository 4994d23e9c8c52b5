"""Sessions and sign-in throttling: a cookie in, who is signed in out; wrong passwords cost ever more time."""

import hashlib
import hmac
import secrets
from collections import OrderedDict
from pathlib import Path

import msgspec

from soc.clock import HOUR, MINUTE, SECOND, Clock, Micros
from soc.console.auth import write_private

MAX_SESSIONS = 1000
FREE_FAILURES = 5
MAX_WAIT: Micros = 15 * MINUTE
_MAX_TRACKED = 4096


class Session(msgspec.Struct, frozen=True):
    """One signed-in browser."""

    user: str
    expires: Micros
    reason: str = ""
    """Of an emergency sign-in."""
    stamp: str = ""
    """Of the password it was opened with (``User.stamp``)."""


def csrf_of(secret: str) -> str:
    """The form token that goes with a cookie: only who can read the cookie's page can know it."""
    return hmac.new(secret.encode("utf-8", "replace"), b"soc-csrf", hashlib.sha256).hexdigest()


def _key(session_id: str) -> str:
    return hashlib.sha256(session_id.encode("utf-8", "replace")).hexdigest()


class Sessions:
    """Sessions by the hash of their random id, kept in a private file so that a restart signs nobody out."""

    def __init__(self, data_dir: Path, clock: Clock, hours: float) -> None:
        self._path = data_dir / "sessions.json"
        self._clock = clock
        self._life = round(hours * HOUR)
        self._sessions: dict[str, Session] = {}
        try:
            self._sessions = msgspec.json.decode(self._path.read_bytes(), type=dict[str, Session])
        except (FileNotFoundError, msgspec.DecodeError, msgspec.ValidationError):
            self._sessions = {}

    def open(self, user: str, *, life: Micros | None = None, reason: str = "", stamp: str = "") -> str:
        """Start a session; returns the id for the cookie.

        Args:
            user: who.
            life: how long it lasts, as long as every one by default.
            reason: of an emergency sign-in.
            stamp: of the password: another password ends the session, also one set from the command line.
        """
        session_id = secrets.token_urlsafe(32)
        now = self._clock()
        kept = {key: session for key, session in self._sessions.items() if session.expires > now}
        for key in sorted(kept, key=lambda key: kept[key].expires)[: max(0, len(kept) - MAX_SESSIONS + 1)]:
            del kept[key]
        self._sessions = {
            **kept,
            _key(session_id): Session(user, now + (self._life if life is None else life), reason, stamp),
        }
        self._save()
        return session_id

    def get(self, session_id: str) -> Session | None:
        """The session, unless it has expired."""
        session = self._sessions.get(_key(session_id))
        return session if session and session.expires > self._clock() else None

    def close(self, session_id: str) -> None:
        """End one session."""
        if self._sessions.pop(_key(session_id), None):
            self._save()

    def close_all(self, user: str) -> None:
        """End every session of a user: the password or the roles changed."""
        kept = {key: session for key, session in self._sessions.items() if session.user != user}
        if len(kept) != len(self._sessions):
            self._sessions = kept
            self._save()

    def _save(self) -> None:
        write_private(self._path, msgspec.json.encode(self._sessions))


class SignIns:
    """When each account last signed in, in a private file beside the accounts."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "signed-in.json"

    def all(self) -> dict[str, Micros]:
        """Name → when; what cannot be read is not known."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=dict[str, Micros])
        except (FileNotFoundError, msgspec.DecodeError, msgspec.ValidationError):
            return {}

    def note(self, name: str, at: Micros) -> None:
        """Somebody signed in."""
        write_private(self._path, msgspec.json.encode({**self.all(), name: at}))


class Throttle:
    """After five wrong passwords for a name or from an address, each further one doubles the wait, up to 15 minutes."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, tuple[int, Micros]] = OrderedDict()
        self._quiet: set[str] = set()

    def wait(self, *keys: str) -> Micros:
        """How long nobody may try under any of these keys; 0 if now is fine."""
        now = self._clock()
        return max(0, *(self._failures.get(key, (0, 0))[1] - now for key in keys))

    def tells(self, *keys: str) -> bool:
        """Whether this refused attempt is the first since the last wrong password: one line in the audit for each wait."""
        fresh = [key for key in keys if key in self._failures and key not in self._quiet]
        self._quiet.update(fresh)
        return bool(fresh)

    def failed(self, *keys: str) -> None:
        """A wrong password was given."""
        self._quiet.difference_update(keys)
        now = self._clock()
        for key in keys:
            count = self._failures.pop(key, (0, 0))[0] + 1
            wait = min(MAX_WAIT, SECOND << min(30, count - FREE_FAILURES)) if count >= FREE_FAILURES else 0
            self._failures[key] = (count, now + wait)
        while len(self._failures) > _MAX_TRACKED:
            self._quiet.discard(self._failures.popitem(last=False)[0])

    def succeeded(self, *keys: str) -> None:
        """The right one was given."""
        for key in keys:
            self._failures.pop(key, None)
