"""Making the derived tables anew from the records, where the records themselves hold."""

from pathlib import Path
from typing import Final

import apsw

from meso_device.accounting.entries import Entry
from meso_device.audit.birth import DATABASE_NAME
from meso_device.audit.check import Damage
from meso_device.audit.database import abandon, open_for_writing
from meso_device.audit.derived_check import check_derived
from meso_device.audit.keys import VerifyKey
from meso_device.audit.projections import rebuild
from meso_device.audit.schema import PROJECTION_STATEMENTS, PROJECTIONS
from meso_device.audit.sql import run
from meso_device.audit.verify import measure_records, stored_vkey
from protocols.errors import MesoError, UsageError

_BACKUP: Final = "keep this data directory as it is, and restore the log from a backup"


def make_derived_anew(home: Path) -> Entry:
    """Verify the records, derive all other tables from them in one transaction, and return the record of it.

    The caller is the one writer of the directory, and commits what is returned.

    Raises:
        UsageError: there is no log, or it cannot be opened.
        AuditWriteFailed: it cannot be written.
        MesoError: the records do not hold, or the file is damaged beyond its tables; nothing was changed.
    """
    path = home / DATABASE_NAME
    if not path.is_file():
        raise UsageError(f"no audit log at {path}; check --home")
    key = VerifyKey.parse(stored_vkey(home))
    db = open_for_writing(path)
    try:
        records = measure_records(db, key)
        found = _what_differs(db)
        run(db, "BEGIN IMMEDIATE")
        for name in PROJECTIONS:
            run(db, f"DROP TABLE {name}")
        for statement in PROJECTION_STATEMENTS:
            run(db, statement)
        rebuild(db, db)
        run(db, "COMMIT")
    except Damage as damage:
        raise MesoError(f"the records themselves do not hold: {damage}; {_BACKUP}") from damage
    except (apsw.Error, ValueError, LookupError, TypeError, AttributeError) as error:
        raise MesoError(f"the derived tables cannot be made anew: {error}; {_BACKUP}") from error
    finally:
        abandon(db)
    return Entry(kind="tables.rebuilt", key=f"tables/{records}/rebuilt", payload={"found": found, "records": records})


def _what_differs(db: apsw.Connection) -> str:
    try:
        check_derived(db)
    except Damage as damage:
        return str(damage)
    return ""
