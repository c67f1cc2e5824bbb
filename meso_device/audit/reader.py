"""Reading the log of a data directory without any right to change it, also while a host is running."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from meso_device.audit.birth import DATABASE_NAME
from meso_device.audit.database import open_for_reading
from protocols.errors import UsageError


@contextmanager
def reading(home: Path) -> Iterator[apsw.Connection]:
    """Give a read-only connection for `meso_device.audit.queries`.

    Raises:
        UsageError: there is no log, or what was read inside the block cannot be from an undamaged one.
    """
    db = open_for_reading(home / DATABASE_NAME)
    try:
        yield db
    except (apsw.Error, ValueError, LookupError, TypeError) as error:
        raise UsageError(f"the audit log cannot be read ({error}); run: meso audit verify") from error
    finally:
        db.close()
