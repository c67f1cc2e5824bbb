"""A serial port: pyserial opens and configures it, then its descriptor is read and written here, never blocking.

pyserial's own `write` blocks for ever on a peer that does not read, and its reads cost up to 22 times the floor.
"""

import errno
import fcntl
import grp
import os
import stat
import termios
from contextlib import suppress
from pathlib import Path
from typing import Final

from drivers.port_errors import PORT_ERRORS, hung_up, link_lost
from drivers.port_lock import PortLock
from protocols.errors import UsageError

_READ_SIZE: Final = 4096
# Pseudo-terminals: nothing to set, and TIOCEXCL would outlive a killed host while the gun's end stays open.
_PTY_DIRS: Final = ("/dev/pts/", "/dev/ttys")


class TtyPort:
    """A tty that is open, locked and configured: 8N1, raw, no flow control.

    Attributes:
        name: The name it was opened by.
        low_latency: Whether the driver took the low-latency flag; adapters without it add up to 16 ms.
    """

    __slots__ = ("_fd", "_lock", "_serial", "low_latency", "name")

    def __init__(self, name: str, baud: int, lock_dir: Path | None = None) -> None:
        """Open the port.

        Raises:
            UsageError: no such device, not a serial port, no permission, held by someone else, odd baud rate.
        """
        self.name = name
        device = _device_number(name)
        self._lock = PortLock(name, device, lock_dir)
        try:
            self._open(baud, device)
        except BaseException:
            self._lock.release()
            raise

    def _open(self, baud: int, device: int) -> None:
        import serial  # noqa: PLC0415  # 20 ms that only a process with a port pays

        try:
            # inter_byte_timeout 0 makes VMIN 1: without it the kernel answers 0 bytes both for "nothing yet" and for
            # "hung up".
            self._serial = serial.Serial(self.name, baud, exclusive=True, inter_byte_timeout=0)
        except PORT_ERRORS as error:
            raise _cannot_open(self.name, baud, error) from None
        self._fd = self._serial.fileno()
        self.low_latency = False
        try:
            _check_same(self.name, self._fd, device)
            if not os.path.realpath(self.name).startswith(_PTY_DIRS):
                fcntl.ioctl(self._fd, termios.TIOCEXCL)
                with suppress(*PORT_ERRORS, NotImplementedError):
                    self._serial.set_low_latency_mode(low_latency_settings=True)
                    self.low_latency = True
        except PORT_ERRORS as error:
            self._close_serial()
            raise _cannot_open(self.name, baud, error) from None
        except BaseException:
            self._close_serial()
            raise

    def fileno(self) -> int:
        """Return the descriptor to poll; -1 once closed."""
        return self._fd

    def read(self) -> bytes:
        """Return what is there, at most 4,096 bytes; empty if nothing is.

        Raises:
            LinkLost: the port is gone.
        """
        try:
            data = os.read(self._fd, _READ_SIZE)
        except BlockingIOError:
            return b""
        except PORT_ERRORS as error:
            raise link_lost(self.name, error) from None
        if not data:
            raise hung_up(self.name)
        return data

    def write(self, data: bytes) -> int:
        """Hand over as many bytes as the kernel takes now; 0 if none.

        Raises:
            LinkLost: the port is gone.
        """
        try:
            return os.write(self._fd, data)
        except BlockingIOError:
            return 0
        except PORT_ERRORS as error:
            raise link_lost(self.name, error) from None

    def flush_output(self) -> None:
        """Throw away what the kernel has not sent yet, to let STOP through.

        Raises:
            LinkLost: the port is gone.
        """
        try:
            termios.tcflush(self._fd, termios.TCOFLUSH)
        except PORT_ERRORS as error:
            raise link_lost(self.name, error) from None

    def close(self) -> None:
        """Close and unlock; never raises, once is enough."""
        self._close_serial()
        self._lock.release()

    def _close_serial(self) -> None:
        self._fd = -1
        with suppress(*PORT_ERRORS):
            self._serial.close()


def _device_number(name: str) -> int:
    try:
        status = Path(name).stat()
    except (OSError, ValueError) as error:
        raise _cannot_open(name, 0, error) from None
    if stat.S_ISDIR(status.st_mode):
        raise UsageError(f"{name} is a directory, not a serial port; name the device in it")
    if not stat.S_ISCHR(status.st_mode):
        raise UsageError(f"{name} is not a serial port")
    return status.st_rdev


def _check_same(name: str, fd: int, device: int) -> None:
    if os.fstat(fd).st_rdev != device:
        raise UsageError(f"{name} became another device while it was opened; try again")


def _cannot_open(name: str, baud: int, error: BaseException) -> UsageError:
    number = error.errno if isinstance(error, OSError) else None
    if number in (errno.ENOENT, errno.ENXIO, errno.ENODEV, errno.ENOTDIR):
        return UsageError(f"{name}: no such device; plug the gun in, or list the ports with 'meso guns'")
    if number in (errno.EACCES, errno.EPERM):
        return UsageError(f"{name}: no permission; {_who_may(name)}")
    if number in (errno.EBUSY, errno.EAGAIN):
        return UsageError(f"{name} is in use: it is held by another program; 'fuser {name}' says which")
    if number == errno.ENOTTY or (number is None and not _is_tty(name)):
        return UsageError(f"{name} is not a serial port")
    if isinstance(error, ValueError):
        return UsageError(f"{name}: {baud} baud is not possible on this port")
    return UsageError(f"{name} cannot be opened: {getattr(error, 'strerror', None) or error}")


def _who_may(name: str) -> str:
    try:
        group = grp.getgrgid(Path(name).stat().st_gid).gr_name
    except (OSError, KeyError):
        return "ask who runs this computer"
    if group == "root":
        return "it belongs to root alone; ask who runs this computer"
    return f"it belongs to group {group}: 'sudo usermod -aG {group} $USER', then log in again"


def _is_tty(name: str) -> bool:
    try:
        fd = os.open(name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    except (OSError, ValueError):
        return False
    try:
        return os.isatty(fd)
    finally:
        os.close(fd)
