"""Compiles each ``native.pyx`` beside its source, where Cython, a C compiler and Python's headers are; hatchling calls it.

A checkout gets the modules in place, a wheel takes them along and is then for this interpreter and platform. Without any of the three
nothing is built and one line says so: ``compiled.py`` beside each source has the same in Python. What an older source was
compiled to is taken away first, so that it is never used with a newer one.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SUFFIX = str(sysconfig.get_config_var("EXT_SUFFIX"))  # asked for here: sysconfig's first answer is not made for threads
SOURCES = (Path("soc/detect/native.pyx"), Path("soc/normalize/native.pyx"))


def missing() -> str:
    """What there is not; "" if there is all."""
    try:
        import Cython  # noqa: F401, PLC0415
    except ImportError:
        return "Cython"
    if not shutil.which(compiler()[0]):
        return "a C compiler (apt-get install gcc)"
    if not Path(sysconfig.get_path("include"), "Python.h").exists():
        return "Python.h (apt-get install python3-dev)"
    return ""


def compiler() -> list[str]:
    """The command that compiles C: CC, or what Python itself was compiled with, or ``cc``."""
    command = shlex.split(os.environ.get("CC") or str(sysconfig.get_config_var("CC") or "cc"))
    return command if shutil.which(command[0]) else ["cc"]


def target(root: Path, source: Path) -> Path:
    """Where the module of a source stands."""
    return (root / source).with_suffix(SUFFIX)


def build(root: Path, source: Path) -> Path:
    """Compile one; the module appears whole or not at all."""
    made = target(root, source)
    with tempfile.TemporaryDirectory(dir=made.parent) as name:
        code, module = Path(name) / "native.c", Path(name) / "native.so"
        subprocess.run([sys.executable, "-m", "cython", "-3", str(root / source), "-o", str(code)], check=True)
        include = sysconfig.get_path("include")
        flags = ["-O3", "-fPIC", "-shared", "-fno-strict-aliasing", "-w", f"-I{include}"]
        if sys.platform == "darwin":
            flags += ["-undefined", "dynamic_lookup"]
        subprocess.run([*compiler(), *flags, str(code), "-o", str(module)], check=True)
        module.replace(made)
    return made


def build_all(root: Path) -> list[Path]:
    """Compile every source, side by side.

    Raises:
        subprocess.CalledProcessError: one could not be compiled.
    """
    with ThreadPoolExecutor(len(SOURCES)) as threads:
        return list(threads.map(lambda source: build(root, source), SOURCES))


class Native(BuildHookInterface[Any]):
    """The hook: see the module."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before anything is packed; ``version`` is ``standard`` or ``editable``."""
        if self.target_name != "wheel":
            return
        root = Path(self.root)
        for source in SOURCES:
            target(root, source).unlink(missing_ok=True)
        lacking = missing()
        if lacking:
            self._warn(f"there is no {lacking}")
            return
        try:
            made = build_all(root)
        except subprocess.CalledProcessError as error:
            self._warn(str(error))
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        if version == "standard":
            build_data["artifacts"] += [str(path.relative_to(root)) for path in made]

    def _warn(self, why: str) -> None:
        self.app.display_warning(f"detection and normalization are not compiled: {why}. They run in Python, slower.")
