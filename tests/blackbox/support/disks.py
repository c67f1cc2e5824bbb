"""Small disks that can be filled, and places on a real disk."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_IN_MEMORY = {"tmpfs", "ramfs"}


def file_system_of(path: Path) -> str:
    """Type of the file system that holds a path; empty where the kernel does not say."""
    try:
        mounts = Path("/proc/self/mountinfo").read_text()
    except OSError:
        return ""
    best, kind = -1, ""
    for line in mounts.splitlines():
        before, _, after = line.partition(" - ")
        point = before.split(" ")[4].rstrip("/")
        if (str(path.resolve()) + "/").startswith(point + "/") and len(point) >= best:
            best, kind = len(point), after.split(" ")[0]
    return kind


def durable_parent() -> Path:
    """A directory for temporary files that is not in memory where there is a choice."""
    choices = [Path(tempfile.gettempdir()), Path("/var/tmp")]  # noqa: S108  # only a parent for mkdtemp
    return next((path for path in choices if path.is_dir() and file_system_of(path) not in _IN_MEMORY), choices[0])


@contextmanager
def small_disk(point: Path, size_mib: int) -> Iterator[bool]:
    """Mount a small file system at an empty directory; gives False where this is not allowed."""
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={size_mib}m,mode=0700", "none", point],
        capture_output=True,
        check=False,
    )
    try:
        yield done.returncode == 0
    finally:
        if done.returncode == 0:
            subprocess.run(["umount", "--lazy", point], check=True, capture_output=True)


def fill(directory: Path, *, leave: int = 0) -> Path:
    """Take all that is left of the disk but some bytes with one file; removing it gives it back."""
    ballast = directory / "ballast"
    fd = os.open(ballast, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        if leave:
            space = os.statvfs(directory)
            os.posix_fallocate(fd, 0, space.f_bavail * space.f_frsize - leave)
            return ballast
        for size in (1 << 20, 1 << 12, 1):
            while True:
                try:
                    os.write(fd, b"\0" * size)
                except OSError:
                    break
    finally:
        os.close(fd)
    return ballast
