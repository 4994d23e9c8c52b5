"""The binding ``file``: a package is whole or not there, nothing is delivered by writing it, and a retry changes nothing."""

import asyncio
import json
from hashlib import sha256
from pathlib import Path

import msgspec
import pytest
from package_made import PAPER, receiver, sealed

from soc.errors import SettingsError
from soc.forward.bindings.file import FilePackage
from soc.forward.outbox import TRANSITIONS
from soc.forward.package import writing
from soc.forward.package.writing import name_of, signed_of
from soc.receiver import Receiver


@pytest.fixture
def place(tmp_path):
    directory = tmp_path / "packages"
    directory.mkdir()
    return directory


def send(place, report, may_leave=lambda: True, **changes):
    return asyncio.run(FilePackage(receiver(place, **changes)).send(report, may_leave))


def verify(place, report):
    return asyncio.run(FilePackage(receiver(place)).verify(report))


def test_a_package_holds_the_sealed_bytes_the_form_the_mail_and_their_hashes(place):
    report = sealed()
    happened = send(place, report)
    path = place / name_of(report)
    assert path.name.startswith("INC-2026-000001-notice_initial-1-")
    assert sorted(item.name for item in path.iterdir()) == ["form.pdf", "mail.txt", "manifest.json", "report.json"]
    assert (path / "report.json").read_bytes() == report.payload
    manifest = json.loads((path / "manifest.json").read_bytes())
    assert manifest["sealed_sha256"] == report.payload_sha256
    for one in manifest["files"]:
        assert one["sha256"] == sha256((path / one["name"]).read_bytes()).hexdigest()
    assert str(path) in happened.detail


def test_a_written_package_is_not_delivered_it_waits_for_a_person(place):
    happened = send(place, sealed())
    assert TRANSITIONS["sending", happened.kind] == "held"
    assert TRANSITIONS["held", "delivered"] == "out_of_band"


def test_writing_again_changes_nothing(place):
    report = sealed()
    send(place, report)
    before = {item: (item.read_bytes(), item.stat().st_mtime_ns) for item in (place / name_of(report)).iterdir()}
    assert send(place, report).kind == "unknowable"
    assert before == {item: (item.read_bytes(), item.stat().st_mtime_ns) for item in before}


def test_other_bytes_under_its_name_are_never_overwritten(place):
    report = sealed()
    send(place, report)
    other = msgspec.structs.replace(report, payload=report.payload.replace(b"INC-2026", b"INC-2026", 1) + b" ")
    assert send(place, other).kind == "rejected"
    assert verify(place, other).kind == "differs"
    assert (place / name_of(report) / "report.json").read_bytes() == report.payload


def test_after_a_restart_the_package_is_looked_for_before_it_is_written_again(place):
    report = sealed()
    assert verify(place, report).kind == "absent"
    send(place, report)
    assert verify(place, report).kind == "unknowable"


@pytest.mark.parametrize("name", ["report.json", "form.pdf", "mail.txt", "manifest.json"])
def test_killed_at_any_file_it_leaves_no_package_and_the_next_attempt_writes_it(place, monkeypatch, name):
    real = writing._write

    def dies(path: Path, data: bytes) -> None:
        if path.name == name:
            real(path, data[: len(data) // 2])
            raise KeyboardInterrupt
        real(path, data)

    report = sealed()
    monkeypatch.setattr(writing, "_write", dies)
    with pytest.raises(KeyboardInterrupt):
        writing.write(place, report, PAPER, lambda: True)
    monkeypatch.undo()
    assert verify(place, report).kind == "absent"
    assert send(place, report).kind == "unknowable"
    assert [item.name for item in place.iterdir()] == [name_of(report)]


def test_one_that_comes_too_late_does_not_appear(place):
    happened = send(place, sealed(), may_leave=lambda: False)
    assert happened.kind == "unavailable"
    assert list(place.iterdir()) == []


def test_a_directory_that_is_not_there_is_waited_for(place):
    place.rmdir()
    assert send(place, sealed()).kind == "unavailable"
    assert verify(place, sealed()).kind == "unreachable"


def test_a_file_in_the_place_of_the_directory_is_waited_for(place):
    place.rmdir()
    place.write_bytes(b"")
    assert send(place, sealed()).kind == "unavailable"


def test_a_font_that_is_missing_is_waited_for_and_named(place, tmp_path):
    happened = send(place, sealed(), paper=PAPER.model_copy(update={"fonts": str(tmp_path / "none")}))
    assert happened.kind == "unavailable"
    assert "install fonts-noto-core" in happened.detail


def test_bytes_that_are_no_report_are_refused(place):
    assert send(place, msgspec.structs.replace(sealed(), payload=b"{}")).kind == "rejected"


def test_a_signed_form_is_ours_with_a_signature_appended_and_nothing_else():
    ours = {"form.pdf": b"%PDF-1.4 form %%EOF\n"}
    assert signed_of(ours, ours["form.pdf"] + b"12 0 obj << /ByteRange [0 1 2 3] >> %%EOF") == "form.pdf"
    assert signed_of(ours, ours["form.pdf"]) == ""
    assert signed_of(ours, ours["form.pdf"] + b"no signature") == ""
    assert signed_of(ours, b"%PDF-1.4 changed %%EOF\n/ByteRange") == ""


def test_settings_that_fit_no_package_are_refused(tmp_path):
    with pytest.raises(SettingsError, match="needs a directory"):
        FilePackage(Receiver(binding="file"))
    with pytest.raises(ValueError, match="url belongs to the other bindings"):
        Receiver(binding="file", url="https://nhan.example")
    with pytest.raises(ValueError, match="directory belongs to the binding file"):
        Receiver(directory=str(tmp_path))
