"""The main job, end to end, as a newcomer sees it: ``soc demo --once``."""

import json
import subprocess
import sys
from pathlib import Path


def test_the_demo_story_becomes_one_incident_whose_three_reports_have_receipts(tmp_path: Path):
    command = [sys.executable, "-m", "soc", "demo", "--once", "--speed", "4", "--data-dir", str(tmp_path / "demo")]
    done = subprocess.run(command, capture_output=True, timeout=150, check=False, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr.decode()
    summary = json.loads(done.stdout)
    assert set(summary) >= {"lines", "events", "dead_letters", "alerts", "incidents", "receipts"}
    assert summary["lines"] == summary["events"] + summary["dead_letters"]
    assert summary["incidents"] == 1
    assert summary["receipts"] == 3
    assert summary["alerts"] >= 5
