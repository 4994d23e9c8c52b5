"""Compiles ``native.pyx`` beside its source, where Cython, a C compiler and Python's headers are; hatchling calls it.

A checkout gets the module in place, a wheel takes it along and is then for this interpreter and platform. Without any of the three
nothing is built and one line says so: ``soc.detect.compiled`` has the same in Python.
"""

import os
import shlex
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

SOURCE = Path("soc/detect/native.pyx")


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


def build(root: Path) -> Path:
    """Compile; the module appears whole or not at all."""
    target = (root / SOURCE).with_suffix(str(sysconfig.get_config_var("EXT_SUFFIX")))
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        code, module = Path(name) / "native.c", Path(name) / "native.so"
        subprocess.run([sys.executable, "-m", "cython", "-3", str(root / SOURCE), "-o", str(code)], check=True)
        include = sysconfig.get_path("include")
        flags = ["-O3", "-fPIC", "-shared", "-fno-strict-aliasing", "-w", f"-I{include}"]
        if sys.platform == "darwin":
            flags += ["-undefined", "dynamic_lookup"]
        subprocess.run([*compiler(), *flags, str(code), "-o", str(module)], check=True)
        module.replace(target)
    return target


class Native(BuildHookInterface[Any]):
    """The hook: see the module."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Called before anything is packed; ``version`` is ``standard`` or ``editable``."""
        if self.target_name != "wheel":
            return
        lacking = missing()
        if lacking:
            self.app.display_warning(f"detection is not compiled: there is no {lacking}. It runs in Python, slower.")
            return
        try:
            target = build(Path(self.root))
        except subprocess.CalledProcessError as error:
            self.app.display_warning(f"detection is not compiled: {error}. It runs in Python, slower.")
            return
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        if version == "standard":
            build_data["artifacts"].append(str(target.relative_to(self.root)))
