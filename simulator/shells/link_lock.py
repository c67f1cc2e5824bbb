"""One gun a link: a lock file beside the link, held with flock and so free again however its holder ends."""

import fcntl
import os
from contextlib import suppress
from pathlib import Path

from protocols.errors import UsageError


class LinkLock:
    """The lock on a link's name, held until `release` or the end of the process."""

    __slots__ = ("_fd", "_path")

    def __init__(self, link: Path) -> None:
        """Take the lock; a file left by a killed gun is free.

        Args:
            link: The link's name; the lock file stands beside it.

        Raises:
            UsageError: a living gun holds it, or the file cannot be made.
        """
        self._fd = -1
        self._path = link.with_name(f".{link.name}.lock")
        try:
            while not self._take():
                pass
        except BlockingIOError:
            raise UsageError(
                f"link {link} refused: another simulated gun stands there; end it or name another"
            ) from None
        except OSError as error:
            raise UsageError(f"link {link} refused: {error.strerror}; name one that can be made") from error

    def release(self) -> None:
        """Let another gun have the name; once is enough, more does nothing."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            with suppress(OSError):  # a file that stays is free all the same
                self._path.unlink()  # before the lock goes: a gun that waits at the name makes its own file
            os.close(fd)

    def _take(self) -> bool:
        """Lock the file; False if its last holder took it away between our opening and locking it."""
        self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if os.path.samestat(os.fstat(self._fd), self._path.stat()):
                return True
        except FileNotFoundError:
            pass
        except OSError:
            os.close(self._fd)
            raise
        os.close(self._fd)
        return False
