"""``soc topics`` on a real broker: made once, compared with what they should be, deleted."""

import asyncio
import secrets
import time

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from click.testing import CliRunner
from live import kafka_server

from soc.bus.kafka_topics import BrokerTopics
from soc.cli import soc
from soc.cli.migrate import next_prefix
from soc.errors import SettingsError
from soc.migration import left_behind
from soc.pipeline.table import topology
from soc.settings import KafkaSettings, Settings

pytestmark = pytest.mark.live


@pytest.fixture
def settings():
    kafka_server.need()
    prefix = f"{secrets.token_hex(4)}."
    return KafkaSettings(servers=(kafka_server.shared().bootstrap,), prefix=prefix, partitions=3, instances=2)


def with_topics(settings, play, **changes):
    async def main():
        one = settings.model_copy(update=changes)
        topics = BrokerTopics(one, topology(one.partitions, one.instances))
        try:
            return await play(topics)
        finally:
            await topics.close()

    return asyncio.run(main())


def faults(settings, **changes):
    found = with_topics(settings, lambda topics: topics.check(), **changes)
    return {(one.topic.removeprefix(settings.prefix), one.what, one.found, one.wanted) for one in found if one.advice}


def test_topics_are_made_once_and_are_then_as_they_should_be(settings):
    missing = faults(settings)
    assert ("soc.raw", "topic", "missing", "3 partitions") in missing
    made = with_topics(settings, lambda topics: topics.create())
    assert len(made) == len(missing)
    assert with_topics(settings, lambda topics: topics.create()) == []
    assert faults(settings) == set()


def test_what_is_not_as_it_should_be_is_named(settings):
    with_topics(settings, lambda topics: topics.create())

    async def change():
        admin = AIOKafkaAdminClient(bootstrap_servers=list(settings.servers))
        await admin.start()
        configs = {"retention.ms": "1000", "min.insync.replicas": "2", "cleanup.policy": "delete"}
        names = (f"{settings.prefix}soc.raw", f"{settings.prefix}soc.state.engine")
        for name in names:
            (answer,) = await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs)])
            assert [row[0] for row in answer.resources] == [0], answer
        await admin.close()

    asyncio.run(change())
    deadline = time.monotonic() + 30
    wanted = {
        ("soc.raw", "partitions", "3", "4"),
        ("soc.raw", "retention.ms", "1000", "-1"),
        ("soc.raw", "min.insync.replicas", "2", "1"),
        ("soc.state.engine", "cleanup.policy", "delete", "compact"),
    }
    while not wanted <= (found := {*faults(settings, partitions=4)}) and time.monotonic() < deadline:
        time.sleep(0.2)  # the broker may not have applied it yet
    assert found >= wanted
    assert ("soc.raw", "copies", "1", "2") in faults(settings, replication=2)
    with pytest.raises(SettingsError, match="partitions"):
        with_topics(settings, lambda topics: topics.create(), partitions=4)


def test_topics_that_no_migration_has_left_are_not_deleted(settings):
    with_topics(settings, lambda topics: topics.create())
    with pytest.raises(SettingsError, match="in use"):
        asyncio.run(left_behind(Settings(kafka=settings), settings.prefix))
    with pytest.raises(SettingsError, match="there are no topics"):
        asyncio.run(left_behind(Settings(kafka=settings), "never."))
    deleted = with_topics(settings, lambda topics: topics.delete())
    assert f"{settings.prefix}soc.raw" in deleted
    assert with_topics(settings, lambda topics: topics.delete()) == []


def test_the_command_exits_with_1_when_a_topic_is_off(settings, tmp_path):
    config = tmp_path / "soc.toml"
    config.write_text(f'[kafka]\nservers = ["{settings.servers[0]}"]\nprefix = "{settings.prefix}"\npartitions = 3\n')
    run = CliRunner().invoke
    assert run(soc, ["topics", "check", "--config", str(config)]).exit_code == 1
    assert run(soc, ["topics", "create", "--config", str(config)]).exit_code == 0
    assert run(soc, ["topics", "check", "--config", str(config)]).exit_code == 0


@pytest.mark.parametrize(
    ("prefix", "following"), [("", "g2."), ("g2.", "g3."), ("site.", "site.g2."), ("site.g9.", "site.g10.")]
)
def test_the_next_generation_of_topics_has_the_next_prefix(prefix, following):
    assert next_prefix(Settings(kafka=KafkaSettings(prefix=prefix))) == following
