"""The report's bytes: the same for the same content, and nothing internal in them."""

import json
import unicodedata
from ipaddress import ip_address

import msgspec
import pytest
from forward_made import ORGANIZATION, RECIPIENT, T0, approved, incident
from hypothesis import given, settings
from hypothesis import strategies as st

from soc.clock import to_datetime, to_micros
from soc.forward.payload import payload, payload_preview
from soc.forward.redact import INTERNAL, Redactor, Withheld, internal
from soc.model.incident import AlertSummary


def tree(document, kind="initial"):
    return json.loads(payload(document, kind, ORGANIZATION, RECIPIENT))


def test_a_report_says_what_happened_when_and_from_where():
    report = tree(incident())
    assert report["schema"] == "soc-report/2"
    assert report["incident"]["number"] == "INC-2026-000001"
    assert report["incident"]["detected_at"] == "2026-11-22T08:01:00.000Z"
    assert report["incident"]["techniques"] == ["attack.t1110"]
    assert report["alerts"][0]["title_vi"] == "Dò mật khẩu"
    assert report["alerts_total"] == 2
    assert {"kind": "source.ip", "value": "203.0.113.77", "internal": False, "alerts": 2} in report["entities"]


def test_the_bytes_are_canonical_json():
    data = payload(incident(), "initial", ORGANIZATION, RECIPIENT)
    again = json.dumps(json.loads(data), sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    assert data == again
    assert data.decode() == unicodedata.normalize("NFC", data.decode())


def test_the_bytes_depend_on_content_alone():
    base = incident()
    same = msgspec.structs.replace(base, version=99, revision=8, owner="hoa", notes=(), joins=())
    assert payload(base, "initial", "A", "B") == payload(same, "initial", "A", "B")
    other = msgspec.structs.replace(base, last_seen=base.last_seen + 1)
    assert payload(base, "initial", "A", "B") != payload(other, "initial", "A", "B")


def test_texts_that_look_alike_are_the_same_bytes():
    one = incident(title_vi=unicodedata.normalize("NFD", "Dò quét cổng"))
    other = incident(title_vi=unicodedata.normalize("NFC", "Dò quét cổng"))
    assert payload(one, "initial", "A", "B") == payload(other, "initial", "A", "B")


def test_kind_sequence_and_recipient_make_the_report_s_id():
    base = incident()
    ids = {
        tree(base)["report_id"],
        tree(base, "closing")["report_id"],
        tree(approved(base))["report_id"],
        json.loads(payload(base, "initial", ORGANIZATION, "another"))["report_id"],
    }
    assert len(ids) == 4
    assert tree(approved(base))["sequence"] == 2
    assert tree(base)["report_id"] == tree(incident(count=9))["report_id"]


def test_what_is_internal_is_withheld_and_counted_without_its_value():
    preview = payload_preview(incident(), "initial", ORGANIZATION, RECIPIENT)
    text = preview.payload.decode()
    for secret in ("10.20.0.15", "mc-web-01", "lan.nt", "bash", "minh"):
        assert secret not in text
    assert preview.withheld == (
        Withheld("destination.ip", "internal-address", 1),
        Withheld("host.name", "host-name", 1),
        Withheld("process.name", "not-listed", 1),
        Withheld("user.name", "account", 1),
    )


def test_pseudonyms_keep_their_numbers_while_an_incident_grows():
    base = incident()
    larger = msgspec.structs.replace(base, entities=(*base.entities, ("source.ip", "10.9.9.9", 1)))
    small = {item["value"] for item in tree(base)["entities"] if item["internal"]}
    large = [item["value"] for item in tree(larger)["entities"] if item["internal"]]
    assert small == {"asset-1", "asset-2"}
    assert large == ["asset-1", "asset-2", "asset-3"]


@pytest.mark.parametrize(
    "text",
    [
        "10.0.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd12::1", "fe80::1", "::1", "127.0.0.9",
        "::ffff:10.0.0.1", "64:ff9b::a00:1", "2002:a00:1::",
    ],
)  # fmt: skip
def test_internal_addresses_are_known_in_every_clothing(text):
    assert internal(ip_address(text))


@pytest.mark.parametrize("text", ["203.0.113.1", "198.51.100.7", "172.32.0.1", "100.128.0.1", "2001:db8::1", "8.8.8.8"])
def test_the_world_s_addresses_leave(text):
    assert not internal(ip_address(text))
    assert Redactor(()).entity("source.ip", text) == (text, False)


addresses = st.sampled_from(INTERNAL).flatmap(
    lambda network: st.integers(0, network.num_addresses - 1).map(lambda n: str(network[n]))
)


@settings(max_examples=120)
@given(
    addresses,
    st.sampled_from(["", "from ", "(", "src=", "đến ", "["]),
    st.sampled_from(["", ".", ")", ":22", " x", "]", ","]),
)
def test_no_internal_address_leaves_in_any_text(address, before, after):
    if ":" in address and after == ":22":
        after = ""
    title = f"{before}{address}{after}"
    summary = AlertSummary("a", "r", title, title, "high", 1, T0, T0, "live")
    document = incident(title=title, title_vi=title, summaries=(summary,), entities=(("source.ip", address, 1),))
    data = payload(document, "initial", ORGANIZATION, RECIPIENT).decode()
    assert address not in data
    assert data.count("asset-1") == 5


@settings(max_examples=80)
@given(st.text(max_size=40), st.text(min_size=1, max_size=20))
def test_any_text_at_all_gives_bytes_that_are_json(text, name):
    document = incident(title=text, entities=(("host.name", name, 1), ("user.name", text, 1)))
    data = payload(document, "initial", ORGANIZATION, RECIPIENT)
    assert json.loads(data)["incident"]["level"] == "high"


def test_names_of_hosts_and_accounts_are_taken_out_of_titles_but_plain_words_stay():
    document = incident(
        title="sudo to root by LAN.NT on mc-web-01",
        entities=(("host.name", "mc-web-01", 1), ("user.name", "lan.nt", 1), ("user.name", "root", 1)),
    )
    assert tree(document)["incident"]["title"] == "sudo to root by account on asset-1"


def test_a_version_number_is_no_address():
    assert Redactor(()).text("OpenSSH 9.10.0.1.2 and 1.2.3") == "OpenSSH 9.10.0.1.2 and 1.2.3"


def test_times_are_iso_in_utc_to_the_microsecond():
    report = tree(incident(first_seen=T0 + 1))
    assert report["incident"]["first_seen"] == "2026-11-22T08:00:00.000001Z"
    assert to_micros(to_datetime(T0)) == T0
