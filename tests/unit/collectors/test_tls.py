"""Syslog over TLS (RFC 5425) on real sockets and the product's event loop: who is let in, what is heard, certificates that change."""

import asyncio
import ssl
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import uvloop

from collectors.base import InputCounters
from collectors.intake import Intake
from collectors.syslog_tcp import SyslogTcp
from collectors.tls import FollowedContext, TlsFiles, tls_mistakes
from soc.errors import SettingsError
from tests.unit.collectors.support.certificates import Authority
from tests.unit.collectors.support.memory_claim import MemoryLog
from tests.unit.collectors.support.running import Stepped, running, until


@asynccontextmanager
async def listening(files: TlsFiles, **kwargs: object):
    """A TLS listener and what it made durable."""
    log = MemoryLog()
    intake = Intake(log.open, clock=Stepped())
    listener = SyslogTcp(intake, name="tls", host="127.0.0.1", port=0, clock=Stepped(), tls=files, **kwargs)  # type: ignore[arg-type]
    async with running(intake, listener):
        yield listener, log


async def connect(listener: SyslogTcp, context: ssl.SSLContext):
    assert listener.address is not None
    return await asyncio.open_connection(*listener.address, ssl=context)


def test_octet_counting_and_lines_are_heard_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def scenario() -> None:
        async with listening(TlsFiles(*authority.issue("server"))) as (listener, log):
            for framed in (b"9 <13>alpha8 <13>beta", b"<13>alpha\n<13>beta\n"):
                _, writer = await connect(listener, authority.client())
                writer.write(framed)
                await writer.drain()
                await until(lambda: log.lines == [b"<13>alpha", b"<13>beta"])
                log.outputs.clear()
                writer.close()
            await until(lambda: listener.counters.connections == 0)
            assert listener.counters.tls_refused == listener.counters.tls_verified == 0

    uvloop.run(scenario())


def test_a_megabyte_in_one_go_comes_out_as_it_went_in(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    lines = [b"<13>%d %s" % (n, b"x" * (n % 700)) for n in range(3000)]

    async def scenario() -> None:
        async with listening(TlsFiles(*authority.issue("server"))) as (listener, log):
            _, writer = await connect(listener, authority.client())
            writer.write(b"".join(b"%d %s" % (len(line), line) for line in lines))
            writer.close()
            await until(lambda: len(log.outputs) == len(lines))
            assert log.lines == lines

    uvloop.run(scenario())


def test_a_sender_with_a_certificate_of_the_authority_is_let_in_and_counted(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def scenario() -> None:
        files = TlsFiles(*authority.issue("server"), str(authority.file))
        async with listening(files) as (listener, log):
            _, writer = await connect(listener, authority.client(authority.issue("fw01")))
            writer.write(b"<13>known\n")
            await until(lambda: log.lines == [b"<13>known"])
            assert listener.counters.tls_verified == 1
            assert listener._told == {("tls_sender", "127.0.0.1", "CN=fw01,O=Example")}
            writer.close()

    uvloop.run(scenario())


@pytest.mark.parametrize("known", [False, True])
def test_a_sender_without_a_certificate_or_with_a_strangers_is_refused(tmp_path: Path, known: bool) -> None:
    authority, stranger = Authority(tmp_path), Authority(tmp_path, "stranger")

    async def scenario() -> None:
        files = TlsFiles(*authority.issue("server"), str(authority.file))
        async with listening(files) as (listener, log):
            context = authority.client(stranger.issue("fw01") if known else None)

            async def forge() -> None:
                reader, writer = await connect(listener, context)
                writer.write(b"<13>forged\n")
                await writer.drain()
                await reader.read()  # TLS 1.3: the refusal comes with the first read

            with pytest.raises((ssl.SSLError, ConnectionError)):
                await forge()
            await until(lambda: listener.counters.tls_refused == 1)
            await until(lambda: listener.counters.connections == 0)
            assert log.lines == []

    uvloop.run(scenario())


def test_with_an_optional_certificate_both_are_let_in_and_a_strangers_is_not(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def scenario() -> None:
        files = TlsFiles(*authority.issue("server"), str(authority.file), client_required=False)
        async with listening(files) as (listener, log):
            for context in (authority.client(), authority.client(authority.issue("fw01"))):
                _, writer = await connect(listener, context)
                writer.write(b"<13>line\n")
                await writer.drain()
                writer.close()
            await until(lambda: len(log.outputs) == 2)
            assert listener.counters.tls_verified == 1

    uvloop.run(scenario())


def test_versions_before_1_2_and_senders_that_speak_no_tls_are_refused(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def scenario() -> None:
        async with listening(TlsFiles(*authority.issue("server"))) as (listener, log):
            assert listener.context is not None
            assert listener.context.current().minimum_version == ssl.TLSVersion.TLSv1_2
            assert listener.address is not None
            reader, writer = await asyncio.open_connection(*listener.address)
            writer.write(b"<13>plain text\n")
            async with asyncio.timeout(5):
                assert b"<13>" not in await reader.read()
            writer.close()
            await until(lambda: listener.counters.tls_refused == 1)
            assert log.lines == []

    uvloop.run(scenario())


def test_a_new_certificate_is_used_by_new_connections_and_open_ones_live_on(tmp_path: Path) -> None:
    authority = Authority(tmp_path)

    async def scenario() -> None:
        async with listening(TlsFiles(*authority.issue("server", "first"))) as (listener, log):
            _, old = await connect(listener, authority.client())
            authority.issue("server", "second")
            _, new = await connect(listener, authority.client())
            for writer, name in ((old, "first"), (new, "second")):
                subject = writer.get_extra_info("peercert")["subject"]
                assert (("commonName", name),) in subject
                writer.write(name.encode() + b"\n")
            await until(lambda: sorted(log.lines) == [b"first", b"second"])
            assert listener.counters.certificates_reloaded == 1
            old.close()
            new.close()

    uvloop.run(scenario())


def test_new_authorities_of_senders_take_the_place_of_the_former(tmp_path: Path) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")

    async def scenario() -> None:
        believed = tmp_path / "believed.pem"
        believed.write_bytes(authority.file.read_bytes())
        async with listening(TlsFiles(*authority.issue("server"), str(believed))) as (listener, log):
            believed.write_bytes(other.file.read_bytes() + b"\n")
            _, writer = await connect(listener, authority.client(other.issue("fw02")))
            writer.write(b"<13>other\n")
            await until(lambda: log.lines == [b"<13>other"])
            writer.close()
            _, refused = await connect(listener, authority.client(authority.issue("fw01")))
            refused.write(b"<13>former\n")
            await until(lambda: listener.counters.tls_refused == 1)
            refused.close()

    uvloop.run(scenario())


def test_a_certificate_without_its_key_leaves_the_former_in_use_until_the_key_is_there(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    counters = InputCounters()
    certificate, key = authority.issue("server")
    context = FollowedContext(TlsFiles(certificate, key), "tls", counters)
    former = context.current()
    new_certificate, new_key = authority.issue("renewed")
    Path(new_certificate).replace(certificate)
    assert [context.current() for _ in range(3)] == [former] * 3
    assert (counters.certificates_unusable, counters.certificates_reloaded) == (1, 0)
    Path(key).unlink()
    assert context.current() is former
    assert counters.certificates_unusable == 2
    Path(new_key).replace(key)
    assert context.current() is not former
    assert (counters.certificates_unusable, counters.certificates_reloaded) == (2, 1)


def test_all_mistakes_of_the_files_are_told_with_what_to_do(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    certificate, key = authority.issue("server")
    _, other_key = authority.issue("other")
    locked, locked_key = authority.issue("locked", password=b"secret")
    assert tls_mistakes(TlsFiles(certificate, key)) == []
    missing = tls_mistakes(TlsFiles(f"{tmp_path}/no.pem", f"{tmp_path}/no.key", f"{tmp_path}/no-ca.pem"))
    assert [text.partition(":")[0] for text in missing] == [f"{tmp_path}/{name}" for name in ("no.pem", "no.key", "no-ca.pem")]  # fmt: skip
    assert all("name a PEM file" in text for text in missing)
    for files in (
        TlsFiles(certificate, other_key),
        TlsFiles(locked, locked_key),
        TlsFiles(key, key),
        TlsFiles(certificate, key, key),
    ):
        (mistake,) = tls_mistakes(files)
        assert "as PEM" in mistake
    with pytest.raises(SettingsError, match=r"listener 'tls': .*no\.pem"):
        FollowedContext(TlsFiles(f"{tmp_path}/no.pem", key), "tls", InputCounters())


def test_a_handshake_cut_anywhere_ends_in_the_same_lines(tmp_path: Path) -> None:
    """The sender's bytes come one by one, over a socket that sends each at once."""
    authority = Authority(tmp_path)

    async def scenario() -> None:
        async with listening(TlsFiles(*authority.issue("server"))) as (listener, log):
            incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
            client = authority.client().wrap_bio(incoming, outgoing, server_hostname="127.0.0.1")
            assert listener.address is not None
            reader, writer = await asyncio.open_connection(*listener.address)

            async def drip() -> None:
                for byte in outgoing.read():
                    writer.write(bytes((byte,)))
                    await asyncio.sleep(0)

            while True:
                try:
                    client.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    await drip()
                    incoming.write(await reader.read(65536))
            client.write(b"9 <13>alpha8 <13>beta")
            await drip()
            await until(lambda: log.lines == [b"<13>alpha", b"<13>beta"])
            writer.close()

    uvloop.run(scenario())
