"""Is what a crash left what the product promised? Judged by the product's own start, and by the rows themselves."""

from pathlib import Path

import apsw

from meso_device.audit.store import Store
from meso_device.audit.verify import verify_home
from protocols.errors import MesoError
from tests.storage.workload import HOME
from tests.unit.audit.clinic import GUN, Clinic, batch, stamp

# The start after a crash comes after everything that was written: a clock set back would be a record of its own.
AFTER_US = 10**9

Row = tuple[int, str, bytes, bytes]


def rows_of(db: apsw.Connection) -> list[Row]:
    """All records as they stand."""
    return db.execute("SELECT seq, key, leaf, body FROM record ORDER BY seq").fetchall()


def judge(root: Path, truth: list[Row], acknowledged: int) -> str:
    """Open what a crash left, go on with it, and return what is wrong; empty when nothing is.

    Args:
        root: Where the image was laid out.
        truth: All records that the recorded run ever committed.
        acknowledged: How many of them somebody was told are safe.
    """
    home = root / HOME
    try:
        store = Store.open(home, software="0.1.0", stamp=stamp(AFTER_US, boot="boot-after"))
    except MesoError as error:
        return f"does not open: {error}"
    this_start = b'"boot":"boot-after"'  # what it records itself: that it began, and a step of the clock
    stored = [row for row in rows_of(store._db) if this_start not in row[3]]
    broken = ""
    if len(stored) < acknowledged:
        broken = f"{acknowledged - len(stored)} of {acknowledged} acknowledged records are lost"
    elif acknowledged and stored != truth[: len(stored)]:
        broken = "records differ from those that were committed"
    elif store._db.execute("PRAGMA integrity_check").fetchall() != [("ok",)]:
        broken = "the database is damaged"
    if not broken:
        broken = _goes_on(store)
    else:
        store.close(stamp(AFTER_US + 1, boot="boot-after"))
    if not broken:
        try:
            broken = verify_home(home).bad
        except MesoError as error:
            broken = f"does not verify: {error}"
    return broken


def _goes_on(store: Store) -> str:
    """The gun delivers again all that it has, and more; the log takes what is new."""
    ledger = store.load_gun(GUN.gun_uid, simulated=True)
    clinic = Clinic()
    entries = [clinic.link_up(), *(clinic.shot() for _ in range(ledger.committed_seq + 1))]
    [result] = store.commit([batch(*entries)], stamp(AFTER_US + 1, boot="boot-after"))
    after = "" if store.broken else store.load_gun(GUN.gun_uid, simulated=True).committed_seq
    store.close(stamp(AFTER_US + 2, boot="boot-after"))
    if not hasattr(result, "appended"):
        return f"takes no more: {result}"
    if after != ledger.committed_seq + 1 or result.conflicts:
        return f"the gun's log goes on at {after} after {ledger.committed_seq}, conflicts {result.conflicts}"
    return ""


def judge_home(home: Path, told: int) -> tuple[int, str]:
    """Take up a log that a process has left; return how many shots it holds, and what is wrong.

    Args:
        home: The data directory.
        told: Newest shot that somebody was told is durable.
    """
    try:
        store = Store.open(home, software="0.1.0", stamp=stamp(AFTER_US, boot="boot-judge"))
        stored = store.load_gun(GUN.gun_uid, simulated=True).committed_seq
        rows = store._db.execute("SELECT count(*) FROM record WHERE kind = 'shot'").fetchall()
        store.close(stamp(AFTER_US + 1, boot="boot-judge"))
        report = verify_home(home)
    except MesoError as error:
        return 0, f"does not open: {error}"
    if stored < told:
        return stored, f"shots {stored + 1} to {told} are lost, which were told"
    if not report.ok or report.shots != stored or rows != [(stored,)]:
        return stored, f"{stored} shots, {report.shots} verified, {rows} rows: {report.bad}"
    return stored, ""
