"""What is older than the archive keeps goes from the front of the chain, and the rest still verifies."""

from pathlib import Path

from structlog.testing import capture_logs

from soc.archive.expire import Expired, days_covered, expired
from soc.archive.folder import Folder
from soc.archive.naming import segments
from soc.archive.verify import chains_of, verify
from soc.clock import DAY, HOUR
from tests.unit.archive.archive_support import START, Stage, raw


def archive_of_days(directory: Path, days: int = 5) -> Stage:
    stage = Stage(Folder(directory))
    stage.archive([raw(b"day %d" % day, START + day * DAY + HOUR) for day in range(days)])
    return stage


def trim(stage: Stage, before: int, *, die: bool = False) -> Expired | None:
    gone = expired(stage.place, stage.archiver.chain, before)
    if gone is not None:
        stage.commit(stage.archiver.forget(stage.archiver.chain, gone.base, gone.base_hash, gone.since))
        for name in gone.names[: 1 if die else None]:
            stage.place.delete(name)
    return gone


def days(stage: Stage) -> list[int]:
    return [(found.name.hour - START) // DAY for found in segments(stage.place)]


def faults(stage: Stage) -> tuple:
    return verify(stage.place, chains_of({0: stage.state}), base=lambda _: 0, progress=lambda _: None).faults


def test_whole_days_before_the_time_go_and_the_rest_verifies(tmp_path: Path):
    stage = archive_of_days(tmp_path)
    trim(stage, START + 2 * DAY + 3 * HOUR)
    assert (days(stage), faults(stage)) == ([2, 3, 4], ())
    assert trim(stage, START + 2 * DAY + 3 * HOUR) is None


def test_how_far_back_the_archive_reaches_follows(tmp_path: Path):
    stage = archive_of_days(tmp_path)
    now = START + 5 * DAY + HOUR
    assert days_covered(stage.archiver.chain, now) == 5
    trim(stage, START + 2 * DAY)
    assert days_covered(stage.archiver.chain, now) == 3
    trim(stage, START + 9 * DAY)
    assert (days_covered(stage.archiver.chain, now), days(stage)) == (0, [])


def test_a_deletion_that_was_interrupted_is_finished(tmp_path: Path):
    stage = archive_of_days(tmp_path)
    trim(stage, START + 3 * DAY, die=True)
    assert (days(stage), faults(stage)) == ([1, 2, 3, 4], ())
    trim(stage, START + 3 * DAY)
    assert (days(stage), faults(stage)) == ([3, 4], ())


def test_an_old_line_behind_a_younger_one_stays_until_that_one_goes(tmp_path: Path):
    stage = Stage(Folder(tmp_path))
    stage.archive([raw(b"young", START + 5 * DAY)])
    stage.archive([raw(b"a clock that was wrong", START)], first=1)
    assert trim(stage, START + 2 * DAY) is None
    assert faults(stage) == ()


def test_a_segment_that_somebody_took_away_does_not_stop_retention(tmp_path: Path):
    stage = archive_of_days(tmp_path)
    (tmp_path / list(segments(stage.place))[1].stored.name).unlink()
    with capture_logs() as logs:
        trim(stage, START + 3 * DAY)
    assert days(stage) == [3, 4]
    assert [entry["segment"] for entry in logs if entry["event"] == "segment_missing"] == [2]


def test_a_damaged_segment_is_deleted_with_the_others_of_its_age(tmp_path: Path):
    stage = archive_of_days(tmp_path)
    (tmp_path / list(segments(stage.place))[1].stored.name).write_bytes(b"rubbish")
    trim(stage, START + 2 * DAY)
    assert (days(stage), faults(stage)) == ([2, 3, 4], ())
