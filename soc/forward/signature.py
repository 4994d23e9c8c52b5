"""Sealed bytes and a private key in, a detached JSON Web Signature over exactly these bytes out (RFC 7515 Appendix F, RFC 7797).

    JWS-Signature: <protected header in Base64url>..<signature in Base64url>
    protected header: {"alg": "EdDSA" | "ES256", "b64": false, "crit": ["b64"], "kid": …, "sub": <report id>}

The payload is not in it, and not encoded: the signature is over ``<protected header>.<body as it left>``. The same bytes are signed
anew for each attempt; an ES256 signature differs from one to the next, and that says nothing.
"""

import base64
import hashlib
import json
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from soc.errors import SettingsError

HEADER = "JWS-Signature"


class Signer:
    """Signs with one key.

    Args:
        path: PEM of an unencrypted private key: Ed25519 (RFC 8037) or ECDSA on P-256 (RFC 7518 §3.4).
        key_id: what the receiver calls it; "" is the SHA-256 of the public key's SubjectPublicKeyInfo in hexadecimal.

    Raises:
        SettingsError: the file cannot be read or holds no such key.
    """

    def __init__(self, path: str, key_id: str = "") -> None:
        try:
            key = serialization.load_pem_private_key(Path(path).read_bytes(), None)
        except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no unencrypted private key in PEM"
            raise SettingsError([f"signing_key_file: {path} cannot be used: {reason}"]) from error
        on_curve = isinstance(key, EllipticCurvePrivateKey) and isinstance(key.curve, SECP256R1)
        if not isinstance(key, Ed25519PrivateKey) and not on_curve:
            raise SettingsError([f"signing_key_file: {path}: the key is neither Ed25519 nor ECDSA on P-256"])
        self._key: Ed25519PrivateKey | EllipticCurvePrivateKey = key  # pyright: ignore[reportAttributeAccessIssue] - just checked
        public = self._key.public_key().public_bytes(
            serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
        )
        self.key_id = key_id or hashlib.sha256(public).hexdigest()

    def detached(self, data: bytes, report_id: str) -> str:
        """The value of the header over the body ``data`` of the report ``report_id``."""
        fields = {
            "alg": "EdDSA" if isinstance(self._key, Ed25519PrivateKey) else "ES256",
            "b64": False,
            "crit": ["b64"],
            "kid": self.key_id,
            "sub": report_id,
        }
        protected = _base64url(json.dumps(fields, sort_keys=True, separators=(",", ":")).encode())
        signature = self._sign(protected.encode() + b"." + data)
        return f"{protected}..{_base64url(signature)}"

    def _sign(self, data: bytes) -> bytes:
        if isinstance(self._key, Ed25519PrivateKey):
            return self._key.sign(data)
        r, s = decode_dss_signature(self._key.sign(data, ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
