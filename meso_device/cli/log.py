"""The log as commands read it: a connection without any right to change it."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from meso_device.host.home import find_home
from protocols.errors import UsageError

if TYPE_CHECKING:
    import apsw


@contextlib.contextmanager
def reading(home: Path | None) -> Iterator["apsw.Connection | None"]:
    """Open the log of the data directory for reading; None where nothing was ever recorded.

    Raises:
        UsageError: the data directory is none, or cannot be read.
    """
    from meso_device.audit import reader
    from meso_device.audit.birth import DATABASE_NAME
    from meso_device.host.home import existing_home

    root = find_home(home, os.environ)
    if not root.exists() or not (existing_home(root).root / DATABASE_NAME).exists():
        yield None
        return
    with reader.reading(root) as db:
        # A first start that was killed may leave a database without tables.
        begun = db.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'session'").fetchall() != [(0,)]
        yield db if begun else None


@contextlib.contextmanager
def reading_log(home: Path | None) -> Iterator["apsw.Connection"]:
    """Open the log of a data directory that must have one.

    Raises:
        UsageError: nothing was ever recorded there.
    """
    with reading(home) as db:
        if db is None:
            raise UsageError("nothing is recorded in this data directory yet")
        yield db
