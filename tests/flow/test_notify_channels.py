"""The channels against real servers in this process: mail over TLS with a password, servers that hang, bridges that redirect."""

import asyncio
import base64
import ssl
import sys
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from soc.calling import CommandSettings, SmtpSettings, WebhookSettings
from soc.clock import now, to_datetime
from soc.model import Notice
from soc.notify.channels.command import Command
from soc.notify.channels.smtp import Smtp
from soc.notify.channels.webhook import Webhook

NOTICE = Notice(
    "n1", 1, now(), "incident", "incident/i", 0, "lan", "smtp", "[SOC] Nghiêm trọng: sự cố", "Mức độ: Nghiêm trọng\n.\n"
)
SECRET = "a secret of twenty characters"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(certificate, key) of a server called localhost, trusted where it is named as the authority."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    today = to_datetime(now())
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number()).not_valid_before(today - timedelta(days=1))
        .not_valid_after(today + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    plain = serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    (folder / "key.pem").write_bytes(pem)
    return str(folder / "cert.pem"), str(folder / "key.pem")


class MailServer:
    """As much of SMTP as one message needs: STARTTLS or TLS from the start, AUTH PLAIN and LOGIN, and where it falls silent."""

    def __init__(self, certificate, security: str, hang: str = "", answer: str = "250 taken") -> None:
        self.security, self.hang, self.answer = security, hang, answer
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(*certificate)
        self.mails, self.users, self.encrypted = [], [], []

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        secure = self.security == "tls"

        async def say(text: str) -> None:
            writer.write(text.encode() + b"\r\n")
            await writer.drain()

        try:
            await say("220 localhost")
            while line := (await reader.readline()).decode().rstrip("\r\n"):
                word = line.split()[0].upper()
                if word == self.hang:
                    await asyncio.sleep(30)
                if word == "EHLO":
                    more = "250-AUTH PLAIN LOGIN\r\n" if secure or self.security == "none" else "250-STARTTLS\r\n"
                    await say(f"250-localhost\r\n{more}250 8BITMIME")
                elif word == "STARTTLS":
                    await say("220 go on")
                    await writer.start_tls(self.tls)
                    secure = True
                elif word == "AUTH":
                    self.users.append(base64.b64decode(line.split()[2]).split(b"\0")[1:])
                    await say("235 welcome" if self.users[-1] == [b"soc", b"right"] else "535 no")
                elif word == "DATA":
                    await say("354 go on")
                    lines = []
                    while (text := await reader.readline()) not in {b".\r\n", b""}:
                        lines.append(text)
                    if self.hang == "DATA-END":
                        await asyncio.sleep(30)
                    self.mails.append(b"".join(lines))
                    self.encrypted.append(secure)
                    await say(self.answer)
                else:
                    await say("221 bye" if word == "QUIT" else "250 fine")
        except (ConnectionError, ssl.SSLError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def serving(self):
        tls = self.tls if self.security == "tls" else None
        server = await asyncio.start_server(self.talk, "127.0.0.1", 0, ssl=tls)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()


def mail_once(server: MailServer, ca: str, **changes):
    async def main():
        async with server.serving() as port:
            settings = SmtpSettings.model_validate(
                {
                    "host": "localhost", "port": port, "security": server.security, "sender": "soc@soc.example",
                    "ca_file": ca, "timeout_seconds": 5, **changes,
                }
            )  # fmt: skip
            channel = Smtp(settings, 2)
            try:
                return await channel.send(NOTICE, "lan@soc.example")
            finally:
                await channel.close()

    return asyncio.run(main())


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_mail_leaves_encrypted_and_signed_in_and_arrives_with_its_diacritics(certificate, security):
    server = MailServer(certificate, security)
    outcome = mail_once(server, certificate[0], username="soc", password="right")
    assert outcome.kind == "sent"
    assert (server.encrypted, server.users) == ([True], [[b"soc", b"right"]])
    (mail,) = server.mails
    assert b"Message-ID: <n1@soc.example>" in mail
    assert b"Auto-Submitted: auto-generated" in mail


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_mail_server_that_nobody_vouches_for_gets_neither_password_nor_message(certificate, security):
    server = MailServer(certificate, security)
    outcome = mail_once(server, "", username="soc", password="right")
    assert outcome.kind == "failed"
    assert (server.mails, server.users) == ([], [])


def test_a_server_without_starttls_gets_no_message_in_the_clear(certificate):
    server = MailServer(certificate, "none")
    outcome = mail_once(server, certificate[0], security="starttls")
    assert outcome.kind == "failed"
    assert server.mails == []


def test_a_wrong_password_is_a_failure_that_does_not_repeat_it(certificate):
    server = MailServer(certificate, "starttls")
    outcome = mail_once(server, certificate[0], username="soc", password="wr0ng-secret")
    assert outcome.kind == "failed"
    assert "535" in outcome.detail
    assert "wr0ng-secret" not in outcome.detail


@pytest.mark.parametrize(("where", "kind"), [("EHLO", "failed"), ("RCPT", "failed"), ("DATA-END", "uncertain")])
def test_a_mail_server_that_hangs_costs_the_time_out_and_is_uncertain_only_after_the_message(certificate, where, kind):
    outcome = mail_once(MailServer(certificate, "starttls", hang=where), certificate[0], timeout_seconds=1)
    assert outcome.kind == kind


@pytest.mark.parametrize(("answer", "kind"), [("451 later", "failed"), ("554 never", "refused")])
def test_what_a_mail_server_says_of_the_message_decides_whether_it_is_tried_again(certificate, answer, kind):
    assert mail_once(MailServer(certificate, "starttls", answer=answer), certificate[0]).kind == kind


def bridge_once(handler, timeout: float = 5):
    async def main():
        elsewhere = []

        async def stolen(request: web.Request) -> web.Response:
            elsewhere.append(await request.read())
            return web.Response()

        app = web.Application()
        app.router.add_post("/hook", handler)
        app.router.add_route("*", "/elsewhere", stolen)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
        channel = Webhook(WebhookSettings(url=url, secret_key=SECRET, timeout_seconds=timeout), now)
        try:
            return await channel.send(NOTICE, "lan"), elsewhere
        finally:
            await channel.close()
            await runner.cleanup()

    return asyncio.run(main())


@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_bridge_that_redirects_is_not_followed_and_the_message_goes_nowhere_else(status):
    async def redirect(_request: web.Request) -> web.Response:
        return web.Response(status=status, headers={"Location": "/elsewhere"})

    outcome, elsewhere = bridge_once(redirect)
    assert outcome.kind == "refused"
    assert str(status) in outcome.detail
    assert elsewhere == []


def test_a_bridge_that_hangs_costs_the_time_out_and_may_have_taken_it():
    async def hang(_request: web.Request) -> web.Response:
        await asyncio.sleep(30)
        return web.Response()

    assert bridge_once(hang, timeout=0.5)[0].kind == "uncertain"


@pytest.mark.parametrize(
    ("status", "kind"),
    [(200, "sent"), (204, "sent"), (429, "failed"), (503, "failed"), (500, "uncertain"), (401, "refused")],
)
def test_what_a_bridge_answers_decides_whether_it_is_tried_again(status, kind):
    async def answer(_request: web.Request) -> web.Response:
        return web.Response(status=status)

    assert bridge_once(answer)[0].kind == kind


def test_a_program_that_hangs_is_ended_with_its_children_and_may_have_sent_it(tmp_path):
    script = "import subprocess, sys; subprocess.run([sys.executable, '-c', sys.argv[1]])"
    child = f"import time; time.sleep(2); open({str(tmp_path / 'late')!r}, 'w')"

    async def main():
        channel = Command(CommandSettings(argv=(sys.executable, "-c", script, child), timeout_seconds=0.8))
        outcome = await channel.send(NOTICE, "1")
        await asyncio.sleep(2.5)
        return outcome

    assert asyncio.run(main()).kind == "uncertain"
    assert not (tmp_path / "late").exists()


def test_a_program_gets_none_of_our_secrets_and_an_address_is_no_option(tmp_path, monkeypatch):
    monkeypatch.setenv("SOC_NOTIFY__SMTP__PASSWORD", "canary-secret")
    script = f"import os, sys; open({str(tmp_path / 'seen')!r}, 'w').write(repr(dict(os.environ)) + repr(sys.argv))"
    channel = Command(CommandSettings(argv=(sys.executable, "-c", script, "{address}"), timeout_seconds=20))
    assert asyncio.run(channel.send(NOTICE, "+84 1; rm -rf /")).kind == "sent"
    seen = (tmp_path / "seen").read_text()
    assert "canary-secret" not in seen
    assert "'+84 1; rm -rf /'" in seen
