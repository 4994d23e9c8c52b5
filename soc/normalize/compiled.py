"""What of ``native.pyx`` was built on this machine; None where nothing was: whoever asks then does the same in Python.

It is built by hatchling (``.ci/native.py``) where there is a C compiler. It never decides a result, only how long that takes (ADR 0026).
"""

try:
    from soc.normalize import native
except ImportError:
    native = None

__all__ = ["native"]
