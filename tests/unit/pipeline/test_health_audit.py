"""What the health page says of the audit on this host."""

from soc.clock import HOUR
from soc.console.findings import tell
from soc.console.i18n import Texts
from soc.desk import AuditSettings
from soc.pipeline.audit_sent import Sent
from soc.pipeline.health_audit import audit_findings

NOW = 1_795_312_800_000_000
SET = AuditSettings(directory="/mnt/audit")


def test_heads_that_arrive_and_heads_that_go_nowhere_are_no_finding():
    assert audit_findings(SET, Sent(NOW - HOUR, NOW - HOUR, 0, {"directory /mnt/audit": ""}), 0, NOW) == []
    assert audit_findings(AuditSettings(), Sent(), 0, NOW) == []


def test_heads_that_have_not_left_for_two_intervals_are_an_error_with_the_reason():
    failing = Sent(NOW - 3 * HOUR, NOW, 0, {"directory /mnt/audit": "is it mounted?"})
    (finding,) = audit_findings(SET, failing, 0, NOW)
    assert (finding.level, finding.id) == ("error", "audit_heads_unsent")
    for language in ("vi", "en"):
        assert "is it mounted?" in tell(Texts(language, "UTC"), finding.id, finding.values).advice


def test_heads_that_never_left_count_from_when_sending_was_first_tried():
    never = Sent(0, NOW, NOW - HOUR, {"directory /mnt/audit": "no"})
    assert audit_findings(SET, never, 0, NOW) == []
    assert audit_findings(SET, never, 0, NOW + 2 * HOUR)[0].values["for_seconds"] == 3 * 3600


def test_sign_ins_that_wait_on_disk_are_told():
    (finding,) = audit_findings(AuditSettings(), Sent(), 3, NOW)
    assert (finding.id, finding.values) == ("audit_kept_on_disk", {"count": 3})
    assert "3" in tell(Texts("vi", "UTC"), finding.id, finding.values).what
