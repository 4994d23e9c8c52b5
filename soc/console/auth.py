"""Accounts: a JSON file of users, scrypt hashes, roles, scopes and API tokens in; who may sign in, as whom, out.

An emergency account (``break_glass``) has a generated password that lies sealed in an envelope. It opens the console once; then an
administrator seals it anew.
"""

import fcntl
import hashlib
import hmac
import os
import re
import secrets
from base64 import b64decode, b64encode
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import msgspec

from soc.clock import Micros
from soc.errors import SocError
from soc.triage.roles import ROLES, WHOLE, is_split, may

MIN_PASSWORD = 12
MAX_ORGANIZATIONS = 50
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_UNIT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}")
_N, _R, _P = 2**14, 8, 5
"""16 MiB and some 200 ms: a row of the scrypt table in OWASP's Password Storage Cheat Sheet. They are stored with each hash, so that
they may grow."""
_MAX_MEMORY = 64 * 1024 * 1024


_ONLY_WHOLE = WHOLE & {"administer", "read_audit"}
"""What makes no sense within some organizations: who may do it is not limited to any."""


class AccountError(SocError):
    """An account cannot be made or changed; ``reason`` is a key of the catalogue."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class ApiToken(msgspec.Struct, frozen=True):
    """A token of a program that acts as a user: only its hash is kept."""

    name: str
    sha256: str

    def fits(self, token: str) -> bool:
        """Whether this is the token."""
        digest = hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
        return hmac.compare_digest(self.sha256, digest)


class User(msgspec.Struct, frozen=True):
    """One account.

    Attributes:
        password: ``scrypt$n$r$p$salt$hash``, base64.
        roles: see ``soc.triage.roles``; a user may hold several.
        organizations: keys of the register's units he is limited to, each with all below it; () is everything.
        kind: ``break_glass``: for when nobody else can sign in; its password is good for one sign-in.
        spent: when that was; None while the envelope is sealed.
    """

    name: str
    password: str
    roles: tuple[str, ...]
    disabled: bool = False
    tokens: tuple[ApiToken, ...] = ()
    organizations: tuple[str, ...] = ()
    kind: Literal["person", "break_glass"] = "person"
    spent: Micros | None = None

    @property
    def stamp(self) -> str:
        """Changes with the password: a session is good for the password it was opened with."""
        return hashlib.sha256(self.password.encode()).hexdigest()[:16]


class _File(msgspec.Struct):
    version: int
    users: dict[str, User]


class Users:
    """The accounts of ``<data_dir>/users.json`` (0600, replaced atomically); another process's changes are seen at once."""

    def __init__(self, data_dir: Path) -> None:
        self._path = data_dir / "users.json"
        self._seen: tuple[int, int] | None = None
        self._users: dict[str, User] = {}
        self._nobody = hash_password(secrets.token_urlsafe(16))

    def bootstrap(self) -> str | None:
        """Make ``admin`` with every role if there are no accounts yet.

        One person must be able to try the whole way from alert to report on a new machine. Before production the roles are
        to be split over people; the console says so for as long as one account may both administer and approve.

        Returns:
            The generated password, this once; None if there are accounts.
        """
        if self.all():
            return None
        password = secrets.token_urlsafe(15)
        self._save({"admin": User("admin", hash_password(password), ROLES)})
        return password

    def all(self) -> Mapping[str, User]:
        """Every account by name."""
        try:
            stat = self._path.stat()
        except FileNotFoundError:
            self._seen, self._users = None, {}
            return {}
        seen = (stat.st_mtime_ns, stat.st_ino)
        if seen != self._seen:
            try:
                self._users = msgspec.json.decode(self._path.read_bytes(), type=_File).users
            except (msgspec.DecodeError, msgspec.ValidationError) as error:
                raise SocError(f"{self._path} is damaged: {error}; restore it from a back-up") from error
            self._seen = seen
        return self._users

    def get(self, name: str) -> User | None:
        """An enabled account."""
        user = self.all().get(name)
        return None if user is None or user.disabled else user

    def check(self, name: str, password: str) -> User | None:
        """The account, if the password is its own. Takes as long for a name that does not exist. Blocking: some 200 ms."""
        user = self.get(name)
        right = verify_password(password, user.password if user else self._nobody)
        return user if right and user and user.spent is None else None

    def spend(self, name: str, at: Micros) -> bool:
        """Use up the sealed password of an emergency account; whether it was still good: of two at once one gets in."""
        with self._locked():
            user = self.all().get(name)
            if user is None or user.disabled or user.kind != "break_glass" or user.spent is not None:
                return False
            self._save({**self.all(), name: msgspec.structs.replace(user, spent=at)})
        return True

    def by_token(self, token: str) -> User | None:
        """The account an API token stands for."""
        for user in self.all().values():
            if not user.disabled and any(known.fits(token) for known in user.tokens):
                return user
        return None

    def add(
        self,
        name: str,
        roles: Sequence[str],
        organizations: Sequence[str] = (),
        kind: Literal["person", "break_glass"] = "person",
    ) -> str:
        """Make an account; returns its generated password, which of an emergency account belongs into an envelope.

        Raises:
            AccountError: the name is taken or is none, a role is unknown, or these roles do not go together.
        """
        name = name.strip().lower()
        if not _NAME.fullmatch(name):
            raise AccountError("users.error.name")
        password, units = secrets.token_urlsafe(15), _organizations(organizations)
        user = User(name, hash_password(password), _checked(roles, units), organizations=units, kind=kind)
        with self._locked():
            if name in self.all():
                raise AccountError("users.error.taken")
            self._save({**self.all(), name: user})
        return password

    def set_roles(self, name: str, roles: Sequence[str]) -> None:
        """Replace an account's roles.

        Raises:
            AccountError: no such account or role, these roles do not go together, or nobody would be administrator any more.
        """
        self._change(name, roles=_checked(roles, self._known(name).organizations))

    def set_organizations(self, name: str, organizations: Sequence[str]) -> None:
        """Limit an account to these units of the register; () is everything.

        Raises:
            AccountError: no such account, one is no unit's key, or its roles are for the whole installation.
        """
        units = _organizations(organizations)
        _checked(self._known(name).roles, units)
        self._change(name, organizations=units)

    def set_disabled(self, name: str, *, disabled: bool) -> None:
        """Close or open an account.

        Raises:
            AccountError: no such account, or nobody would be administrator any more.
        """
        self._change(name, disabled=disabled)

    def reset_password(self, name: str) -> str:
        """Give an account a new generated password and return it; its API tokens end, and an emergency account is sealed anew."""
        password = secrets.token_urlsafe(15)
        self._change(name, password=hash_password(password), tokens=(), spent=None)
        return password

    def set_password(self, name: str, password: str) -> None:
        """Give an account a password of its owner's choice.

        Raises:
            AccountError: it is shorter than 12 characters, or the account is for emergencies: that password is sealed.
        """
        self._check_person(name)
        if len(password) < MIN_PASSWORD:
            raise AccountError("account.error.short")
        self._change(name, password=hash_password(password))

    def add_token(self, name: str, label: str) -> str:
        """Make an API token for an account and return it, this once; one of the same label is replaced."""
        self._check_person(name)
        token = f"soc_{secrets.token_urlsafe(32)}"
        kept = tuple(known for known in self._known(name).tokens if known.name != label)
        self._change(name, tokens=(*kept, ApiToken(label, hashlib.sha256(token.encode()).hexdigest())))
        return token

    def remove_token(self, name: str, label: str) -> None:
        """End an API token."""
        self._change(name, tokens=tuple(known for known in self._known(name).tokens if known.name != label))

    def _known(self, name: str) -> User:
        user = self.all().get(name)
        if user is None:
            raise AccountError("users.error.unknown")
        return user

    def _check_person(self, name: str) -> None:
        if self._known(name).kind == "break_glass":
            raise AccountError("account.error.sealed")

    def _change(self, name: str, **changes: Any) -> None:
        with self._locked():
            users = {**self.all(), name: msgspec.structs.replace(self._known(name), **changes)}
            if not any(_administers(user) for user in users.values()):
                raise AccountError("users.error.last")
            self._save(users)

    @contextmanager
    def _locked(self) -> Generator[None]:
        """One change at a time, over the console's threads and the command line."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(self._path.with_name(".users.lock"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            self._seen = None
            yield
        finally:
            os.close(descriptor)

    def _save(self, users: Mapping[str, User]) -> None:
        write_private(self._path, msgspec.json.format(msgspec.json.encode(_File(1, dict(users)))))
        self._seen = None


def write_private(path: Path, data: bytes) -> None:
    """Replace a file atomically; only its owner may read it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def hash_password(password: str) -> str:
    """A salted scrypt hash with its parameters."""
    salt = secrets.token_bytes(16)
    made = hashlib.scrypt(password.encode("utf-8", "replace"), salt=salt, n=_N, r=_R, p=_P, maxmem=_MAX_MEMORY)
    return f"scrypt${_N}${_R}${_P}${b64encode(salt).decode()}${b64encode(made).decode()}"


def verify_password(password: str, stored: str) -> bool:
    """Whether ``stored`` was made of this password."""
    try:
        kind, n, r, p, salt, expected = stored.split("$")
        given = hashlib.scrypt(
            password.encode("utf-8", "replace"), salt=b64decode(salt), n=int(n), r=int(r), p=int(p), maxmem=_MAX_MEMORY
        )
    except ValueError:
        return False
    return kind == "scrypt" and hmac.compare_digest(given, b64decode(expected))


def _administers(user: User) -> bool:
    return "administrator" in user.roles and not user.disabled and user.kind == "person"


def _organizations(keys: Sequence[str]) -> tuple[str, ...]:
    units = tuple(dict.fromkeys(key.strip() for key in keys if key.strip()))
    if len(units) > MAX_ORGANIZATIONS or not all(_UNIT.fullmatch(unit) for unit in units):
        raise AccountError("users.error.organization")
    return units


def _checked(roles: Sequence[str], units: Sequence[str]) -> tuple[str, ...]:
    if not set(roles) <= set(ROLES):
        raise AccountError("users.error.role")
    if not is_split(roles):
        raise AccountError("users.error.split")
    if units and any(may(role, act) for role in roles for act in _ONLY_WHOLE):
        raise AccountError("users.error.whole")
    return tuple(role for role in ROLES if role in roles)
