"""Native Windows fields and what is written beside them."""

import json

from soc.model.event import Event
from soc.model.record import RawRecord
from soc.normalize.normalizer import Normalizer
from soc.settings import SourceProfile

NORMALIZER = Normalizer(
    (SourceProfile(name="w", product="windows-json", live=False),), timezone="UTC", lateness=1, future_skew=1
)


def test_a_list_where_a_name_should_be_is_kept_and_names_nobody():
    fields = {"Channel": "Security", "EventID": 4625, "TargetUserName": ["lan"], "SubjectUserName": [], "User": {}}
    event = NORMALIZER.normalize(RawRecord(json.dumps(fields).encode(), 1, "", "", "", profile="w"), "id", 1)
    assert isinstance(event, Event)
    assert event.fields["TargetUserName"] == ["lan"]
    assert "user.name" not in event.fields
