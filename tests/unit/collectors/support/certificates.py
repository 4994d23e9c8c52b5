"""Certificates for tests of TLS: an authority and what it signs, as PEM files."""

import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_VALID = timedelta(days=1)


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common), x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Example")])  # fmt: skip


class Authority:
    """A certificate authority of one test."""

    def __init__(self, directory: Path, name: str = "ca") -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        self.file = directory / f"{name}.pem"
        self.file.write_bytes(
            self._sign(self._name, self._key, authority=True).public_bytes(serialization.Encoding.PEM)
        )

    def _sign(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, authority: bool) -> x509.Certificate:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _VALID)
            .not_valid_after(now + _VALID)
            .add_extension(x509.BasicConstraints(ca=authority, path_length=None), critical=True)
            .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
            .sign(self._key, hashes.SHA256())
        )

    def issue(self, name: str, common: str = "", password: bytes | None = None) -> tuple[str, str]:
        """A certificate and its key, written to (``<name>.pem``, ``<name>.key``); issued again they are replaced."""
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = self._sign(_name(common or name), key, authority=False)
        paths = self._directory / f"{name}.pem", self._directory / f"{name}.key"
        protection = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
        secret = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, protection)
        for path, content in zip(paths, (certificate.public_bytes(serialization.Encoding.PEM), secret), strict=True):
            new = path.with_suffix(path.suffix + ".new")
            new.write_bytes(content)
            new.replace(path)
        return str(paths[0]), str(paths[1])

    def client(self, certificate: tuple[str, str] | None = None) -> ssl.SSLContext:
        """The context of a sender that believes this authority."""
        context = ssl.create_default_context(cafile=str(self.file))
        if certificate is not None:
            context.load_cert_chain(*certificate)
        return context
