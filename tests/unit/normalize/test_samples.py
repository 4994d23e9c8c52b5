"""Each hand-made line of tests/data/normalize gives the fields, logsources and time flags written beside it, in ECS's terms."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from ecs_support import hold_to_ecs

from soc.errors import RecordError
from soc.model import codec
from soc.model.event import Event
from soc.model.record import RawRecord
from soc.normalize import ecs
from soc.normalize.normalizer import Normalizer, products
from soc.settings import SourceProfile

DATA = Path(__file__).resolve().parents[2] / "data" / "normalize"
RECEIVED = 1_795_334_410_000_000  # 2026-11-22T08:00:10Z
DAYS_30 = 30 * 86_400_000_000


def _samples() -> list[Any]:
    return [
        pytest.param(sample, id=f"{path.stem}: {sample['name']}")
        for path in sorted(DATA.glob("*.yaml"))
        for sample in yaml.safe_load(path.read_text(encoding="utf-8"))
    ]


def _normalize(sample: dict[str, Any]) -> Event:
    profile = SourceProfile(name="p", product=sample.get("product", "auto"), live=sample.get("live", True))
    normalizer = Normalizer((profile,), timezone="Asia/Ho_Chi_Minh", lateness=DAYS_30, future_skew=5_000_000)
    record = RawRecord(sample["line"].encode(), RECEIVED, "l", "192.0.2.1:514", "192.0.2.1", profile="p")
    event = normalizer.normalize(record, "id", RECEIVED)
    assert isinstance(event, Event)
    return event


@pytest.mark.parametrize("sample", _samples())
def test_sample_is_normalized_as_written(sample: dict[str, Any]):
    if "error" in sample:
        with pytest.raises(RecordError) as caught:
            _normalize(sample)
        assert (caught.value.stage, caught.value.reason) == ("normalize", sample["error"])
        return
    event = _normalize(sample)
    found = {name: event.fields.get(name) for name in sample["expect"]}
    assert found == sample["expect"]
    assert not [name for name in sample.get("absent", ()) if name in event.fields]
    if "logsources" in sample:
        assert [[x.product, x.category, x.service] for x in event.logsources] == sample["logsources"]
    if "flags" in sample:
        assert list(event.time_flags) == sample["flags"]
    assert event.fields["event.original"] == sample["line"]
    hold_to_ecs(event.fields)
    assert codec.decode(codec.encode(event), Event) == event
    msgspec.json.encode(event.fields)


def test_every_static_ecs_value_of_the_tables_is_allowed():
    from soc.normalize.products import cisco_asa_messages, windows_logsource

    rows = [row.fields for row in (*cisco_asa_messages.MESSAGES.values(), *cisco_asa_messages.FAMILIES.values())]
    for fields in (*rows, *windows_logsource.ECS.values()):
        assert set(fields["event.category"]) <= ecs.CATEGORIES
        assert set(fields["event.type"]) <= ecs.TYPES
        assert fields.get("event.outcome", "unknown") in ecs.OUTCOMES


def test_every_documented_cisco_id_has_a_sample():
    from soc.normalize.products.cisco_asa_messages import MESSAGES

    text = (DATA / "cisco_asa.yaml").read_text()
    asked = "106001 106006 106015 106023 106100 111008 111010 113004 113005 113015 113039 302013 302014 302015 302020 304001 305011 313001 605004 605005 611101 611102 611103 710003 733100"
    assert not [code for code in asked.split() if f"-{code}:" not in text or code not in MESSAGES]


def test_products_are_listed_with_one_line_each():
    listed = products()
    assert {
        "auto",
        "fortigate",
        "cisco-asa",
        "netfilter",
        "sshd",
        "sudo",
        "su",
        "linux",
        "nginx",
        "apache",
        "windows-json",
        "json",
    } <= set(listed)
    assert all(text and "\n" not in text for text in listed.values())
