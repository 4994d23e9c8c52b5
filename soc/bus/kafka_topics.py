"""The topics as they are on the brokers, compared with what this program wants of them; made, looked at and deleted by an operator."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from soc.bus.base import Topology
from soc.bus.kafka_cluster import COPIES, Cluster
from soc.errors import UnavailableError
from soc.settings import KafkaSettings

UNKNOWN_TOPIC = 3
BY_COMMAND = "kafka-configs.sh --alter --entity-type topics --entity-name {} --add-config {}={}"


class TopicFinding(NamedTuple):
    """One thing of one topic: what it is called, how it is, how it should be, and what to do; no advice, no fault."""

    topic: str
    what: str
    found: str
    wanted: str
    advice: str


class BrokerTopics:
    """The topics of one installation.

    Args:
        settings: where the brokers are, and the prefix.
        topology: the table of stages.
    """

    def __init__(self, settings: KafkaSettings, topology: Topology) -> None:
        self._cluster = Cluster(settings, topology)
        self._replication = settings.replication

    async def create(self) -> Sequence[str]:
        """Make those that are missing; their names.

        Raises:
            SettingsError: one is there with another number of partitions.
            UnavailableError: the brokers cannot be reached or refuse.
        """
        before = (await self._cluster.topics())[1]
        await self._cluster.ensure()
        return sorted(self._cluster.wanted().keys() - before.keys())

    async def check(self) -> Sequence[TopicFinding]:
        """Every topic with its partitions and copies, and everything about it that is not as it should be.

        Raises:
            UnavailableError: the brokers cannot be reached.
        """
        brokers, there = await self._cluster.topics()
        wanted = self._cluster.wanted()
        names = [name for name in wanted if name in there]
        copies = await self._copies(names)
        configs = await self._configs(names)
        found: list[TopicFinding] = []
        for name, (count, settings) in wanted.items():
            if name not in there:
                found.append(TopicFinding(name, "topic", "missing", f"{count} partitions", "soc topics create"))
                continue
            found.append(_partitions(name, there[name][1], count))
            found += self._copied(name, copies[name], brokers, configs[name])
            found += _configured(name, configs[name], settings)
        return found

    async def made(self) -> Mapping[str, int]:
        """Which topics are there, by the name that the topology or a stage's state has, with their partitions."""
        there = (await self._cluster.topics())[1]
        prefix = len(self._cluster.names.prefix)
        return {name[prefix:]: there[name][1] for name in self._cluster.wanted() if name in there}

    async def delete(self) -> Sequence[str]:
        """Delete every one that is there, with all that it holds; their names.

        Raises:
            UnavailableError: the brokers cannot be reached or refuse.
        """
        there = (await self._cluster.topics())[1]
        names = sorted(self._cluster.wanted().keys() & there.keys())
        if names:
            async with self._cluster.use("kafka: deleting topics") as clients:
                answer = await clients.admin.delete_topics(names)
            refused = [
                f"{row[0]}: error {row[1]}" for row in answer.topic_error_codes if row[1] not in (0, UNKNOWN_TOPIC)
            ]
            if refused:
                raise UnavailableError("kafka: topics were not deleted: " + "; ".join(refused))
        return names

    async def close(self) -> None:
        """Close every connection."""
        await self._cluster.close()

    async def _copies(self, names: Sequence[str]) -> Mapping[str, Sequence[tuple[int, int]]]:
        """Of every partition how many copies there are, and how many of them are in sync."""
        if not names:
            return {}
        async with self._cluster.use("kafka: asking for copies") as clients:
            rows: list[Any] = await clients.admin.describe_topics(list(names))
        return {row["topic"]: [(len(one["replicas"]), len(one["isr"])) for one in row["partitions"]] for row in rows}

    async def _configs(self, names: Sequence[str]) -> Mapping[str, Mapping[str, str]]:
        if not names:
            return {}
        async with self._cluster.use("kafka: asking for the configuration of topics") as clients:
            answers: list[Any] = await clients.admin.describe_configs(
                [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
            )
        return {row[3]: {one[0]: one[1] or "" for one in row[4]} for answer in answers for row in answer.resources}

    def _copied(
        self, name: str, copies: Sequence[tuple[int, int]], brokers: int, configs: Mapping[str, str]
    ) -> list[TopicFinding]:
        wanted = self._replication or min(COPIES, brokers)
        least = min(replicas for replicas, _ in copies)
        advice = "kafka-reassign-partitions.sh: give every partition more copies" if least < wanted else ""
        found = [TopicFinding(name, "copies", str(least), str(wanted), advice)]
        behind = sum(in_sync < replicas for replicas, in_sync in copies)
        if behind:
            what = "start the broker that is away, or wait until it has caught up"
            found.append(TopicFinding(name, "partitions with a copy behind", str(behind), "0", what))
        sure = int(configs.get("min.insync.replicas", "1"))
        asked = 2 if least >= COPIES else 1
        if sure != asked:
            what = BY_COMMAND.format(name, "min.insync.replicas", asked)
            found.append(TopicFinding(name, "min.insync.replicas", str(sure), str(asked), what))
        return found


def _partitions(name: str, found: int, wanted: int) -> TopicFinding:
    advice = "" if found == wanted else "set [kafka] to what was made, or see `soc topics migrate`: keys would move"
    return TopicFinding(name, "partitions", str(found), str(wanted), advice)


def _configured(name: str, configs: Mapping[str, str], wanted: Mapping[str, str]) -> list[TopicFinding]:
    return [
        TopicFinding(name, key, configs.get(key, ""), value, BY_COMMAND.format(name, key, value))
        for key, value in wanted.items()
        if configs.get(key) != value
    ]
