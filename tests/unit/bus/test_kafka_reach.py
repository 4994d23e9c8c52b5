"""Why a server cannot be used, in plain words: a certificate nobody signed, a refused sign-in, a name that is not known."""

import asyncio
import datetime as dt
import socket
import ssl
from pathlib import Path

import pytest

pytest.importorskip("aiokafka", reason="the extra `cluster` is not installed")

from aiokafka.errors import SaslAuthenticationFailed, UnsupportedSaslMechanismError
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from soc.bus.kafka_reach import in_plain_words, reach
from soc.settings import ElasticsearchSettings, KafkaSettings
from soc.store.elasticsearch_reach import reach as reach_nodes

PLAIN = KafkaSettings(servers=("broker1.example:9092",))
SIGNED_IN = KafkaSettings(servers=("broker1.example:9092",), sasl_mechanism="SCRAM-SHA-256", username="soc")


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A key and a certificate that it signed itself, for this host."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker1.example")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    path = tmp_path / "server.pem"
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    path.write_bytes(made.public_bytes(Encoding.PEM) + secret)
    return path


async def ask(certificate: Path) -> tuple[str, str]:
    """What is said of a broker and of a node behind a certificate that nobody here trusts."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0, ssl=context)
    async with server:
        host, port = server.sockets[0].getsockname()[:2]
        (broker,) = await reach(KafkaSettings(servers=(f"{host}:{port}",), tls=True))
        (node,) = await reach_nodes(ElasticsearchSettings(urls=(f"https://{host}:{port}",)))
    return broker.problem, node.problem


def test_a_certificate_that_is_not_trusted_names_the_setting(certificate: Path):
    broker, node = asyncio.run(ask(certificate))
    assert "its certificate is not accepted" in broker
    assert "ca_file" in broker
    assert "its certificate is not accepted" in node
    assert "[elasticsearch] ca_file" in node


@pytest.mark.parametrize(
    ("error", "settings", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), PLAIN, "its name is not known"),
        (ConnectionRefusedError(), PLAIN, "nobody listens there"),
        (TimeoutError(), PLAIN, "set [kafka] tls = true"),
        (ssl.SSLError(1, "[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED]"), PLAIN, "certificate_file"),
        (ssl.SSLError(1, "[SSL: WRONG_VERSION_NUMBER]"), PLAIN, "tls = false"),
        (SaslAuthenticationFailed(), SIGNED_IN, "refuses the user 'soc'"),
        (UnsupportedSaslMechanismError("PLAIN"), SIGNED_IN, "sasl_mechanism"),
        (EOFError(), PLAIN, "tls = true"),
    ],
)
def test_each_fault_has_its_words_and_what_to_set(error: Exception, settings: KafkaSettings, words: str):
    assert words in in_plain_words(error, settings)


def test_an_address_without_a_port_is_told():
    (one,) = asyncio.run(reach(KafkaSettings(servers=("broker1.example",))))
    assert "host:port" in one.problem
