"""Is this directory a place where a commit means something? And making directory entries durable."""

import contextlib
import os
from pathlib import Path
from typing import Final

from protocols.errors import UsageError

# Locks and fsync of SQLite's write-ahead log do not hold over a network.
_NETWORK: Final = frozenset(
    {"nfs", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afs", "ncpfs", "9p", "fuse.sshfs", "fuse.rclone"}
)
_MEMORY: Final = frozenset({"tmpfs", "ramfs"})
_MOUNTS: Final = Path("/proc/self/mountinfo")


def check_filesystem(directory: Path) -> str:
    """Refuse a network file system; return a notice for one in memory, else an empty string.

    A file system in memory is allowed because practice and tests run there; the notice is to be shown. Where
    the kernel does not say what is mounted, nothing is refused.

    Raises:
        UsageError: the directory is on a network file system.
    """
    kind = _filesystem_kind(directory)
    if kind in _NETWORK:
        raise UsageError(f"{directory} is on a network file system ({kind}); put the data directory on a local disk")
    if kind in _MEMORY:
        return f"{directory} is in memory ({kind}): the audit log will not outlive a power cut; practice only"
    return ""


def _filesystem_kind(directory: Path) -> str:
    try:
        mounts = _MOUNTS.read_text(errors="replace")
    except OSError:
        return ""
    return kind_from_mounts(mounts, str(directory.resolve()))


def kind_from_mounts(mountinfo: str, path: str) -> str:
    """Return the type of the file system that holds an absolute path, from the text of ``mountinfo(5)``."""
    best, kind = -1, ""
    for line in mountinfo.splitlines():
        before, divider, after = line.partition(" - ")
        fields = before.split(" ")
        if not divider or len(fields) < 5:
            continue
        point = fields[4].replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\")
        inside = path == point or path.startswith(point.rstrip("/") + "/")
        # Of two mounts on one point the later one is seen.
        if inside and len(point) >= best:
            best, kind = len(point), after.split(" ")[0]
    return kind


def sync_names_above(directory: Path) -> None:
    """Make the way to a directory durable, as far up as its file system goes: a log is lost with any name on it.

    A directory that may not be read cannot be synced, and was not made by us.
    """
    device = directory.stat().st_dev
    for parent in directory.resolve().parents:
        if parent.stat().st_dev != device:
            return
        with contextlib.suppress(PermissionError):
            sync_directory(parent)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
