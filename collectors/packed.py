"""A rotated file that was compressed: its path in, a descriptor of its content in an unlinked temporary file out; blocking.

The content is looked at before it is unpacked: a file whose first bytes are not those that were read of it costs one read.
"""

import gzip
import os
import tempfile
import zlib

from collectors.followed import Position

ENDING = b".gz"
MOST = 8 * 1024**3
"""A file that is longer when unpacked is not read: the temporary directory has to hold it."""

_READ = 1024 * 1024


def unpack(path: bytes, position: Position | None = None) -> int | None:
    """A descriptor of the content, with the modification time of the compressed file.

    Args:
        path: of a gzip file.
        position: only if the content begins with this position's ``head``.

    Returns:
        None if it is no such file, is damaged, too long, or if there is no room to unpack it.
    """
    try:
        with gzip.open(path, "rb") as packed, tempfile.TemporaryFile() as whole:
            if position is not None:
                begin = packed.read(len(position.head))
                if begin != position.head:
                    return None
                whole.write(begin)
            size = whole.tell()
            while part := packed.read(_READ):
                size += len(part)
                if size > MOST:
                    return None
                whole.write(part)
            whole.flush()
            fd = os.dup(whole.fileno())
        found = os.stat(path)  # noqa: PTH116 - a path in bytes, which pathlib does not take
        os.utime(fd, ns=(found.st_atime_ns, found.st_mtime_ns))
    except (OSError, EOFError, zlib.error):
        return None
    return fd
