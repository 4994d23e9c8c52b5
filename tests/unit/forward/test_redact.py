"""What leaves of a text and of an entity, what stands in place of the rest, and that it is counted and never told."""

import unicodedata
from ipaddress import ip_network

import pytest
from harmless_texts import TEXTS
from hypothesis import given, settings
from hypothesis import strategies as st
from nasty_canaries import nasty
from privacy_canaries import canaries

from soc.assets.entries import Entries, Host, System
from soc.assets.register import Register
from soc.forward.inside import inside_of
from soc.forward.redact import WITHHELD, Redactor, Withheld
from soc.forward.scan import leaks
from soc.model import SystemHit
from soc.privacy.inside import Inside

REGISTER = Register(
    Entries(
        systems=(
            System("dvc", "Cổng dịch vụ công", networks=("203.0.113.128/25", "10.20.0.0/16"), public_addresses=("203.0.113.200",), domains=("dvc.example",)),
            System("mail", "Thư điện tử", domains=("mail.example",)),
        ),
        hosts=(
            Host("tayninh-thuthap", ("mail",), addresses=("198.51.100.9",)),
            Host("db.dvc.example", ("dvc",)),
            Host("www", ("dvc",)),
        ),
    )
)  # fmt: skip


def shown(text, **fields):
    return Redactor((), **fields).text(text)


def nfc(text):
    return unicodedata.normalize("NFC", text)


def test_none_of_two_thousand_canaries_is_left():
    left = []
    for canary in canaries(2200, seed=9):
        text = nfc(shown(canary.text))
        left += [canary for value in canary.values if nfc(value) in text]
    assert left == []


def test_of_nasty_ones_in_clothing_of_every_kind_hardly_one_in_five_hundred_is_left():
    left = [text for _, text, values in nasty(1500, seed=5) if any(nfc(value) in shown(text) for value in values)]
    assert len(left) <= 3, left


def test_harmless_text_stays():
    lost = sum(len(text) for text in TEXTS if shown(text) != text)
    assert lost <= 0.02 * sum(map(len, TEXTS))


def test_a_redacted_text_passes_the_second_scan_and_is_redacted_already():
    for _, text, _ in nasty(600, seed=6):
        once = shown(text)
        assert leaks(once) == ()
        assert shown(once) == once


@settings(max_examples=200)
@given(st.text(max_size=100))
def test_whatever_the_text_nothing_that_leaves_is_suspicious(text):
    assert leaks(shown(text)) == ()


def test_one_machine_has_one_name_in_every_clothing():
    redactor = Redactor([("host.name", "mc-web-01", 1)])
    assert redactor.text("10.1.2.3, 10[.]1[.]2[.]3 và 10%2E1%2E2%2E3") == "asset-1, asset-1 và asset-1"
    assert redactor.text("MC-WEB-01 và mc-web-01") == "asset-2 và asset-2"


def test_what_the_register_found_bears_the_name_of_its_system():
    hit = SystemHit("dvc", "Cổng dịch vụ công", found_by=("10.20.0.15", "mc-web-01"))
    redactor = Redactor([("host.name", "MC-WEB-01", 1)], systems=(hit,))
    assert redactor.entity("destination.ip", "10.20.0.15") == ("hệ thống dvc", True)
    assert redactor.text("từ mc-web-01 tới 10.9.9.9") == "từ hệ thống dvc tới asset-1"


def test_the_register_s_networks_and_hosts_are_inside_and_what_it_shows_the_world_is_not():
    inside = inside_of(REGISTER)
    text = "203.0.113.140, 203.0.113.200, 198.51.100.9, tayninh-thuthap, db.dvc.example, dvc.example, www"
    assert (
        shown(text, inside=inside)
        == "hệ thống dvc, 203.0.113.200, hệ thống mail, hệ thống mail, hệ thống dvc, dvc.example, www"
    )
    assert Redactor((), inside).entity("source.ip", "203.0.113.200") == ("203.0.113.200", False)


def test_the_longest_network_names_the_system():
    inside = Inside(((ip_network("10.0.0.0/8"), "dc"), (ip_network("10.20.0.0/16"), "dvc")))
    assert shown("10.20.1.1 10.30.1.1", inside=inside) == "hệ thống dvc hệ thống dc"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("C:\\Users\\lan.nt\\Downloads\\hoadon.exe chạy", "hoadon.exe chạy"),
        ("\\\\fs01\\chung\\luong.xlsx", "luong.xlsx"),
        ("/home/lan.nt/.ssh/known_hosts bị đọc", "known_hosts bị đọc"),
        ("/var/log/auth.log và C:\\Windows\\System32\\cmd.exe", "/var/log/auth.log và C:\\Windows\\System32\\cmd.exe"),
        ("https://dvc.example/tra-cuu?cccd=1&x=2 trả về 200", "https://dvc.example/tra-cuu[query] trả về 200"),
        ("ftp://an:mk123@203.0.113.9/x", "ftp://[password]@203.0.113.9/x"),
    ],
)
def test_paths_keep_their_last_name_and_addresses_lose_their_query(text, left):
    assert shown(text) == left


@pytest.mark.parametrize(
    ("kind", "value", "left"),
    [
        ("file.hash.sha256", "9F86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"),
        ("dns.question.name", "bad.example.org", "bad.example.org"),
        ("url.full", "http://bad.example.org/x?id=7", "http://bad.example.org/x[query]"),
        ("file.path", "C:\\Users\\lan.nt\\x.exe", "x.exe"),
        ("dns.question.name", "dc01.tayninh.local", None),
        ("file.hash.md5", "lan.nt", None),
        ("process.command_line", "net user lan.nt /add", None),
        ("event.original", "any raw line", None),
        ("user.name", "lan.nt", None),
        ("source.geo.location", "11.3,106.1", None),
    ],
)  # fmt: skip
def test_an_entity_leaves_only_if_its_kind_is_known(kind, value, left):
    given_back = Redactor(()).entity(kind, value)
    assert (given_back and given_back[0]) == left


def test_what_was_removed_is_counted_by_field_and_rule_without_its_value():
    redactor = Redactor(())
    redactor.text("0912345678, 0912345679 và an@gmail.com", "particulars.cause")
    assert redactor.withheld == (Withheld("particulars.cause", "mail", 1), Withheld("particulars.cause", "phone", 2))


def test_a_text_that_stays_suspicious_is_withheld_as_a_whole(monkeypatch):
    monkeypatch.setattr("soc.forward.redact.leaks", lambda *_: ("phone",))
    redactor = Redactor(())
    assert redactor.text("anything") == WITHHELD
    assert redactor.withheld == (Withheld("text", "unclear", 1),)
