"""Names of Unix sockets that fit into an address."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ADDRESS_BYTES_MAX: Final = 100
"""A Unix socket's address holds 104 bytes on macOS and 108 on Linux, its end included."""


@contextlib.contextmanager
def short_name(path: Path) -> Iterator[str]:
    """Give a name of the socket that fits into an address, however deep its directory lies."""
    if len(os.fsencode(path)) <= ADDRESS_BYTES_MAX:
        yield str(path)
        return
    fd = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{fd}/{path.name}"
    finally:
        os.close(fd)
