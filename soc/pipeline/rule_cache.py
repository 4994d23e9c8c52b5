"""A bundle in, its rule set out: from a file on disk where the same bundle was loaded before, by the same soc, else compiled.

    <directory>/<key>.rules = SHA-256 of what follows | ``soc.sigma.frozen`` bytes

The key is a digest of the bundle's texts and of all that compiles them, so a file is never stale, only unused: the few used last
are kept. Whatever is wrong with a file, or with the directory, the rules are compiled, and a line of the log says why.
"""

import hashlib
import inspect
import os
import stat
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Final

import structlog

import soc
from soc.model import Bundle, rule
from soc.sigma import frozen
from soc.sigma.ruleset import RuleSet

log = structlog.get_logger()

KEPT: Final = 4
"""Files; of 11 MB each with all of SigmaHQ."""
_WORTH: Final = 200
"""Rule files below which compiling takes no longer than is noticed."""
_ABANDONED: Final = 3_600
"""Seconds after which a file that was begun is nobody's any more."""
_DIGEST: Final = hashlib.sha256().digest_size
_NOT_OURS: Final = "it belongs to somebody else, or others may write to it"


def load_cached(bundle: Bundle, directory: Path | None) -> RuleSet:
    """The rule set of a bundle: as ``soc.sigma.load.load`` gives it, but its conditions are made when first asked for.

    Args:
        bundle: the texts as they are now.
        directory: of this user alone; made where it is missing. None = compile.
    """
    if directory is None or len(bundle.files) < _WORTH:
        return _compiled(bundle)
    path = directory / f"{_key(bundle)}.rules"
    try:
        _own(directory)
        rules = _read(path)
    except (OSError, ValueError) as error:
        log.warning("rule cache not used", path=str(path), reason=str(error))
        rules = None
    if rules is not None and rules.hash == bundle.hash:
        return rules
    rules = _compiled(bundle)
    try:
        _own(directory)
        _write(path, frozen.freeze(rules))
    except (OSError, ValueError, OverflowError) as error:
        log.warning("rule set not cached", path=str(path), reason=str(error))
    return rules


def user_directory() -> Path | None:
    """Where commands keep what can be made again (XDG Base Directory Specification); None for a user without a home."""
    told = Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        return (told if told.is_absolute() else Path.home() / ".cache") / "soc" / "rules"
    except RuntimeError:
        return None


def _compiled(bundle: Bundle) -> RuleSet:
    from soc.sigma.load import load  # noqa: PLC0415  # importing pySigma alone takes as long as a cached set

    return load(bundle)


def _key(bundle: Bundle) -> str:
    return hashlib.sha256(f"{_compiler()} {bundle.hash}".encode()).hexdigest()[:32]


@cache
def _compiler() -> str:
    """All that decides what a text becomes: the versions, and the source itself, which changes in between."""
    versions = (soc.__version__, sys.version, version("pysigma"), version("pyyaml"))
    folders = [Path(inspect.getfile(part)).parent for part in (frozen, rule)]
    sources = [path.read_bytes() for folder in folders for path in sorted(folder.glob("*.py"))]
    return hashlib.sha256(repr((versions, sources)).encode()).hexdigest()


def _own(directory: Path) -> None:
    """Makes the directory.

    Raises:
        PermissionError: others could put a rule set into it that is not ours.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not _is_ours(directory.lstat(), stat.S_ISDIR):
        raise PermissionError(_NOT_OURS)


def _is_ours(status: os.stat_result, is_kind: Callable[[int], bool]) -> bool:
    open_to_others = status.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return is_kind(status.st_mode) and status.st_uid == os.geteuid() and not open_to_others


def _read(path: Path) -> RuleSet | None:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except FileNotFoundError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        if not _is_ours(os.fstat(descriptor), stat.S_ISREG):
            raise PermissionError(_NOT_OURS)
        data = memoryview(file.read())
        os.utime(descriptor)  # used now: ``_tidy`` keeps it
    if hashlib.sha256(data[_DIGEST:]).digest() != bytes(data[:_DIGEST]):
        raise ValueError("it is damaged")
    return frozen.thaw(data[_DIGEST:])


def _write(path: Path, data: bytes) -> None:
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".begun-")
    begun = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(hashlib.sha256(data).digest())
            file.write(data)
        begun.replace(path)
    except OSError:
        begun.unlink()
        raise
    _tidy(path.parent)


def _tidy(directory: Path) -> None:
    """Removes what was not used for longest, and what a process that is gone began."""
    by_use = sorted(((path.lstat().st_mtime, path) for path in directory.iterdir()), reverse=True)
    sets = [path for _, path in by_use if path.suffix == ".rules"]
    begun = [path for at, path in by_use if path.name.startswith(".begun-") and at < by_use[0][0] - _ABANDONED]
    for path in [*sets[KEPT:], *begun]:
        path.unlink(missing_ok=True)
