"""What health says of telling people, out of what the notifier committed."""

import pytest

from soc.clock import HOUR, MINUTE
from soc.model import encode
from soc.notify.cases import NEITHER, SUMMARY, Summary, Trouble
from soc.pipeline.health_notify import notify_findings

NOW = 1_795_000_000_000_000


@pytest.mark.parametrize(
    ("summary", "found"),
    [
        (Summary(), []),
        (Summary(nobody="roster"), ["notify_nobody"]),
        (Summary(nobody="channels"), ["notify_nobody"]),
        (Summary(nobody=NEITHER), []),
        (Summary(failing={"smtp": Trouble(2, NOW, "x")}), []),
        (Summary(failing={"smtp": Trouble(3, NOW, "x")}), ["notify_failing"]),
        (Summary(unsent=1, oldest=NOW - 15 * MINUTE), []),
        (Summary(unsent=1, oldest=NOW - 15 * MINUTE - 1), ["notify_queue"]),
        (Summary(cases=1, unanswered=NOW - HOUR), []),
        (Summary(cases=1, unanswered=NOW - HOUR - 1), ["notify_unanswered"]),
        (Summary(hole=(NOW - HOUR, NOW)), []),
        (Summary(hole=(NOW + HOUR, NOW + 2 * HOUR)), ["notify_hole"]),
        (Summary(beat_failed=NOW - 4 * MINUTE), []),
        (Summary(beat_failed=NOW - 6 * MINUTE), ["notify_heartbeat"]),
    ],
)
def test_each_trouble_is_a_finding_from_its_bound_on(summary, found):
    assert [finding.id for finding in notify_findings({SUMMARY: encode(summary)}, NOW)] == found


def test_a_notifier_that_never_ran_is_no_finding():
    assert notify_findings({}, NOW) == []
