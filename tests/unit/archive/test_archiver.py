"""What is read of ``soc.raw`` is in segments or in the state, once, whoever is killed when."""

import random
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from soc.archive.archiver import Bounds
from soc.archive.folder import Folder
from soc.archive.naming import segments
from soc.archive.reading import Looked, Window, read
from soc.archive.segment import open_segment
from soc.clock import HOUR, MINUTE, SECOND
from soc.model import RawRecord, encode
from tests.unit.archive.archive_support import START, Stage, raw, records

ALL = Window(0, 1 << 62)


def archived(stage: Stage) -> list[tuple[str, RawRecord]]:
    looked = Looked()
    found = [(one.id, one.raw) for one in read(stage.place, ALL, looked)]
    assert looked.damaged == []
    return found


def test_records_come_back_as_they_were_with_their_addresses(tmp_path: Path):
    stage = Stage(Folder(tmp_path))
    raws = [raw(b"\x00\xff one", START), raw("đăng nhập".encode(), START + 1), raw(b"", START + 2)]
    stage.archive(raws, first=40)
    assert archived(stage) == [(f"log/0/{40 + number}", one) for number, one in enumerate(raws)]


def test_a_record_that_cannot_be_decoded_is_archived_as_it_is(tmp_path: Path):
    stage = Stage(Folder(tmp_path))
    (record,) = records([raw(b"x", START)])
    stage.archiver.take([record._replace(value=b"\xc1 no record", key=b"fw")], START)
    stage.cut(START, everything=True)
    stage.close()
    ((_, found),) = archived(stage)
    assert (found.data, found.source, found.received) == (b"\xc1 no record", "fw", START)


def test_there_is_a_segment_for_each_source_and_hour(tmp_path: Path):
    stage = Stage(Folder(tmp_path))
    stage.archive([raw(b"x", START + hour * HOUR, source) for source in ("a", "b/ü") for hour in (0, 1)])
    found = [(one.name.hour, one.name.source) for one in segments(stage.place)]
    assert found == [(START, "a"), (START, "b%2F%C3%BC"), (START + HOUR, "a"), (START + HOUR, "b%2F%C3%BC")]


def test_a_segment_is_closed_once_its_hour_is_over_and_nothing_came_for_a_minute(tmp_path: Path):
    stage = Stage(Folder(tmp_path))
    end = START + HOUR
    stage.archiver.take(records([raw(b"x", START)]), START)
    stage.cut(START + 2 * SECOND)
    assert not stage.archiver.is_due(end - 1)
    stage.archiver.take(records([raw(b"y", end - 1)], first=1), end)
    stage.cut(end + 2 * SECOND)
    assert not stage.archiver.is_closing
    assert not stage.archiver.is_due(end + MINUTE)
    assert stage.archiver.is_due(end + MINUTE + 2 * SECOND)
    stage.cut(end + MINUTE + 2 * SECOND)
    assert len(stage.close()) == 1


def test_a_segment_that_has_its_size_is_closed_before_its_hour_is_over(tmp_path: Path):
    stage = Stage(Folder(tmp_path), Bounds(100_000, 1 << 30))
    noise = random.Random(1)
    stage.archiver.take(records([raw(noise.randbytes(1000), START + n) for n in range(300)]), START)
    stage.archiver.take(records([raw(b"quiet", START, "other")], first=300), START)
    stage.cut(START + SECOND)
    assert [name.endswith("192.0.2.7.zst") for name in stage.write()] == [True]


def test_while_too_much_is_open_the_largest_are_closed(tmp_path: Path):
    stage = Stage(Folder(tmp_path), Bounds(1 << 30, 200_000))
    noise = random.Random(1)
    sizes = {"small": 50, "large": 150, "middle": 100}
    raws = [raw(noise.randbytes(1000), START, name) for name, count in sizes.items() for _ in range(count)]
    stage.archiver.take(records(raws), START)
    stage.cut(START + SECOND)
    assert [name.split("-")[-1] for name in stage.write()] == ["large.zst"]


def test_a_source_of_few_lines_makes_one_frame_of_an_hour(tmp_path: Path):
    stage = Stage(Folder(tmp_path))
    for second in range(50):
        stage.archiver.take(records([raw(b"x", START + second * SECOND)], first=second), START + second * SECOND)
        stage.cut(START + second * SECOND)
    stage.cut(START + 2 * HOUR)
    (name,) = stage.write()
    manifest = open_segment(stage.place, name).manifest
    assert (len(manifest.frames), manifest.records, manifest.logs) == (1, 50, {"log": (0, 49)})


def test_a_closing_that_was_cut_off_is_written_again_under_the_same_names(tmp_path: Path):
    stage = Stage(Folder(tmp_path))
    raws = [raw(b"line %d" % n, START + n, f"source-{n % 3}") for n in range(30)]
    stage.archiver.take(records(raws), START)
    stage.cut(START + 2 * HOUR, everything=True)
    written = stage.write()  # and then the process dies
    stage.restart(START + 2 * HOUR)
    assert stage.write() == written
    stage.commit(stage.archiver.closed())
    assert [one.stored.name for one in segments(stage.place)] == written
    assert [one for _, one in archived(stage)] == sorted(raws, key=lambda one: (one.source, one.received))


def test_what_comes_while_a_closing_is_under_way_is_in_the_next(tmp_path: Path):
    stage = Stage(Folder(tmp_path))
    stage.archiver.take(records([raw(b"first", START)]), START)
    stage.cut(START, everything=True)
    stage.archiver.take(records([raw(b"second", START + 1)], first=1), START)
    stage.cut(START)
    stage.close()
    stage.cut(START, everything=True)
    stage.close()
    assert [one.data for _, one in archived(stage)] == [b"first", b"second"]


@given(st.lists(st.sampled_from(["take", "cut", "close", "die", "die while writing"]), max_size=25), st.randoms())
@settings(max_examples=60, deadline=None)
def test_however_often_it_dies_each_record_is_in_the_chain_once(tmp_path_factory, steps: list[str], chance):
    stage = Stage(Folder(tmp_path_factory.mktemp("archive")), Bounds(200, 2000))
    raws = [raw(b"line %d" % n, START + n * 20 * MINUTE, chance.choice("abc")) for n in range(40)]
    read_to = committed = 0
    now = START
    for step in [*steps, "die", "take", "take", "take", "take", "take", "take"]:
        now += 30 * MINUTE
        if step == "take":
            stage.archiver.take(records(raws[read_to : read_to + 7], first=read_to), now)
            read_to = min(len(raws), read_to + 7)
        if step in {"cut", "close", "die while writing"}:
            stage.cut(now)
            committed = read_to
        if step == "close" and stage.archiver.is_closing:
            stage.write()
            stage.commit(stage.archiver.closed())
        if step == "die while writing":
            for manifest, data in stage.archiver.segments():
                stage.place.put(manifest.name, data)
                if chance.random() < 0.5:
                    break
        if step.startswith("die"):
            stage.restart(now)
            read_to = committed
            if stage.archiver.is_closing:
                stage.write()
                stage.commit(stage.archiver.closed())
    while stage.archiver.open_records:
        stage.cut(now, everything=True)
        stage.write()
        stage.commit(stage.archiver.closed())
    found = sorted((int(key.rsplit("/", 1)[1]), encode(one)) for key, one in archived(stage))
    assert found == [(number, encode(one)) for number, one in enumerate(raws[:read_to])]
    numbers = [one.name.seq for one in segments(stage.place)]
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
