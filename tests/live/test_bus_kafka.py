"""The bus on a real broker where Kafka differs from a log of files: markers take offsets, topics are replaced, owners are stopped, brokers die."""

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from live import kafka_server
from ports import free_port

from soc.bus.base import Lag, Message, Stage, Topology
from soc.bus.kafka import KafkaBus
from soc.clock import SECOND, now
from soc.errors import CommitUnknownError, FencedError, LogMismatchError, SettingsError, UnavailableError
from soc.settings import KafkaSettings

pytestmark = pytest.mark.live

TOPOLOGY = Topology(
    (
        Stage("feed", (), ("in",), 1),
        Stage("work", ("in",), ("out",), 2),
        Stage("sink", ("out",), (), 1),
    ),
    {"in": 2, "out": 1},
)
LINES = [f"line {number:03}" for number in range(100)]


class Place:
    """A prefix of its own on a broker."""

    def __init__(self, broker) -> None:
        self.broker = broker
        self.prefix = f"{secrets.token_hex(4)}."
        self.settings = KafkaSettings(servers=(broker.bootstrap,), prefix=self.prefix)

    def bus(self, topology=TOPOLOGY, **more) -> KafkaBus:
        return KafkaBus(self.settings, topology, **more)

    def partition(self, topic="in", partition=0) -> TopicPartition:
        return TopicPartition(self.prefix + topic, partition)

    async def admin(self, work) -> None:
        """Do something as an operator's tool would."""
        client = AIOKafkaAdminClient(bootstrap_servers=self.broker.bootstrap)
        await client.start()
        try:
            await work(client)
        finally:
            await client.close()

    async def delete(self, topic="in") -> None:
        await self.admin(lambda client: client.delete_topics([self.prefix + topic]))
        await asyncio.sleep(0.5)


@pytest.fixture
def place() -> Place:
    kafka_server.need()
    return Place(kafka_server.shared())


@pytest.fixture
def own_broker(tmp_path):
    """A broker that may be harmed; ended with the test."""
    kafka_server.need()
    broker = kafka_server.Broker(tmp_path / "kafka").start()
    yield broker
    broker.stop()


async def put(claim, values, partition=0) -> None:
    await claim.commit([Message("in", b"", value.encode(), partition) for value in values])


async def feed(bus, values, partition=0) -> None:
    claim = await bus.claim("feed", 0)
    await put(claim, values, partition)
    await claim.release()


async def turn(claim, limit=1000, seconds=0.0) -> int:
    """One unit of work of a stage that numbers its input; how many records it had."""
    count = int(claim.state.get(b"count", b"0")) if not hasattr(claim, "count") else claim.count
    records = await claim.fetch(limit, seconds)
    outputs = [Message("out", b"", b"%d:%s" % (count + number, one.value)) for number, one in enumerate(records)]
    claim.count = count + len(records)
    if records:
        await claim.commit(outputs, {b"count": b"%d" % claim.count})
    return len(records)


async def finish(bus, limit=1000) -> None:
    claim = await bus.claim("work", 0)
    while await turn(claim, limit):
        pass
    await claim.release()


async def values(bus, topic="out") -> list[str]:
    reader = bus.reader([topic])
    found = []
    while records := await reader.fetch(1000, 0):
        found += [record.value.decode() for record in records]
    await reader.close()
    return found


def numbered(lines) -> list[str]:
    return [f"{number}:{line}" for number, line in enumerate(lines)]


class Time:
    def __init__(self) -> None:
        self.now = 1_000_000 * SECOND

    def __call__(self) -> int:
        return self.now


async def ten_batches(bus, pause=0.0) -> list[int]:
    """Ten times ten records; when each batch was about to be written."""
    feeder = await bus.claim("feed", 0)
    times = []
    for start in range(0, 100, 10):
        times.append(now())
        await put(feeder, LINES[start : start + 10])
        await asyncio.sleep(pause)
    await feeder.release()
    return times


async def trim(bus, expected, **limits) -> int:
    """Retain, again while the last commit is not seen by the group's coordinator yet; how many offsets went."""
    gone = await bus.retain("in", **limits)
    for _ in range(50):
        if gone >= expected:
            break
        await asyncio.sleep(0.05)
        gone += await bus.retain("in", **limits)
    return gone


# The worst moment: the successor has fetched, the old owner commits, then the fence falls.


async def _naive_successor(place, old_commits) -> None:
    """What aiokafka's documented loop amounts to: position and records first, the fence afterwards."""
    server = place.broker.bootstrap
    consumer = AIOKafkaConsumer(bootstrap_servers=server, isolation_level="read_committed")
    await consumer.start()
    consumer.assign([place.partition()])
    consumer.seek(place.partition(), 0)
    early = (await consumer.getmany(place.partition(), timeout_ms=5000))[place.partition()]
    await old_commits()
    producer = AIOKafkaProducer(bootstrap_servers=server, transactional_id=f"{place.prefix}work-0")
    await producer.start()
    async with producer.transaction():
        for record in early:
            await producer.send(f"{place.prefix}out", record.value, b"", partition=0)
    await producer.stop()
    await consumer.stop()


def test_positions_read_before_the_fence_would_double_every_output(place) -> None:
    """The control: without the order of the take-over five inputs give ten committed outputs on this broker."""

    async def scenario() -> None:
        bus = place.bus()
        await feed(bus, LINES[:5])
        old = await bus.claim("work", 0)
        await _naive_successor(place, lambda: turn(old))
        assert len(await values(bus)) == 10
        await bus.close()

    asyncio.run(scenario())


def test_an_owner_that_commits_after_its_successor_began_and_before_the_fence_is_not_doubled(
    place, monkeypatch
) -> None:
    """The same interleaving through the port: five inputs, five committed outputs."""

    async def scenario() -> None:
        old_bus, new_bus = place.bus(), place.bus()
        await feed(old_bus, LINES[:5])
        old = await old_bus.claim("work", 0)
        begun, go_on = asyncio.Event(), asyncio.Event()

        async def hold(producer) -> None:
            """The successor is connected, has looked at the topics, and is about to fence."""
            begun.set()
            await go_on.wait()
            await start(producer)

        start = AIOKafkaProducer.start
        monkeypatch.setattr(AIOKafkaProducer, "start", hold)
        async with asyncio.TaskGroup() as group:
            claiming = group.create_task(new_bus.claim("work", 0))
            await begun.wait()
            monkeypatch.setattr(AIOKafkaProducer, "start", start)
            assert await turn(old) == 5
            go_on.set()
        new = claiming.result()
        assert new.state == {b"count": b"5"}
        assert await turn(new) == 0
        with pytest.raises(FencedError):
            await old.commit((), {b"count": b"0"})
        assert await values(new_bus) == numbered(LINES[:5])
        await old_bus.close()
        await new_bus.close()

    asyncio.run(scenario())


OLD_OWNER = """
import asyncio, sys
sys.path[:0] = {path!r}
from live import test_bus_kafka as t
from soc.errors import FencedError

async def main():
    bus = t.KafkaBus(t.KafkaSettings(servers=({server!r},), prefix={prefix!r}), t.TOPOLOGY)
    claim = await bus.claim("work", 0)
    await t.turn(claim, 2)
    records = await claim.fetch(2, 5)
    outputs = [t.Message("out", b"", b"stolen:" + record.value) for record in records]
    print(len(records), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    try:
        await claim.commit(outputs, {{b"count": b"99"}})
        print("committed", flush=True)
    except FencedError:
        print("fenced", flush=True)
    await bus.close()

asyncio.run(main())
"""


def test_an_owner_stopped_with_sigstop_that_goes_on_after_the_take_over_is_fenced(place) -> None:
    path = [str(Path(__file__).parents[2]), str(Path(__file__).parents[1])]
    program = OLD_OWNER.format(path=path, server=place.broker.bootstrap, prefix=place.prefix)

    async def before() -> None:
        bus = place.bus()
        await feed(bus, LINES[:5])
        await bus.close()

    async def take_over() -> None:
        bus = place.bus()
        await finish(bus)
        await bus.close()

    async def after() -> list[str]:
        bus = place.bus()
        found = await values(bus)
        await bus.close()
        return found

    asyncio.run(before())
    old = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert old.stdout.readline() == b"2\n"
        os.kill(old.pid, signal.SIGSTOP)
        asyncio.run(take_over())
        os.kill(old.pid, signal.SIGCONT)
        assert old.communicate(b"go on\n", timeout=30)[0] == b"fenced\n"
    finally:
        old.kill()
        old.wait()
    assert asyncio.run(after()) == numbered(LINES[:5])


def test_an_abandoned_transaction_is_never_seen_and_does_not_keep_its_successor_waiting(place) -> None:
    async def scenario() -> None:
        def vanish(step) -> None:
            if step == "positions_written":
                raise UnavailableError("gone")

        old_bus, bus = place.bus(on_step=vanish), place.bus()
        await feed(bus, LINES[:5])
        old = await old_bus.claim("work", 0)
        with pytest.raises(UnavailableError):
            await turn(old)
        before = time.monotonic()
        await finish(bus)
        assert time.monotonic() - before < 10
        assert await values(bus) == numbered(LINES[:5])
        await old_bus.close()
        await bus.close()

    asyncio.run(scenario())


# Markers of transactions take offsets.


def test_a_reader_sees_all_partitions_and_goes_on_where_it_or_the_ends_were(place) -> None:
    async def scenario() -> None:
        bus, other = place.bus(), place.bus()
        await feed(bus, ["a"], 0)
        await feed(bus, ["b"], 1)
        ends = await other.ends(["in"])
        assert sorted(ends.values()) == [2, 2], "one record and the marker of its transaction"
        await feed(bus, ["c"], 0)
        assert sorted(await values(other, "in")) == ["a", "b", "c"]
        later = other.reader(["in"], ends)
        assert [record.value for record in await later.fetch(10, 0)] == [b"c"]
        assert await later.fetch(10, 0) == ()
        assert later.skipped == 0
        assert dict(later.positions) == dict(await other.ends(["in"]))
        assert await other.reader(["in"], later.positions).fetch(10, 0) == ()
        await bus.close()
        await other.close()

    asyncio.run(scenario())


def test_lag_tells_how_far_behind_a_stage_is_since_when_and_nothing_at_rest(place) -> None:
    async def scenario() -> None:
        clock = Time()
        bus = place.bus(clock=clock)
        feeder = await bus.claim("feed", 0)
        await put(feeder, ["a", "b"])
        first, clock.now = clock.now, clock.now + SECOND
        (address,) = await feeder.commit([Message("in", b"", b"c", 0)])
        log_id = address.log_id
        assert Lag("work", "in", 0, log_id, 0, 5, 5, first) in await bus.lag()
        claim = await bus.claim("work", 0)
        await turn(claim, 2)
        assert Lag("work", "in", 0, log_id, 2, 5, 3, clock.now) in await bus.lag()
        await turn(claim, 2)
        assert Lag("work", "in", 0, log_id, 4, 5, 0, 0) in await bus.lag(), "only a marker is left: nothing is behind"
        await bus.close()

    asyncio.run(scenario())


def test_tools_see_a_stage_as_a_consumer_group(place) -> None:
    async def scenario() -> None:
        bus = place.bus()
        await feed(bus, ["a", "b"])
        await finish(bus)
        found = {}

        async def look(client) -> None:
            found.update(await client.list_consumer_group_offsets(f"{place.prefix}work"))

        await place.admin(look)
        assert found[place.partition()].offset == 2
        assert found[place.partition()].metadata
        await bus.close()

    asyncio.run(scenario())


# Retention.


def test_a_registered_stage_slower_than_retention_loses_nothing(place) -> None:
    async def scenario() -> None:
        bus = place.bus()
        await ten_batches(bus)
        assert await bus.retain("in", max_age=0, max_bytes=0) == 0, "a stage that never ran holds everything"
        worker = await bus.claim("work", 0)
        await turn(worker, 35)
        assert await trim(bus, 38, max_age=0, max_bytes=0) == 38, "35 records and three markers"
        assert len(await values(bus, "in")) == 65
        while await turn(worker, 35):
            pass
        assert await trim(bus, 109 - 38, max_age=0, max_bytes=0) == 109 - 38, "all but the last marker"
        assert await values(bus, "in") == []
        assert await values(bus) == numbered(LINES)
        assert await bus.problems() == ()
        await worker.release()
        await feed(bus, ["after"])
        await finish(bus)
        assert await values(bus) == numbered([*LINES, "after"])
        await bus.close()

    asyncio.run(scenario())


def test_only_what_is_older_than_the_age_goes_and_a_reader_without_a_group_is_told(place) -> None:
    async def scenario() -> None:
        bus = place.bus()
        await feed(bus, ["first"])
        reader = bus.reader(["in"])
        assert len(await reader.fetch(10, 0)) == 1
        times = await ten_batches(bus, 0.1)
        await finish(bus)
        cut = times[7] - SECOND // 20
        late_bus = place.bus(clock=lambda: cut)
        assert await trim(late_bus, 2 + 77, max_age=0, max_bytes=1 << 40) == 2 + 77
        assert await values(bus, "in") == LINES[70:]
        assert await late_bus.retain("in", max_age=0, max_bytes=1 << 40) == 0
        await late_bus.close()
        found = []
        while records := await reader.fetch(1000, 0):
            found += [record.value.decode() for record in records]
        # What it had read ahead before the trim it still hands out; nothing is passed over untold.
        assert found[-30:] == LINES[70:]
        assert reader.skipped > 0 or found == LINES
        late = bus.reader(["in"], {next(iter(reader.positions)): 1})
        assert [record.value.decode() for record in await late.fetch(1000, 0)] == LINES[70:]
        assert late.skipped == 78
        await bus.close()

    asyncio.run(scenario())


def test_past_the_size_the_oldest_go_first(place) -> None:
    async def scenario() -> None:
        bus = place.bus()
        feeder = await bus.claim("feed", 0)
        for number in range(20):
            await put(feeder, [f"{number:02}" + "x" * 10_000])
        await finish(bus)
        await trim(bus, 28, max_age=1e6, max_bytes=55_000)
        left = [value[:2] for value in await values(bus, "in")]
        assert left == [f"{number:02}" for number in range(20)][-len(left) :]
        assert 4 <= len(left) <= 7, "about five of 10,000 bytes: the size is estimated"
        await bus.close()

    asyncio.run(scenario())


def test_owners_append_and_read_on_while_others_trim(place) -> None:
    async def scenario() -> None:
        bus, keeper = place.bus(), place.bus()
        feeder, worker = await bus.claim("feed", 0), await bus.claim("work", 0)
        for start in range(0, 100, 10):
            await put(feeder, LINES[start : start + 10])
            while await turn(worker):
                pass
            await keeper.retain("in", max_age=-1, max_bytes=0)
        assert await values(bus) == numbered(LINES)
        await trim(keeper, 1, max_age=-1, max_bytes=0)
        assert await values(bus, "in") == []
        await bus.close()
        await keeper.close()

    asyncio.run(scenario())


# Topics that are not the ones that were read.


def test_a_topic_deleted_and_made_anew_stops_its_reader_and_problems_says_so(place) -> None:
    async def scenario() -> None:
        bus = place.bus()
        await feed(bus, ["a", "b"])
        await finish(bus)
        reader = bus.reader(["in"])
        assert len(await reader.fetch(10, 0)) == 2
        positions = reader.positions
        await bus.close()
        await place.delete()
        bus = place.bus()
        await feed(bus, ["x", "y", "z"])
        with pytest.raises(
            LogMismatchError, match=r"work-0 had read log .* up to 2; the topic has another id"
        ) as caught:
            await bus.claim("work", 0)
        assert "soc doctor" in str(caught.value)
        assert [problem.where for problem in await bus.problems()] == ["work-0"]
        with pytest.raises(LogMismatchError, match="no log"):
            await bus.reader(["in"], positions).fetch(10, 0)
        assert await values(bus) == ["0:a", "1:b"]
        assert list((await bus.declare_replaced("work", 0)).values()) == [0]
        assert await bus.declare_replaced("work", 0) == {}, "all fits now"
        await finish(bus)
        assert await values(bus) == numbered(["a", "b", "x", "y", "z"]), (
            "on an operator's word it goes on, state and all"
        )
        assert await bus.problems() == ()
        await bus.close()

    asyncio.run(scenario())


def test_a_topic_replaced_under_a_running_owner_stops_it(place, monkeypatch) -> None:
    async def scenario() -> None:
        monkeypatch.setattr("soc.bus.kafka_inputs.SAME_SECONDS", 0.0)
        bus = place.bus()
        await feed(bus, ["a", "b"])
        claim = await bus.claim("work", 0)
        await turn(claim)
        await place.delete()
        other = place.bus()
        await feed(other, ["x", "y", "z", "more"])
        with pytest.raises(LogMismatchError, match="deleted"):
            await claim.fetch(10, 30)
        await other.close()
        await bus.close()

    asyncio.run(scenario())


def test_a_state_topic_that_is_gone_stops_its_stage_instead_of_beginning_again(place) -> None:
    async def scenario() -> None:
        bus = place.bus()
        await feed(bus, ["a", "b"])
        await finish(bus)
        await bus.close()
        await place.delete("soc.state.work")
        bus = place.bus()
        with pytest.raises(LogMismatchError, match="the group's offset is 2, the stage's own state says no position"):
            await bus.claim("work", 0)
        await bus.declare_replaced("work", 0)
        await feed(bus, ["c"])
        await finish(bus)
        assert await values(bus) == ["0:a", "1:b", "0:c"], "it goes on behind what it had read; the count is lost"
        await bus.close()

    asyncio.run(scenario())


def test_retention_by_other_hands_that_overtook_a_registered_stage_stops_it(place) -> None:
    async def scenario() -> None:
        bus = place.bus()
        await feed(bus, ["a", "b"])
        await finish(bus)
        await feed(bus, ["c", "d"])
        await place.admin(lambda client: client.delete_records({place.partition(): RecordsToDelete(before_offset=5)}))
        with pytest.raises(LogMismatchError, match="begins at 5 now: what was between is gone unread"):
            await bus.claim("work", 0)
        await bus.close()

    asyncio.run(scenario())


def test_another_number_of_partitions_is_refused_with_advice(place) -> None:
    async def scenario() -> None:
        bus = place.bus()
        await bus.prepare()
        await bus.close()
        bus = place.bus(TOPOLOGY._replace(topics={**TOPOLOGY.topics, "in": 3}))
        with pytest.raises(SettingsError, match=r"in was made with 2 partitions.*migrate"):
            await bus.claim("work", 0)
        await bus.close()

    asyncio.run(scenario())


def test_brokers_that_are_not_there_are_unavailable_and_said_so() -> None:
    async def scenario() -> None:
        bus = KafkaBus(KafkaSettings(servers=(f"127.0.0.1:{free_port()}",)), TOPOLOGY)
        with pytest.raises(UnavailableError, match="check the brokers"):
            await bus.claim("work", 0)
        await bus.close()

    asyncio.run(scenario())


# The broker itself.


def test_a_broker_killed_and_paused_under_load_loses_and_doubles_nothing(own_broker) -> None:
    place = Place(own_broker)
    sent: list[str] = []

    async def again(bus, stage, work) -> None:
        """As a stage's loop does: drop everything and claim again, until it goes."""
        while True:
            try:
                claim = await bus.claim(stage, 0)
                try:
                    return await work(claim)
                finally:
                    await claim.release()
            except (UnavailableError, CommitUnknownError):
                await asyncio.sleep(0.2)

    async def scenario() -> None:
        bus, other = place.bus(), place.bus()
        await bus.prepare()
        stop = asyncio.Event()

        async def feeding(claim) -> None:
            number = int(claim.state.get(b"sent", b"0"))  # what is durable decides what was sent
            while not stop.is_set():
                batch = [f"{one:06}" for one in range(number, number + 20)]
                number += len(batch)
                await claim.commit([Message("in", b"", v.encode(), 0) for v in batch], {b"sent": b"%d" % number})
            sent[:] = [f"{one:06}" for one in range(number)]

        async def working(claim) -> None:
            while not stop.is_set() or await turn(claim, 100):
                await turn(claim, 100, 0.2)

        async with asyncio.TaskGroup() as group:
            group.create_task(again(bus, "feed", feeding))
            group.create_task(again(other, "work", working))
            await asyncio.sleep(1.5)
            for _ in range(2):
                own_broker.kill()
                await asyncio.to_thread(own_broker.start)
                await asyncio.sleep(2)
            own_broker.pause()
            await asyncio.sleep(3)
            own_broker.resume()
            await asyncio.sleep(1)
            stop.set()
        await finish(other)
        assert len(sent) > 100
        assert await values(bus) == numbered(sent)
        await bus.close()
        await other.close()

    asyncio.run(scenario())


def test_a_partition_put_back_from_an_older_copy_stops_its_reader_even_when_it_grew_again(own_broker) -> None:
    """The topic has its id and the offset exists: only the record before the position tells."""
    place = Place(own_broker)
    folder = own_broker.data / f"{place.prefix}in-0"
    copy = own_broker.directory / "copy"

    async def before() -> None:
        bus = place.bus()
        await feed(bus, ["a", "b"])
        await bus.close()

    async def more() -> None:
        bus = place.bus()
        await feed(bus, ["c", "d"])
        await finish(bus)
        await bus.close()

    async def after() -> None:
        bus = place.bus()
        with pytest.raises(LogMismatchError, match="up to 5; it ends at 3 now: it was rolled back"):
            await bus.claim("work", 0)
        await feed(bus, ["x", "y", "z"])
        with pytest.raises(LogMismatchError, match="another record stands before 5 now"):
            await bus.claim("work", 0)
        assert [problem.where for problem in await bus.problems()] == ["work-0"]
        await bus.close()

    asyncio.run(before())
    own_broker.stop()
    shutil.copytree(folder, copy)
    own_broker.start()
    asyncio.run(more())
    own_broker.stop()
    shutil.rmtree(folder)
    shutil.copytree(copy, folder)
    for name in ("recovery-point-offset-checkpoint", "replication-offset-checkpoint", ".kafka_cleanshutdown"):
        (own_broker.data / name).unlink(missing_ok=True)
    own_broker.start()
    asyncio.run(after())


SECURED = """\
listener.security.protocol.map=CLIENTS:SASL_SSL,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
sasl.mechanism.inter.broker.protocol=SCRAM-SHA-512
listener.name.clients.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule \
  required username="soc" password="invented";
ssl.keystore.type=PEM
ssl.keystore.location={keys}
ssl.truststore.type=PEM
ssl.truststore.location={certificate}
ssl.endpoint.identification.algorithm=
"""


def _certificate(directory: Path) -> tuple[Path, Path]:
    """A self-signed certificate for 127.0.0.1: (key and certificate, certificate)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "broker.example")])
    begin = datetime.now(UTC) - timedelta(hours=1)
    certificate = (
        x509.CertificateBuilder(
            name, name, key.public_key(), x509.random_serial_number(), begin, begin + timedelta(days=2)
        )
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(Encoding.PEM)
    directory.joinpath("keys.pem").write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + pem
    )
    directory.joinpath("certificate.pem").write_bytes(pem)
    return directory / "keys.pem", directory / "certificate.pem"


def test_over_tls_with_scram_it_works_and_a_wrong_password_is_refused(tmp_path) -> None:
    kafka_server.need()
    keys, certificate = _certificate(tmp_path)
    extra = SECURED.format(keys=keys, certificate=certificate)
    broker = kafka_server.Broker(tmp_path / "kafka", extra, "SCRAM-SHA-512=[name=soc,password=invented]").start()
    settings = KafkaSettings(
        servers=(broker.bootstrap,),
        tls=True,
        ca_file=str(certificate),
        sasl_mechanism="SCRAM-SHA-512",
        username="soc",
        password="invented",
    )

    async def scenario() -> None:
        bus = KafkaBus(settings, TOPOLOGY)
        await feed(bus, ["a"])
        await finish(bus)
        assert await values(bus) == ["0:a"]
        await bus.close()
        wrong = KafkaBus(settings.model_copy(update={"password": "guessed"}), TOPOLOGY)
        with pytest.raises(UnavailableError):
            await wrong.claim("work", 0)
        await wrong.close()

    try:
        asyncio.run(scenario())
    finally:
        broker.stop()
