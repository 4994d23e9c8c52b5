"""Heads of chains in, a signed document out that is kept on another host; and back, with its signature checked. Pure.

    {"document": "<JSON: at, format, heads, installation>", "key": "<fingerprint>", "signature": "<base64, Ed25519 over the text>"}

The text is signed as it stands in the file, so that nothing depends on how JSON is written.
"""

import base64
import hashlib
from collections.abc import Iterable

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from soc.audit.chain import Head
from soc.clock import Micros
from soc.errors import SettingsError

FORMAT = "soc-audit-heads/1"


class Heads(msgspec.Struct, frozen=True):
    """The ends of all chains at one moment.

    Attributes:
        at: when they were read.
        installation: whose they are.
    """

    format: str
    installation: str
    at: Micros
    heads: tuple[Head, ...]


class Signed(msgspec.Struct, frozen=True):
    """What is sent: the text, by which key, and its signature."""

    document: str
    key: str
    signature: str


def new_key() -> bytes:
    """A private key as PEM (PKCS 8)."""
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_of(private: bytes) -> bytes:
    """The public key of a private one, as PEM.

    Raises:
        SettingsError: it is no Ed25519 key.
    """
    key = _private(private).public_key()
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def fingerprint(public: bytes) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a public key, by which people tell keys apart."""
    raw = _public(public).public_bytes(Encoding.Raw, PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]


def sign(heads: Iterable[Head], private: bytes, at: Micros, installation: str) -> bytes:
    """The signed document of these heads.

    Raises:
        SettingsError: the key is none.
    """
    document = msgspec.json.encode(Heads(FORMAT, installation, at, tuple(heads)), order="sorted")
    signature = base64.b64encode(_private(private).sign(document)).decode()
    made = Signed(document.decode(), fingerprint(public_of(private)), signature)
    return msgspec.json.format(msgspec.json.encode(made)) + b"\n"


def read(data: bytes, public: bytes | None) -> Heads:
    """The heads of a signed document.

    Args:
        data: the document.
        public: the key it must be signed with, as PEM; None does not check the signature.

    Raises:
        SettingsError: it is none, or the signature is not this key's.
    """
    try:
        signed = msgspec.json.decode(data, type=Signed)
        heads = msgspec.json.decode(signed.document, type=Heads)
        signature = base64.b64decode(signed.signature, validate=True)
    except (msgspec.DecodeError, ValueError) as error:
        raise SettingsError([f"no signed heads as `soc audit heads` makes them: {error}"]) from error
    if heads.format != FORMAT:
        raise SettingsError([f"heads of the format {heads.format!r}, this version reads {FORMAT}"])
    if public is not None:
        try:
            _public(public).verify(signature, signed.document.encode())
        except InvalidSignature:
            said = (
                f"the signature is not that of key {fingerprint(public)}: the file was changed or signed by another key"
            )
            raise SettingsError([said]) from None
    return heads


def signature_of(data: bytes, private: bytes) -> bytes:
    """The Ed25519 signature of any bytes.

    Raises:
        SettingsError: the key is none.
    """
    return _private(private).sign(data)


def verify_signature(data: bytes, signature: bytes, public: bytes) -> None:
    """Check the signature of any bytes.

    Raises:
        InvalidSignature: it is not this key's over these bytes.
        SettingsError: the key is none.
    """
    _public(public).verify(signature, data)


def _private(pem: bytes) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SettingsError([f"no private key as `soc audit key` makes one: {error}"]) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise SettingsError(["the private key is no Ed25519 key"])
    return key


def _public(pem: bytes) -> Ed25519PublicKey:
    try:
        key = load_pem_public_key(pem)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise SettingsError([f"no public key as `soc audit key` prints one: {error}"]) from error
    if not isinstance(key, Ed25519PublicKey):
        raise SettingsError(["the public key is no Ed25519 key"])
    return key
