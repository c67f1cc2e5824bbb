"""The data directory: where it is, what lies in it, and who may write to it.

One process at a time owns it (I-31). The lock is the kernel's, so that it ends with its holder however that dies;
what the file says about the holder is only for people.
"""

import errno
import fcntl
import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Final, Self

from msgspec import Struct

from meso_device.audit.reserve import reserve_missing_bytes
from protocols.errors import MesoError, UsageError

HOME_VARIABLE: Final = "MESO_HOME"
FREE_BYTES_MIN: Final = 24 * 1024 * 1024
"""Less free space than this beside the reserve and nothing is begun: what a long session writes, several times over."""
HOST_ID_BYTES: Final = 16
_HOLDER_BYTES_MAX: Final = 200
_OTHERS: Final = 0o077


class Home(Struct, frozen=True):
    """Paths inside the data directory.

    Attributes:
        root: The directory itself, mode 0700.
    """

    root: Path

    @property
    def lock_file(self) -> Path:
        """File whose lock makes its holder the one writer."""
        return self.root / "host.lock"

    @property
    def stop_socket(self) -> Path:
        """Unix socket on which the running host hears ``meso stop``."""
        return self.root / "stop.sock"

    @property
    def view_socket(self) -> Path:
        """Unix socket on which the running host shows itself to ``meso view``."""
        return self.root / "view.sock"

    @property
    def host_id_file(self) -> Path:
        """Random id of this host, under which a gun knows its owner."""
        return self.root / "host.id"

    @property
    def last_port_file(self) -> Path:
        """Name of the port of the last session, for ``meso session resume``."""
        return self.root / "last.port"

    @property
    def link_keys_file(self) -> Path:
        """Link keys of the guns that were paired, mode 0600."""
        return self.root / "link.keys"


def find_home(given: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the data directory: the one given, else ``MESO_HOME``, else the platform's place for user data."""
    if given is not None:
        return given.expanduser()
    named = environ.get(HOME_VARIABLE, "")
    if named:
        return Path(named).expanduser()
    import platformdirs  # noqa: PLC0415  # not needed where the directory is named

    return Path(platformdirs.user_data_dir("meso-device", appauthor=False))


def open_home(root: Path) -> Home:
    """Return the data directory for writing; make it, for its owner only, where it does not exist.

    Raises:
        UsageError: it is no directory, cannot be made or written, or its disk is nearly full.
    """
    try:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        status = root.stat()
        if status.st_uid == os.geteuid() and status.st_mode & _OTHERS:
            root.chmod(status.st_mode & 0o700)
        space = os.statvfs(root)
    except OSError as error:
        raise UsageError(_refusal(root, error)) from None
    free_bytes, needed_bytes = space.f_bavail * space.f_frsize, needed_free_bytes(root)
    if free_bytes < needed_bytes:
        raise UsageError(
            f"data directory {root} refused: {free_bytes // 2**20} MiB free on its disk, "
            f"{needed_bytes // 2**20} MiB needed; free some, or give another with --home"
        )
    return Home(root)


def needed_free_bytes(root: Path) -> int:
    """Return how much free space a start asks for; what the reserve holds already counts as had."""
    return FREE_BYTES_MIN + reserve_missing_bytes(root)


def existing_home(root: Path) -> Home:
    """Return the data directory for reading.

    Raises:
        UsageError: there is none yet, or it cannot be entered.
    """
    try:
        found = root.is_dir()
        if not found and root.exists():
            raise UsageError(f"data directory {root} refused: it is not a directory; give another with --home")
    except OSError as error:
        raise UsageError(_refusal(root, error)) from None
    if not found:
        raise UsageError(f"no data directory at {root}: run a session first, or give another with --home")
    if not os.access(root, os.R_OK | os.X_OK):
        raise UsageError(f"data directory {root} refused: no permission to read it")
    return Home(root)


class HomeLock:
    """The one writer's hold on a data directory, from `HomeLock.take` until `release`."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def take(cls, home: Home, *, purpose: str) -> "HomeLock":
        """Lock the data directory for this process; ``purpose`` is what another process is told.

        Raises:
            UsageError: another process holds it, or the lock file cannot be written.
            RetiredError: the console is retired, so that nothing may be written here.
        """
        from meso_device.audit.retirement import refuse_retired  # noqa: PLC0415  # STOP waits for no database

        refuse_retired(home.root)
        try:
            fd = os.open(home.lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise UsageError(_refusal(home.root, error)) from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.ftruncate(fd, 0)
            os.pwrite(fd, f"{purpose}, process {os.getpid()}\n".encode()[:_HOLDER_BYTES_MAX], 0)
        except BlockingIOError:
            os.close(fd)
            raise UsageError(
                f"data directory {home.root} is in use by {lock_holder(home) or 'another process'}: "
                "look at it with meso view, end it first, or give another with --home"
            ) from None
        except OSError as error:
            os.close(fd)
            raise UsageError(_refusal(home.root, error)) from None
        return cls(fd)

    def release(self) -> None:
        """Let the next process in. The file stays: removing it would let two processes lock two files of one name."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __enter__(self) -> Self:
        """Hold on until the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """Release."""
        self.release()


def lock_holder(home: Home) -> str:
    """Return what the process that holds the data directory says of itself; empty when nobody holds it."""
    try:
        fd = os.open(home.lock_file, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return ""
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(fd, _HOLDER_BYTES_MAX, 0).decode("utf-8", "replace").strip()
        return "".join(letter for letter in text if letter.isprintable()) or "another process"
    except OSError:
        return ""
    finally:
        os.close(fd)
    return ""


def read_host_id(home: Home) -> bytes:
    """Return the random id of this host, drawn at the first call and kept: a gun knows its owner by it.

    Raises:
        UsageError: it cannot be written.
        MesoError: the file holds something else.
    """
    path = home.host_id_file
    try:
        if not path.exists():
            write_private(path, secrets.token_hex(HOST_ID_BYTES) + "\n")
        text = path.read_text("ascii").strip()
        host_id = bytes.fromhex(text)
    except OSError as error:
        raise UsageError(_refusal(home.root, error)) from None
    except ValueError:
        host_id = b""
    if len(host_id) != HOST_ID_BYTES:
        raise MesoError(f"{path} is damaged: remove it, and the next start draws a new id for this host")
    return host_id


def write_private(path: Path, text: str) -> None:
    """Write a small file of mode 0600 whole or not at all.

    Raises:
        OSError: it could not be written.
    """
    fresh = path.with_name(f"{path.name}.{os.getpid()}.new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    except OSError:
        fresh.unlink(missing_ok=True)
        raise


def _refusal(root: Path, error: OSError) -> str:
    if error.errno in {errno.EROFS, errno.EACCES, errno.EPERM}:
        why = "it cannot be written (read-only or no permission)"
    elif error.errno in {errno.ENOSPC, errno.EDQUOT}:
        why = "its disk is full"
    elif error.errno in {errno.ENOTDIR, errno.EEXIST}:
        why = "it is not a directory"
    else:
        why = (error.strerror or "unknown error").lower()
    return f"data directory {root} refused: {why}; give another with --home"
