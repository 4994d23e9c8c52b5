"""A segment that was taken away, exchanged, altered or cut short is found and named; what is whole is not."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from soc.archive.archiver import Chain
from soc.archive.folder import Folder
from soc.archive.naming import segments
from soc.archive.verify import Verified, chains_of, verify
from tests.unit.archive.archive_support import START, Stage, folder_of_a_day, raw, records


def verified(stage: Stage, known: dict[str, Chain] | None = None) -> Verified:
    chains = chains_of({0: stage.state}) if known is None else known
    return verify(stage.place, chains, base=lambda _: 0, progress=lambda _: None)


def names(stage: Stage) -> list[str]:
    """In the order of the chain."""
    return [one.stored.name for one in sorted(segments(stage.place), key=lambda one: one.name.seq)]


def test_a_whole_archive_verifies_and_tells_its_head(tmp_path: Path):
    stage = folder_of_a_day(tmp_path)
    found = verified(stage)
    assert (found.segments, found.faults) == (6, ())
    (head,) = found.heads
    assert head == stage.archiver.chain


def remove(number: int) -> Callable[[Path, list[str]], None]:
    return lambda root, found: (root / found[number]).unlink()


def alter(root: Path, found: list[str]) -> None:
    path = root / found[2]
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)


def cut(root: Path, found: list[str]) -> None:
    path = root / found[2]
    path.write_bytes(path.read_bytes()[:-3])


def cut_in_the_manifest(root: Path, found: list[str]) -> None:
    path = root / found[2]
    path.write_bytes(path.read_bytes()[:40])


def alter_the_manifest(root: Path, found: list[str]) -> None:
    path = root / found[2]
    path.write_bytes(path.read_bytes().replace(b'"records":5', b'"records":4', 1))


def alter_what_is_said_of_the_chain(root: Path, found: list[str]) -> None:
    path = root / found[2]
    data = path.read_bytes()
    at = data.index(b'"prev":"') + 8
    path.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])


def swap(root: Path, found: list[str]) -> None:
    one, other = root / found[2], root / found[3]
    shutil.move(one, root / "aside")
    shutil.move(other, one)
    shutil.move(root / "aside", other)


def rename(root: Path, found: list[str]) -> None:
    (root / found[2]).rename(root / found[2].replace("192.0.2.7", "192.0.2.8"))


@pytest.mark.parametrize(
    ("harm", "segment", "reason"),
    [
        (remove(0), "00000001 1", "it is missing"),
        (remove(2), "00000001 3", "it is missing"),
        (remove(5), "00000001 6", "it is missing"),
        (alter, "2", "its content is not what was written: the hash does not fit"),
        (cut, "2", "its content has "),
        (cut_in_the_manifest, "2", "the segment is truncated"),
        (alter_the_manifest, "2", "its manifest contradicts itself: it was altered"),
        (alter_what_is_said_of_the_chain, "2", "it does not follow the segment before it: one of the two was altered"),
        (swap, "2", "its name is not the one that its manifest gives: it was renamed or exchanged"),
        (rename, "renamed", "its name is not the one that its manifest gives: it was renamed or exchanged"),
    ],
    ids=[
        "first gone",
        "middle gone",
        "last gone",
        "altered",
        "cut",
        "cut early",
        "manifest",
        "link",
        "swapped",
        "renamed",
    ],
)
def test_harm_is_found_and_named(tmp_path: Path, harm: Callable[[Path, list[str]], None], segment: str, reason: str):
    stage = folder_of_a_day(tmp_path)
    before = names(stage)
    harm(tmp_path, before)
    named = names(stage)[2] if segment == "renamed" else before[int(segment)] if segment.isdigit() else segment
    found = verified(stage).faults
    assert [(fault.segment, fault.reason[: len(reason)]) for fault in found][:1] == [(named, reason)]


def test_a_chain_that_was_written_anew_to_its_end_does_not_fit_the_head(tmp_path: Path):
    stage = folder_of_a_day(tmp_path / "true")
    forged = folder_of_a_day(tmp_path / "forged", lines=4)
    found = verified(forged, chains_of({0: stage.state}))
    assert [fault.reason for fault in found.faults] == ["it is not the one that was written last"]


def test_without_heads_the_chain_is_checked_as_far_as_it_goes(tmp_path: Path):
    stage = folder_of_a_day(tmp_path)
    (tmp_path / names(stage)[-1]).unlink()
    found = verified(stage, {})
    assert [fault.reason for fault in found.faults] == ["the chain 00000001 is none of this installation"]


def test_a_segment_that_is_written_while_the_verification_runs_is_no_fault(tmp_path: Path):
    stage = folder_of_a_day(tmp_path)
    known = chains_of({0: stage.state})
    stage.archiver.take(records([raw(b"later", START)], first=900), START)
    stage.cut(START, everything=True)
    stage.write()  # named in the state, and not committed as closed yet
    found = verified(stage, known)
    assert (found.segments, found.faults) == (7, ())


def test_other_files_in_the_folder_are_left_alone(tmp_path: Path):
    stage = folder_of_a_day(tmp_path)
    (tmp_path / "README").write_text("ours")
    (tmp_path / "2025-12-01" / ".half.zst.new").write_bytes(b"half")
    (tmp_path / "2025-12-01" / "notes.txt").write_text("ours")
    assert verified(stage).faults == ()
    assert Folder(tmp_path).folders() == ["2025-12-01"]
