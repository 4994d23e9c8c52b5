"""Profiles are found by name, listener, address and pattern; discards, encodings and overrides are theirs."""

from collections.abc import Callable
from typing import Any

import pytest

from soc.errors import RecordError, SettingsError
from soc.model.event import Event, LogSource
from soc.model.record import RawRecord
from soc.normalize.finish import ADDRESSES, USERS, finish, in_python
from soc.normalize.normalizer import Discarded, Normalizer
from soc.settings import LogSourceSettings, SourceProfile

RECEIVED = 1_795_334_400_000_000
LINE = b"<13>Nov 22 15:00:00 srv1 backup: done"


def _normalizer(*profiles: SourceProfile) -> Normalizer:
    return Normalizer(profiles, timezone="Asia/Ho_Chi_Minh", lateness=600_000_000, future_skew=5_000_000)


def _record(
    data: bytes = LINE, *, listener: str = "udp", peer: str = "192.0.2.7:514", profile: str = "", cut: bool = False
) -> RawRecord:
    return RawRecord(data, RECEIVED, listener, peer, "192.0.2.7", profile=profile, cut=cut)


def _event(normalizer: Normalizer, record: RawRecord) -> Event:
    event = normalizer.normalize(record, "id", RECEIVED + 1)
    assert isinstance(event, Event)
    return event


def _profile_name(normalizer: Normalizer, record: RawRecord) -> str | None:
    profile = normalizer.profile_for(record)
    return None if profile is None else profile.name


def test_the_listeners_profile_wins_over_every_criterion():
    normalizer = _normalizer(SourceProfile(name="a", addresses=("192.0.2.0/24",)), SourceProfile(name="b"))
    assert _profile_name(normalizer, _record(profile="b")) == "b"
    assert _profile_name(normalizer, _record()) == "a"


def test_the_first_profile_whose_every_given_criterion_holds_is_used():
    normalizer = _normalizer(
        SourceProfile(name="other-listener", listeners=("tcp",), addresses=("192.0.2.7",)),
        SourceProfile(name="other-pattern", addresses=("192.0.2.7",), pattern="no such text"),
        SourceProfile(name="right", listeners=("udp",), addresses=("192.0.2.0/24",), pattern="backup"),
        SourceProfile(name="later", listeners=("udp",)),
    )
    assert _profile_name(normalizer, _record()) == "right"
    assert _profile_name(normalizer, _record(b"<13>x")) == "later"
    assert _profile_name(normalizer, _record(peer="[2001:db8::1]:514")) == "later"


def test_an_address_is_matched_in_ipv6_and_a_path_matches_none():
    normalizer = _normalizer(SourceProfile(name="six", addresses=("2001:db8::/32",)))
    assert _profile_name(normalizer, _record(peer="[2001:db8::1]:514")) == "six"
    assert _profile_name(normalizer, _record(peer="/var/log/auth.log")) is None


def test_a_profile_without_criteria_is_used_by_name_only():
    assert _profile_name(_normalizer(SourceProfile(name="a")), _record()) is None


def test_an_unknown_product_is_refused_with_those_there_are():
    with pytest.raises(SettingsError, match="no product is called 'nonesuch'; there are auto, fortigate"):
        _normalizer(SourceProfile(name="a", product="nonesuch"))


def test_a_discarded_line_is_named_by_its_profile():
    normalizer = _normalizer(SourceProfile(name="quiet", listeners=("udp",), discard="backup: done"))
    assert normalizer.normalize(_record(), "id", RECEIVED) == Discarded("quiet")
    assert isinstance(normalizer.normalize(_record(LINE + b" not"), "id", RECEIVED), Discarded)
    _event(normalizer, _record(b"<13>Nov 22 15:00:00 srv1 backup: failed"))


def test_the_profiles_logsource_overrides_the_products():
    override = LogSourceSettings(product="linux", service="cron")
    event = _event(_normalizer(SourceProfile(name="a", logsource=override)), _record(profile="a"))
    assert event.logsources == (LogSource("linux", "", "cron"),)


def test_the_profiles_zone_holds_for_stamps_without_one():
    tokyo = _event(_normalizer(SourceProfile(name="a", timezone="Asia/Tokyo", live=False)), _record(profile="a"))
    assert tokyo.fields["@timestamp"] == "2026-11-22T06:00:00.000Z"
    assert _event(_normalizer(), _record()).fields["@timestamp"] == "2026-11-22T08:00:00.000Z"


def test_bytes_that_are_not_utf_8_are_read_in_the_profiles_encoding_or_escaped():
    line = b"<13>Nov 22 15:00:00 srv1 backup: \xd0\xe0 \\x41"
    named = _event(_normalizer(SourceProfile(name="a", encoding="cp1258")), _record(line, profile="a"))
    assert named.fields["message"] == "Đà \\x41"
    assert "tags" not in named.fields
    escaped = _event(_normalizer(), _record(line))
    assert escaped.fields["message"] == "\\xd0\\xe0 \\x5cx41"
    assert escaped.fields["tags"] == ["not_utf8"]


def test_three_times_source_and_id_are_on_the_event():
    event = _event(_normalizer(), _record())
    assert (event.id, event.source, event.received) == ("id", "192.0.2.7", RECEIVED)
    assert event.fields["event.created"] == "2026-11-22T08:00:00.000Z"
    assert event.fields["event.ingested"] == "2026-11-22T08:00:00.000001Z"
    assert event.fields["event.original"] == LINE.decode()


def test_a_cut_line_says_so():
    assert _event(_normalizer(), _record(cut=True)).fields["tags"] == ["cut"]


def test_nuls_and_a_bom_around_a_line_do_not_hide_it():
    event = _event(_normalizer(), _record(b"\xef\xbb\xbf" + LINE + b"\0\r\n"))
    assert event.fields["message"] == "done"


def test_equal_failures_have_equal_reasons():
    reasons = set()
    for data in (b"one", b"two words"):
        with pytest.raises(RecordError) as caught:
            _normalizer().normalize(_record(data), "id", RECEIVED)
        reasons.add(caught.value.reason)
    assert len(reasons) == 1


def test_related_values_are_each_there_once():
    line = b"<86>Nov 22 15:00:00 srv1 sudo: root : TTY=pts/0 ; PWD=/ ; USER=root ; COMMAND=/bin/ls"
    fields = _event(_normalizer(), _record(line)).fields
    assert fields["related.user"] == ["root"]
    assert fields["related.hosts"] == ["srv1"]


@pytest.mark.parametrize("finish", [in_python, finish])
def test_every_address_and_user_that_took_part_is_related_and_empty_lists_are_not(
    finish: Callable[[dict[str, Any], int, int, str, str], None],
):
    fields: dict[str, Any] = {name: f"192.0.2.{number}" for number, name in enumerate(ADDRESSES, 1)}
    fields |= {name: f"user{number}" for number, name in enumerate(USERS, 1)}
    fields["dns.resolved_ip"] = ["192.0.2.1", "2001:db8::7"]
    finish(fields, RECEIVED, RECEIVED, "now", "line")
    assert fields["related.ip"] == [*(f"192.0.2.{number}" for number in range(1, len(ADDRESSES))), "2001:db8::7"]
    assert fields["related.user"] == [f"user{number}" for number in range(1, len(USERS) + 1)]
    nothing: dict[str, Any] = {"dns.resolved_ip": [], "user.name": []}
    finish(nothing, RECEIVED, RECEIVED, "now", "line")
    assert not {"related.ip", "related.user", "related.hosts"} & nothing.keys()
