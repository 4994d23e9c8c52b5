"""The same of every place where segments can be kept: a folder, and a bucket behind a stand-in that checks signatures."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from soc.archive.bucket import Bucket
from soc.archive.folder import Folder
from soc.archive.naming import segments
from soc.archive.place import Place, Stored
from soc.archive.verify import chains_of, verify
from soc.clock import HOUR
from soc.errors import UnavailableError
from soc.settings import ArchiveSettings
from tests.unit.archive.archive_support import START, Stage, raw
from tests.unit.archive.s3_standin import ACCESS, BUCKET, SECRET, Standin, standin


def bucket(server: Standin, secret: str = SECRET, name: str = BUCKET, endpoint: str = "") -> Bucket:
    return Bucket(
        ArchiveSettings(
            url=f"s3://{name}/province/archive",
            endpoint=endpoint or server.endpoint,
            access_key=ACCESS,
            secret_key=secret,
            timeout_seconds=1,
        )
    )


@pytest.fixture(scope="module")
def _server() -> Iterator[Standin]:
    with standin() as server:
        yield server


@pytest.fixture
def server(_server: Standin) -> Standin:
    _server.objects.clear()
    _server.broken = False
    return _server


@pytest.fixture(params=["folder", "bucket"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    return (
        Folder(tmp_path / "deep" / "archive")
        if request.param == "folder"
        else bucket(request.getfixturevalue("server"))
    )


def test_an_empty_place_has_nothing(place: Place):
    assert (list(place.folders()), list(place.list("")), list(place.list("2025-12-01/"))) == ([], [], [])


def test_what_is_put_can_be_got_whole_and_in_part(place: Place):
    place.put("2025-12-01/one", b"0123456789")
    assert place.get("2025-12-01/one") == b"0123456789"
    assert place.get("2025-12-01/one", 3, 4) == b"3456"
    assert place.get("2025-12-01/one", 8, 100) == b"89"
    assert place.get("2025-12-01/one", 10) == b""
    assert place.size("2025-12-01/one") == 10


def test_putting_again_replaces(place: Place):
    place.put("2025-12-01/one", b"old and longer")
    place.put("2025-12-01/one", b"new")
    assert (place.get("2025-12-01/one"), list(place.list(""))) == (b"new", [Stored("2025-12-01/one", 3)])


def test_a_listing_holds_what_is_below_a_folder_however_much_it_is(place: Place):
    for number in range(20):
        place.put(f"2025-12-01/{number:02d} %2F=ü", b"x" * number)
    place.put("2025-12-02/other", b"")
    found = sorted(place.list("2025-12-01/"))
    assert found == [Stored(f"2025-12-01/{number:02d} %2F=ü", number) for number in range(20)]
    assert list(place.folders()) == ["2025-12-01", "2025-12-02"]


def test_what_is_not_there_is_said_so_and_can_be_deleted(place: Place):
    place.put("2025-12-01/one", b"x")
    place.delete("2025-12-01/one")
    place.delete("2025-12-01/one")
    assert list(place.folders()) == []
    with pytest.raises(FileNotFoundError):
        place.get("2025-12-01/one")
    with pytest.raises(FileNotFoundError):
        place.size("2025-12-01/one")


def test_an_archive_in_it_verifies_and_what_was_taken_away_is_missed(place: Place):
    stage = Stage(place)
    stage.archive([raw(b"x", START + hour * HOUR, name) for hour in range(30) for name in ("a", "b/ü %", "=c")])
    known = chains_of({0: stage.state})
    whole = verify(place, known, base=lambda _: 0, progress=lambda _: None)
    assert (whole.segments, whole.faults) == (90, ())
    place.delete(next(one.stored.name for one in segments(place) if one.name.seq == 40))
    harmed = verify(place, known, base=lambda _: 0, progress=lambda _: None)
    assert [fault.missing for fault in harmed.faults] == [40]


def test_a_folder_that_cannot_be_written_is_unavailable(tmp_path: Path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(UnavailableError, match=r"see \[archive\] path"):
        Folder(tmp_path / "file").put("2025-12-01/one", b"x")


def test_half_of_a_file_never_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    place = Folder(tmp_path)
    place.put("2025-12-01/one", b"old")
    monkeypatch.setattr("soc.archive.folder.os.fsync", full)
    with pytest.raises(UnavailableError, match="No space left"):
        place.put("2025-12-01/one", b"new")
    assert [(path.name, path.read_bytes()) for path in (tmp_path / "2025-12-01").iterdir()] == [("one", b"old")]


def test_a_bucket_that_is_broken_or_gone_or_refuses_the_key_is_unavailable(server: Standin):
    server.broken = True
    with pytest.raises(UnavailableError):
        bucket(server).put("2025-12-01/one", b"x")
    server.broken = False
    with pytest.raises(UnavailableError, match=r"see \[archive\] url, endpoint and keys"):
        bucket(server, secret="another").put("2025-12-01/one", b"x")
    with pytest.raises(UnavailableError):
        bucket(server, endpoint="http://127.0.0.1:9").put("2025-12-01/one", b"x")
    assert server.objects == {}


def test_no_message_holds_the_secret(server: Standin):
    with pytest.raises(UnavailableError) as raised:
        bucket(server, name="other", secret="hush hush").put("2025-12-01/one", b"x")
    assert "hush" not in str(raised.value)
