"""A file system that fails on demand: every write, sync and truncate of SQLite passes through here and is counted."""

from contextlib import contextmanager

import apsw


class FaultyFile(apsw.VFSFile):
    def __init__(self, disk, filename, flags):
        self.disk = disk
        super().__init__(disk.base_name, filename, flags)

    def xWrite(self, data, offset):  # noqa: N802  # SQLite's name
        self.disk.happen("write")
        super().xWrite(data, offset)

    def xSync(self, flags):  # noqa: N802  # SQLite's name
        self.disk.happen("sync")
        super().xSync(flags)

    def xTruncate(self, newsize):  # noqa: N802  # SQLite's name
        self.disk.happen("truncate")
        super().xTruncate(newsize)


class FaultyDisk(apsw.VFS):
    """Fails the operation with number ``fail_at``, counted from 1, or the next of the kind ``fail_next``.

    ``once`` lets later ones through again.
    """

    def __init__(self, name="faulty"):
        self.base_name = ""
        self.operations = []
        self.fail_at = 0
        self.fail_next = ""
        self.once = True
        self.error = apsw.IOError
        super().__init__(name, base="", makedefault=True)

    def happen(self, what):
        self.operations.append(what)
        number = len(self.operations)
        if what == self.fail_next:
            self.fail_next = ""
            raise self.error(f"planted fault at {what} {number}")
        if self.fail_at and (number == self.fail_at or (number > self.fail_at and not self.once)):
            raise self.error(f"planted fault at {what} {number}")

    def xOpen(self, name, flags):  # noqa: N802  # SQLite's name
        return FaultyFile(self, name, flags)


@contextmanager
def faulty_disk():
    before = apsw.vfs_names()[0]
    disk = FaultyDisk()
    disk.base_name = before
    try:
        yield disk
    finally:
        disk.unregister()
