"""One host a gun: a lock on the device, whatever name it was opened by.

The lock is flock on a file named after the device number, so it ends with the process that holds it, however that
ends; the file stays and names the last holder.
"""

import errno
import fcntl
import os
from pathlib import Path
from tempfile import gettempdir

from protocols.errors import UsageError


class PortLock:
    """A lock held until `release` or the end of the process."""

    __slots__ = ("_fd",)

    def __init__(self, name: str, device: int, lock_dir: Path | None = None) -> None:
        """Take the lock.

        Args:
            name: Name of the port, for messages.
            device: Device number (st_rdev): the same through every symlink.
            lock_dir: Where the lock files are; the user's runtime directory if None.

        Raises:
            UsageError: another process holds it, or there is no place for the file.
        """
        path = (lock_dir or _runtime_dir()) / f"port-{os.major(device)}-{os.minor(device)}.lock"
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.parent.stat().st_uid != os.getuid():
                raise PermissionError(errno.EACCES, "its directory belongs to another user")
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise UsageError(
                f"{name}: lock file {path} cannot be made ({error.strerror}); "
                "set XDG_RUNTIME_DIR to a directory of yours"
            ) from None
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(self._fd, 0)
            os.pwrite(self._fd, b"%d\n" % os.getpid(), 0)
        except BlockingIOError:
            holder = os.pread(self._fd, 20, 0).decode("ascii", "replace").strip() or "?"
            self.release()
            raise UsageError(
                f"{name} is in use: it is held by process {holder}; end that first, or only look on"
            ) from None
        except OSError as error:
            self.release()
            raise UsageError(f"{name}: lock file {path}: {error.strerror}") from None

    def release(self) -> None:
        """Let another process have the port; once is enough, more does nothing."""
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            os.close(fd)


def _runtime_dir() -> Path:
    """Return the user's runtime directory, or one of that user's own among the temporary files."""
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    if runtime.startswith("/"):
        return Path(runtime) / "meso-device"
    return Path(gettempdir()) / f"meso-device-{os.getuid()}"
