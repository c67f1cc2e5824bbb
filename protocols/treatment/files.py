"""Reading a treatment protocol file from a disk that may hold anything under its name."""

import os
import stat
from pathlib import Path
from typing import Final

from protocols.treatment.problems import Problem, TreatmentFileError
from protocols.treatment.text import FILE_BYTES_MAX, too_large

_KINDS: Final = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISLNK, "a symbolic link; name the file itself, for a link may come to mean another file"),
    (stat.S_ISFIFO, "a pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def read_treatment_file(path: Path) -> bytes:
    """Return the bytes of a regular file of at most `FILE_BYTES_MAX` bytes; never waits.

    Only the last part of the path must not be a symbolic link; the directories above may be.

    Raises:
        TreatmentFileError: not there, not readable, not a regular file, too large.
    """
    name = str(path)
    try:
        # Looked at before it is opened, as opening a device may act on it; the flags cover a swap in between.
        _check(name, os.lstat(path))
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_NOCTTY | os.O_CLOEXEC)
        try:
            _check(name, os.fstat(descriptor))
            return _read(name, descriptor)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise _refusal(name, "there is no such file") from None
    except OSError as error:
        raise _refusal(name, f"cannot be read: {error.strerror}") from None
    except ValueError:
        raise _refusal(name, "the name holds a NUL character") from None


def _check(name: str, status: os.stat_result) -> None:
    for is_kind, kind in _KINDS:
        if is_kind(status.st_mode):
            raise _refusal(name, f"not a file but {kind}")
    if status.st_size > FILE_BYTES_MAX:
        raise _refusal(name, too_large(status.st_size))


def _read(name: str, descriptor: int) -> bytes:
    """Read to the end; a file that grows meanwhile is refused like a large one."""
    data = b""
    while len(data) <= FILE_BYTES_MAX:
        block = os.read(descriptor, FILE_BYTES_MAX + 1 - len(data))
        if not block:
            return data
        data += block
    raise _refusal(name, too_large(len(data)))


def _refusal(name: str, what: str) -> TreatmentFileError:
    return TreatmentFileError(name, [Problem(1, 1, what)])
