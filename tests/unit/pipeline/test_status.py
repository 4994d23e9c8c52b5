"""What processes say of themselves, on a disk that does not take it."""

from pathlib import Path

from soc.pipeline.status import HostStatus, ProcessStatus, read_statuses, read_supervisor, run_dir, write_status


def block(path: Path) -> None:
    """No file can be made here: stands for a full disk, which root meets too."""
    path.mkdir(parents=True)


def status(pid: int, at: int) -> ProcessStatus:
    return ProcessStatus("engine", pid, ("engine",), 0, at, True, {})


def test_a_status_that_cannot_be_written_leaves_the_one_before_and_ends_nobody(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("os.getpid", lambda: 7)
    write_status(tmp_path, status(7, 1))
    block(run_dir(tmp_path) / "engine.7.tmp")
    write_status(tmp_path, status(7, 2))
    assert [found.at for found in read_statuses(tmp_path)] == [1]


def test_the_supervisor_goes_on_when_its_status_cannot_be_written(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("os.getpid", lambda: 7)
    host = HostStatus(tmp_path)
    block(run_dir(tmp_path) / "supervisor.7.tmp")
    host.say_ended("engine")
    found = read_supervisor(tmp_path)
    assert found is not None
    assert not found.ended
