"""The settings of inputs → collectors: every mistake of a listener at once, and each kind made as it is set."""

import re

import pytest

from collectors.file import FileTail
from collectors.intake import Intake
from collectors.journal import Journal
from collectors.kafka import KafkaTopics
from soc.clock import now
from soc.errors import SettingsError
from soc.inputs import check_inputs, make_collector
from soc.settings import Settings, parse
from tests.unit.collectors.support.memory_claim import MemoryLog

FILE = """[[listeners]]
type = "file"
name = "app"
paths = ["/var/log/app/*.log"]
multiline = 'indented'
"""
JOURNAL = """[[listeners]]
type = "journal"
name = "journal"
matches = ["_SYSTEMD_UNIT=ssh.service", "+", "_UID=0"]
"""
KAFKA = """[[listeners]]
type = "kafka"
name = "foreign"
servers = ["broker1.example:9092"]
topics = ["firewall"]
sasl_mechanism = "SCRAM-SHA-512"
username = "soc"
password = "secret"
"""


def made(text: str) -> object:
    settings = parse(text, {})
    return make_collector(settings.listeners[0], Intake(MemoryLog().open, clock=now), settings)


@pytest.mark.parametrize(("text", "kind"), [(FILE, FileTail), (JOURNAL, Journal), (KAFKA, KafkaTopics)])
def test_a_listener_is_made_as_it_is_set(text: str, kind: type[object]) -> None:
    assert isinstance(made(text), kind)


def test_every_mistake_of_every_listener_is_listed_at_once() -> None:
    text = "\n".join(
        (
            FILE.replace("'indented'", "'('"),
            JOURNAL.replace('"+"', '"--file=/etc/shadow"'),
            KAFKA.replace("broker1.example:9092", "broker1").replace('"firewall"', '"a/b"').replace("secret", ""),
        )
    )
    with pytest.raises(SettingsError) as caught:
        parse(text, {})
    wanted = ["multiline", "--file=/etc/shadow", "no host:port: 'broker1'", "no name of a topic: 'a/b'", "password"]
    for mistake in wanted:
        assert any(mistake in found for found in caught.value.mistakes), mistake


def test_a_kafka_listener_whose_certificate_cannot_be_read_is_a_mistake_of_the_settings() -> None:
    with pytest.raises(SettingsError, match=re.escape("ca_file")):
        made(KAFKA + 'tls = true\nca_file = "/nowhere.pem"\n')


def test_what_is_not_there_on_this_host_is_listed_for_every_listener(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    text = FILE + JOURNAL + KAFKA + 'tls = true\nca_file = "/nowhere.pem"\n'
    text += '[[listeners]]\ntype = "http"\nname = "web"\nport = 1\n'
    text += '[listeners.tls]\ncertificate_file = "/nowhere.pem"\nkey_file = "/nowhere.key"\n'
    with pytest.raises(SettingsError) as caught:
        check_inputs(parse(text, {}))
    listed = "\n".join(caught.value.mistakes)
    for wanted in (
        "'journal': there is no journalctl",
        "'foreign': kafka: the certificates",
        "'web': tls: /nowhere.key",
    ):
        assert wanted in listed
    check_inputs(parse(FILE + KAFKA, {}))


def test_a_password_is_not_shown() -> None:
    assert "secret" not in repr(parse(KAFKA, {}).listeners)
    assert isinstance(parse(KAFKA, {}), Settings)
