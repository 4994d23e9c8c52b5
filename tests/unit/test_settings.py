"""Settings: checked whole, every mistake named, unknown keys refused, the environment on top."""

from pathlib import Path

import pytest

from soc.errors import SettingsError
from soc.settings import content_dir, load, parse


def test_nothing_configured_listens_on_loopback_only():
    settings = parse("", {})
    assert {listener.type for listener in settings.listeners} == {"syslog-udp", "syslog-tcp", "http"}
    assert all(getattr(listener, "host", "127.0.0.1") == "127.0.0.1" for listener in settings.listeners)


def test_an_unknown_key_is_an_error_that_names_it():
    with pytest.raises(SettingsError, match=r"console\.prot"):
        parse("[console]\nprot = 1\n", {})


def test_all_mistakes_are_listed_at_once():
    with pytest.raises(SettingsError) as caught:
        parse("[console]\nport = 99999\n[bus]\npartitions = 0\n[[sources]]\nname = 'x'\ntimezone = 'Mars/Base'\n", {})
    text = "\n".join(caught.value.mistakes)
    assert len(caught.value.mistakes) == 3
    for key in ("console.port", "bus.partitions", "sources.0.timezone"):
        assert key in text


def test_the_environment_overrides_the_file():
    settings = parse("[console]\nport = 1\n", {"SOC_CONSOLE__PORT": "8081", "SOC_DATA_DIR": "elsewhere", "HOME": "/"})
    assert settings.console.port == 8081
    assert settings.data_dir == Path("elsewhere")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[sources]]\nname='a'\naddresses=['999.1.1.1']\n", "addresses"),
        ("[[sources]]\nname='a'\npattern='('\n", "pattern"),
        ("[[sources]]\nname='a'\nencoding='klingon'\n", "encoding"),
        ("[[sources]]\nname='a'\n[[sources]]\nname='a'\n", "used twice"),
        ("[[listeners]]\ntype='http'\nname='h'\nport=1\nprofile='nobody'\n", "nobody"),
        ("[[listeners]]\ntype='carrier-pigeon'\nname='h'\n", "carrier-pigeon"),
        ("not toml", "not valid TOML"),
        ("[console]\nprot=1\n", "console.prot: unknown key"),
    ],
)
def test_a_mistake_is_told_with_its_place(text: str, says: str):
    with pytest.raises(SettingsError, match=says.replace("(", r"\(")):
        parse(text, {})


def test_all_mistakes_of_listeners_are_listed_at_once_with_what_to_write():
    with pytest.raises(SettingsError) as caught:
        parse(
            "[[listeners]]\ntype='syslog-tls'\nname='a'\nport=6514\n"
            "[[listeners]]\ntype='relp'\nname='b'\nport=2514\nproxy_from=['198.51.100.0/24', '198.51.100.999', 'lb1']\n"
            "[[listeners]]\ntype='relp'\nname='c'\nport=2514\ntls={certificate_file='a.pem'}\n"
            "[[listeners]]\ntype='gelf-udp'\nname='d'\nport=12201\nsockets=0\nproxy_from=['198.51.100.1']\n"
            "[[listeners]]\ntype='syslog-tcp'\nname='e'\nport=514\ntls={certificate_file='a.pem',key_file='a.key'}\n",
            {},
        )
    mistakes = caught.value.mistakes
    assert len(mistakes) == 6
    text = "\n".join(mistakes)
    for said in (
        "listeners.0.syslog-tls.tls: Field required",
        "no address or network: '198.51.100.999', 'lb1'; write one like",
        "listeners.2.relp.tls.key_file: Field required",
        "listeners.3.gelf-udp.sockets",
        "listeners.3.gelf-udp.proxy_from: unknown key",
        "listeners.4.syslog-tcp.tls: unknown key",
    ):
        assert said in text


def test_a_missing_file_that_was_asked_for_is_an_error(tmp_path: Path):
    with pytest.raises(SettingsError, match="cannot be read"):
        load(tmp_path / "missing.toml", {})


def test_the_content_that_ships_is_found():
    assert (content_dir("rules") / "pipelines").is_dir()
