"""Line templates."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from soc.clock import to_micros
from soc.tooling.lines import render

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
AT = to_micros(datetime.fromisoformat("2026-11-02T08:00:00+07:00"))


@pytest.mark.parametrize(
    ("template", "line"),
    [
        ("{n} {n+500}", "3 503"),
        ("{bsd}", "Nov  2 08:00:00"),
        ("{time}", "2026-11-02T08:00:00+07:00"),
        ("{utc}", "2026-11-02T01:00:00.000Z"),
        ("{clf}", "02/Nov/2026:08:00:00 +0700"),
        ("{date} {clock} {zone}", "2026-11-02 08:00:00 +0700"),
        ("{unix} {nanos}", "1793581200 1793581200000000000"),
    ],
)
def test_a_place_becomes_what_the_product_would_write(template: str, line: str):
    assert render(template, AT, ZONE, 3) == line


def test_other_braces_stay_so_that_json_needs_no_escaping():
    assert render('{"a": {"n": "{n}"}, "b": "{name}"}', AT, ZONE, 7) == '{"a": {"n": "7"}, "b": "{name}"}'


def test_a_fraction_of_a_second_is_written_where_the_form_has_room():
    assert render("{time}|{bsd}", AT + 250_000, ZONE) == "2026-11-02T08:00:00.250000+07:00|Nov  2 08:00:00"
