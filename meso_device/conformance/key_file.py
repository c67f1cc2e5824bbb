"""The link key of a gun in a file of its owner's: never in a command line, which everybody on the computer can see."""

import os
from typing import Final

from drivers.link_auth import parse_link_key
from protocols.errors import UsageError

_OTHERS: Final = 0o077
_LINE_MAX: Final = 100


def read_key_file(option: str, path: str) -> bytes:
    """Return the link key in the first line of a file, as it is written on a gun's card.

    Args:
        option: Under which the file was named, for the message.
        path: The file.

    Raises:
        UsageError: it cannot be read, others can read it too, or it holds something else; never quotes it.
    """
    try:
        with open(path, encoding="utf-8", errors="replace") as file:  # noqa: PTH123  # a path as it was typed
            if os.fstat(file.fileno()).st_mode & _OTHERS:
                raise UsageError(f"{option} {path} can be read by others; run: chmod 600 {path}")
            line = file.readline(_LINE_MAX)
    except OSError as error:
        raise UsageError(f"{option} {path} cannot be read: {error.strerror}") from None
    return parse_link_key(line)
