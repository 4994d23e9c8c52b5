"""The processes of an installation beside each other: who gives way on a busy machine."""

import os
from pathlib import Path

from installation_support import Host, running

from soc.supervise import NICER, PATIENT


def test_on_a_busy_machine_search_and_archive_give_way_to_intake_detection_and_people(tmp_path: Path):
    host = Host(tmp_path)
    with running(host):
        found = {status.group: os.getpriority(os.PRIO_PROCESS, status.pid) for status in host.statuses()}
    usual = os.getpriority(os.PRIO_PROCESS, 0)
    assert found == {group: min(19, usual + NICER) if group in PATIENT else usual for group in host.groups}
