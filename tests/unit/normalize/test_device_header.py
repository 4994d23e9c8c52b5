"""What a device writes before its mark gives its host and the stamp nearest to the mark, whatever a relay put in front."""

from zoneinfo import ZoneInfo

import pytest

from soc.normalize.formats import device_header
from soc.normalize.time import iso_text

ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
DAY = 20_779  # 2026-11-22


@pytest.mark.parametrize(
    ("head", "host", "moment"),
    [
        ("<166>Nov 22 2026 15:00:00 fw1 : ", "fw1", "2026-11-22T08:00:00.000Z"),
        ("<166>Nov 22 2026 15:00:00: ", None, "2026-11-22T08:00:00.000Z"),
        ("<166>fw1: ", "fw1", None),
        ("<166>:Nov 22 08:00:00 UTC: ", None, "2026-11-22T08:00:00.000Z"),
        ("<166>1 2026-11-22T08:00:00Z fw1 app 7 - - ", "fw1", "2026-11-22T08:00:00.000Z"),
        ("<166>Nov 22 15:00:09 relay : Nov 22 2026 08:00:00 UTC fw1 : ", "fw1", "2026-11-22T08:00:00.000Z"),
        ("Nov 22 15:00:00 fw1 prog[9]: ", "fw1", "2026-11-22T08:00:00.000Z"),
        ("LOCAL4.WARNING: fw1 ", "fw1", None),
        ("Nov 22 2026 15:00:00 <placeholder>: ", None, "2026-11-22T08:00:00.000Z"),
        ("a text of several words ", None, None),
        ("<166>:: ", None, None),
    ],
)
def test_host_and_stamp_are_the_devices_own(head: str, host: str | None, moment: str | None):
    fields, stamp = device_header.read(head, ZONE, DAY)
    assert fields.get("host.name") == host
    assert (iso_text(stamp[0]) if stamp else None) == moment
