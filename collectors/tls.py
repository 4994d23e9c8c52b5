"""TLS for listeners: the files of a certificate in, a context that follows them out; ciphertext in, plaintext out; no socket.

RFC 5425 asks for TLS and mutual authentication by certificate. Versions before 1.2 are refused (RFC 8996), and so is
renegotiation, which nobody needs and which costs the server more than the client.
"""

import ssl
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import structlog

from collectors.base import InputCounters
from soc.errors import SettingsError

log = structlog.get_logger()

_READ = 65536  # bytes asked of one TLS record at a time; a record holds 16 KiB (RFC 8446 §5.1)
_SHORT = {
    "commonName": "CN",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
}  # RFC 4514 §3

Fingerprint = tuple[tuple[int, int, int], ...]
"""Of each file: inode, size, time of change; empty while one is not there."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Where a listener's certificate is, and whom it believes.

    Attributes:
        certificate: PEM, the certificate first and its chain behind it.
        key: PEM, its private key, without a password.
        client_ca: PEM of the authorities that sign senders' certificates; ``""``: senders are not asked for one.
        client_required: with ``client_ca``: whether a sender without a certificate is refused.
    """

    certificate: str
    key: str
    client_ca: str = ""
    client_required: bool = True

    def paths(self) -> tuple[str, ...]:
        """All of them that are set."""
        return tuple(path for path in (self.certificate, self.key, self.client_ca) if path)


def tls_mistakes(files: TlsFiles) -> list[str]:
    """Why the files cannot be used, each with what to do; empty if they can."""
    mistakes: list[str] = []
    for path in files.paths():
        try:
            with Path(path).open("rb"):
                pass
        except OSError as error:
            mistakes.append(f"{path}: {error.strerror}; name a PEM file that the account of soc may read")
    if not mistakes:
        try:
            _load(files)
        except (ssl.SSLError, OSError, ValueError) as error:
            pair = f"{files.certificate} with {files.key}"
            what = getattr(error, "reason", None) or str(error)
            advice = "give the certificate and the key that belongs to it, as PEM, the key without a password"
            mistakes.append(f"{pair}: {what}; {advice}")
    return mistakes


def _no_password() -> str:
    raise ValueError("the key has a password")  # without this OpenSSL would ask for it on the terminal


def _load(files: TlsFiles) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.load_cert_chain(files.certificate, files.key, _no_password)
    if files.client_ca:
        context.load_verify_locations(files.client_ca)
        context.verify_mode = ssl.CERT_REQUIRED if files.client_required else ssl.CERT_OPTIONAL
    return context


def _fingerprint(files: TlsFiles) -> Fingerprint:
    try:
        stats = [Path(path).stat() for path in files.paths()]
    except OSError:
        return ()
    return tuple((stat.st_ino, stat.st_size, stat.st_mtime_ns) for stat in stats)


class FollowedContext(ssl.SSLContext):
    """A server context for any event loop whose every new connection uses the files as they are then.

    Certificates and authorities may be replaced while it runs: connections that are open live on with what they began with.
    Files that cannot be used (a certificate is there, its key not yet) are told once, counted, and looked at again when they
    change; until then what was loaded last stays in use.

    Args:
        files: the certificate, its key, the authorities of senders.
        listener: named in the log.
        counters: ``certificates_reloaded`` and ``certificates_unusable`` grow.

    Raises:
        SettingsError: the files cannot be used now.
    """

    def __new__(cls, files: TlsFiles, listener: str, counters: InputCounters) -> Self:  # noqa: ARG004 - as __init__
        """The context that event loops look at; it makes no connection itself."""
        return super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)

    def __init__(self, files: TlsFiles, listener: str, counters: InputCounters) -> None:
        mistakes = tls_mistakes(files)
        if mistakes:
            raise SettingsError([f"listener {listener!r}: {mistake}" for mistake in mistakes])
        self._files = files
        self._listener = listener
        self._counters = counters
        self._seen = _fingerprint(files)
        self._current = _load(files)

    def current(self) -> ssl.SSLContext:
        """What a connection that begins now uses."""
        seen = _fingerprint(self._files)
        if seen != self._seen:
            self._seen = seen
            try:
                self._current = _load(self._files)
            except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
                self._counters.certificates_unusable += 1
                log.warning("certificate_unusable", listener=self._listener, error=str(error))
            else:
                self._counters.certificates_reloaded += 1
                log.info("certificate_reloaded", listener=self._listener)
        return self._current

    def wrap_bio(  # pyright: ignore[reportIncompatibleMethodOverride] - the same parameters, typed as they are used
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """As every event loop begins a TLS connection."""
        return self.current().wrap_bio(incoming, outgoing, server_side, server_hostname, session)


class TlsChannel:
    """The server's side of one TLS connection.

    Attributes:
        established: the handshake is over; the sender's certificate was checked if it had to be.
        ended: the sender said that nothing more comes (close_notify).
        failure: why the connection cannot go on; ``""`` while it can.
    """

    def __init__(self, context: ssl.SSLContext) -> None:
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._object = context.wrap_bio(self._in, self._out, server_side=True)
        self.established = False
        self.ended = False
        self.failure = ""

    def receive(self, data: bytes) -> bytes:
        """Take ciphertext; return the plaintext it completes. What is then to be sent waits in ``outgoing``."""
        self._in.write(data)
        plain: list[bytes] = []
        try:
            if not self.established:
                self._object.do_handshake()
                self.established = True
            while chunk := self._object.read(_READ):
                plain.append(chunk)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.ended = True
        except ssl.SSLError as error:
            self.failure = error.reason or str(error)
        return b"".join(plain)

    def send(self, data: bytes) -> None:
        """Encrypt; the ciphertext waits in ``outgoing``."""
        if self.established and not self.failure:
            self._object.write(data)

    def close(self) -> None:
        """Say that nothing more comes (RFC 8446 §6.1); a sender need not answer."""
        if self.established and not self.failure:
            try:
                self._object.unwrap()
            except ssl.SSLError:
                self.failure = "closed"

    def outgoing(self) -> bytes:
        """Ciphertext to be sent now."""
        return self._out.read()

    def certified(self) -> bool:
        """Whether the sender showed a certificate that an authority of ``client_ca`` signed."""
        return bool(self._object.getpeercert())

    def subject(self) -> str:
        """The subject of the sender's certificate (``CN=fw01,O=Example``), ``""`` without a checked one."""
        found = self._object.getpeercert() or {}
        names: list[str] = []
        for relative in found.get("subject", ()):
            for pair in relative:  # pyright: ignore[reportUnknownVariableType]
                name, value = str(pair[0]), str(pair[1])  # pyright: ignore[reportUnknownArgumentType]
                names.append(f"{_SHORT.get(name, name)}={value}")
        return ",".join(names)
