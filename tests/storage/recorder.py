"""Writes down what the product does to a directory: SQLite through a VFS of its own, all else through `os`.

Files that are written without SQLite are looked at whenever a name changes or something is synced: what is new in
them by then was written, and not synced, before.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import apsw

from tests.storage.disk import Change

_JOURNALS = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL


class Recorder:
    """The changes below ``root`` since `recording` began, in order."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        self.changes: list[Change] = []
        self.sqlite: set[str] = set()
        self._seen: dict[str, bytes | None] = {}

    def acknowledge(self, size: int) -> None:
        """Note that somebody was told that this many records are safe."""
        self.note(Change("ack", size=size))

    def note(self, change: Change) -> None:
        """Add a change, after what other files went through before it."""
        self.look()
        self.changes.append(change)

    def look(self) -> None:
        """Note what changed in files that are written without SQLite."""
        for path in sorted(self.root.rglob("*")):
            name = str(path.relative_to(self.root))
            if name in self.sqlite or name.endswith("-shm") or path.is_socket():
                continue
            data = None if path.is_dir() else path.read_bytes()
            if name in self._seen and self._seen[name] == data:
                continue
            if name not in self._seen:
                self.changes.append(Change("mkdir" if data is None else "create", name))
            if data is not None:
                if len(data) < len(self._seen.get(name) or b""):
                    self.changes.append(Change("truncate", name, size=len(data)))
                if data:
                    self.changes.append(Change("write", name, 0, data))
            self._seen[name] = data

    def begin(self) -> None:
        """Take what is there for known and durable."""
        for path in sorted(self.root.rglob("*")):
            name = str(path.relative_to(self.root))
            is_database = not path.is_dir() and path.name.partition("-")[0].endswith(".db")
            if is_database:
                self.sqlite.add(name)
            else:
                self._seen[name] = None if path.is_dir() else path.read_bytes()

    def name(self, path: str | os.PathLike[str]) -> str | None:
        """Return a path relative to the root; None for one outside."""
        absolute = Path(os.path.abspath(path))  # noqa: PTH100  # a name that goes, not the file that it leads to
        if absolute == self.root:
            return ""
        return str(absolute.relative_to(self.root)) if absolute.is_relative_to(self.root) else None

    def renamed(self, old: str | os.PathLike[str], new: str | os.PathLike[str]) -> None:
        """Note a rename that is about to happen."""
        name, target = self.name(old), self.name(new)
        self.look()
        if name is not None and target is not None:
            self._seen[target] = self._seen.pop(name)
            self.changes.append(Change("rename", name, target=target))

    def unlinked(self, path: str | os.PathLike[str]) -> None:
        """Note a removal that is about to happen."""
        name = self.name(path)
        self.look()
        if name is not None and name in self._seen:
            del self._seen[name]
            self.changes.append(Change("unlink", name))

    def synced(self, fd: int) -> None:
        """Note a sync of a file or directory."""
        path = Path(f"/proc/self/fd/{fd}").readlink()
        name = self.name(path)
        if name is not None:
            self.note(Change("syncdir" if path.is_dir() else "sync", name))


class _File(apsw.VFSFile):
    def __init__(self, recorder, base, filename, flags):
        self._recorder = recorder
        path = filename.filename() if isinstance(filename, apsw.URIFilename) else filename
        self._name = recorder.name(path) if path else None
        existed = bool(path) and os.path.exists(path)  # noqa: PTH110
        super().__init__(base, filename, flags)
        # The unix VFS syncs the directory with the first sync of a journal that it made.
        self._sync_directory = False
        if self._name is not None:
            recorder.sqlite.add(self._name)
            if not existed:
                recorder.note(Change("create", self._name))
                self._sync_directory = bool(flags[0] & _JOURNALS)

    def _note(self, change):
        if self._name is not None:
            self._recorder.note(change)

    def xWrite(self, data, offset):  # noqa: N802  # SQLite's name
        super().xWrite(data, offset)
        self._note(Change("write", self._name, offset, bytes(data)))

    def xTruncate(self, newsize):  # noqa: N802  # SQLite's name
        super().xTruncate(newsize)
        self._note(Change("truncate", self._name, size=newsize))

    def xSync(self, flags):  # noqa: N802  # SQLite's name
        super().xSync(flags)
        self._note(Change("sync", self._name))
        if self._sync_directory:
            self._sync_directory = False
            self._note(Change("syncdir", self._name.rpartition("/")[0]))


class _Vfs(apsw.VFS):
    def __init__(self, recorder):
        self._recorder = recorder
        self._base = apsw.vfs_names()[0]
        super().__init__("recorder", base=self._base, makedefault=True)

    def xOpen(self, name, flags):  # noqa: N802  # SQLite's name
        return _File(self._recorder, self._base, name, flags)

    def xDelete(self, filename, syncdir):  # noqa: N802  # SQLite's name
        super().xDelete(filename, syncdir)
        name = self._recorder.name(filename)
        if name is not None and not name.endswith("-shm"):
            self._recorder.note(Change("unlink", name))
            self._recorder.sqlite.discard(name)
            if syncdir:
                self._recorder.note(Change("syncdir", name.rpartition("/")[0]))


@contextmanager
def recording(root: Path) -> Iterator[Recorder]:
    """Record what this process does below a directory until the block ends."""
    recorder = Recorder(root)
    recorder.begin()
    before = {name: getattr(os, name) for name in ("fsync", "rename", "replace", "unlink", "remove")}

    def fsync(fd):
        before["fsync"](fd)
        recorder.synced(fd)

    def moving(name):
        def move(old, new, **others):
            recorder.renamed(old, new)
            return before[name](old, new, **others)

        return move

    def removing(name):
        def remove(path, **others):
            recorder.unlinked(path)
            return before[name](path, **others)

        return remove

    vfs = _Vfs(recorder)
    try:
        with mock.patch.multiple(
            os, fsync=fsync, rename=moving("rename"), replace=moving("replace"),
            unlink=removing("unlink"), remove=removing("remove"),
        ):  # fmt: skip
            yield recorder
            recorder.look()
    finally:
        vfs.unregister()
