"""Names of Unix sockets that fit into an address."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ADDRESS_BYTES_MAX: Final = 100
"""A Unix socket's address holds 104 bytes on macOS and 108 on Linux, its end included."""
# Linux names what is open there, which needs no room on any disk; macOS does not.
_OPEN_FILES: Final = Path("/proc/self/fd")


@contextlib.contextmanager
def short_name(path: Path) -> Iterator[str]:
    """Give a name of the socket that fits into an address, however deep its directory lies."""
    if len(os.fsencode(path)) <= ADDRESS_BYTES_MAX:
        yield str(path)
        return
    if not _OPEN_FILES.is_dir():
        with tempfile.TemporaryDirectory(prefix="meso-") as near:
            (Path(near) / "d").symlink_to(path.parent.resolve())
            yield f"{near}/d/{path.name}"
        return
    fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"{_OPEN_FILES}/{fd}/{path.name}"
    finally:
        os.close(fd)
