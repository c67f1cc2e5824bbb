"""Damage to the file of the audit log: each byte changed, cut, pages exchanged, the write-ahead file stale or gone.

Each damage is found by `meso audit verify`, or it changed nothing that can be read: every record, every checkpoint and
every derived row, and the schema with its guards, are compared with the undamaged log.
"""

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from meso_device.audit.database import open_for_reading
from meso_device.audit.schema import PROJECTIONS
from meso_device.audit.store import Store
from meso_device.audit.verify import Report, verify_home
from meso_device.cli.output import one_line
from protocols.errors import MesoError
from tests.unit.audit.clinic import Clinic, commit, stamp
from tests.unit.audit.history import WHAT, entry_of

PAGE = 4_096
HEADER = 100
SECTOR = 512


class Unseen(AssertionError):  # noqa: N818  # what has happened
    """Damage that was not found and was not harmless, or that was answered by something else than an error of ours."""


@dataclass
class Found:
    """How damage ended, counted."""

    tried: int = 0
    named: int = 0  # verify says so, and names the record
    said: int = 0  # verify says so
    refused: int = 0  # the file is not opened
    harmless: int = 0  # every row reads as it was
    opened: int = 0  # of the damage found: a host would start with it
    examples: dict[str, str] = field(default_factory=dict)


def make(home: Path) -> Path:
    """Make a small log with records of every sort of table, closed cleanly; return its directory."""
    chance = random.Random("damage")
    store = Store.open(home, software="0.1.0", stamp=stamp(), randomness=chance.randbytes)
    clinic = Clinic()
    commit(store, clinic.link_up(), clinic.opened())
    store.commit([clinic.grant(max_shots=40)], stamp())
    for _ in range(12):
        commit(store, clinic.shot())
    for step, kind in enumerate(WHAT, 1):
        commit(store, entry_of(kind, clinic, chance, step))
    commit(store, clinic.grant_state("closed"), clinic.closed())
    store.close(stamp())
    return home


def rows(home: Path) -> dict[str, list]:
    """Read everything that can be read, table by table."""
    db = open_for_reading(home / "audit.db")
    try:
        tables = {"record": "seq", **dict.fromkeys(PROJECTIONS, "1, 2")}
        read = {name: db.execute(f"SELECT * FROM {name} ORDER BY {by}").fetchall() for name, by in tables.items()}  # noqa: S608
        # Why and when a checkpoint was made are labels outside its signature, that nothing reads.
        read["checkpoint"] = db.execute("SELECT size, note, peaks FROM checkpoint ORDER BY size").fetchall()
        read["schema"] = db.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name").fetchall()
        read["head"] = [(db.pragma("application_id"), db.pragma("user_version"), db.pragma("journal_mode"))]
        return read
    finally:
        db.close()


class Damaged:
    """A copy of a log to be damaged again and again.

    Args:
        original: A whole log.
        scratch: An empty directory; one in memory is quickest.
    """

    def __init__(self, original: Path, scratch: Path) -> None:
        self.home = scratch / "home"
        shutil.copytree(original, self.home)
        self.file = self.home / "audit.db"
        self.data = self.file.read_bytes()
        self.whole = rows(self.home)
        self.found = Found()

    def put(self, data: bytes, wal: bytes | None = None) -> None:
        """Lay down the files as they would be found after the damage."""
        for name in ("audit.db-wal", "audit.db-shm"):
            (self.home / name).unlink(missing_ok=True)
        self.file.write_bytes(data)
        if wal is not None:
            (self.home / "audit.db-wal").write_bytes(wal)

    def judge(self, what: str) -> None:
        """Verify, and compare where nothing was found; then start as a host would.

        Raises:
            Unseen: neither found nor harmless, or answered by a traceback.
        """
        found = self.found
        found.tried += 1
        try:
            report = verify_home(self.home)
        except MesoError as refused:
            self._one_line(what, str(refused))
            found.refused += 1
            return
        except Exception as error:
            raise Unseen(f"{what}: verify ended with {error!r}") from error
        if report.ok:
            self._harmless(what)
        else:
            self._one_line(what, report.bad)
            found.examples.setdefault(report.bad.split(":")[0][:40], what)
            if report.bad_seq is None:
                found.said += 1
            else:
                found.named += 1
                self._first(what, report)

    def start(self, what: str) -> bool:
        """Start as a host would; return whether it did."""
        try:
            store = Store.open(self.home, software="0.1.0", stamp=stamp())
        except MesoError as refused:
            self._one_line(what, str(refused))
            return False
        except Exception as error:
            raise Unseen(f"{what}: the start ended with {error!r}") from error
        store.close(stamp())
        return True

    def _one_line(self, what: str, text: str) -> None:
        if not text or not one_line(text).isprintable() or "bug in meso-device" in text:
            raise Unseen(f"{what}: not one line for a person: {text!r}")

    def _harmless(self, what: str) -> None:
        try:
            now = rows(self.home)
        except (MesoError, apsw.Error, UnicodeDecodeError) as error:
            raise Unseen(f"{what}: verified, and yet cannot be read: {error}") from error
        for name, wanted in self.whole.items():
            if now[name] != wanted:
                pairs = [(was, got) for was, got in zip(wanted, now[name], strict=False) if was != got]
                raise Unseen(f"{what}: verified, and yet {name} reads otherwise: {pairs[:1] or 'rows are missing'}")
        self.found.harmless += 1

    def _first(self, what: str, report: Report) -> None:
        """The record that is named is the first one that reads otherwise, or its neighbour that no longer fits."""
        try:
            now = rows(self.home)["record"]
        except (MesoError, apsw.Error, UnicodeDecodeError):
            return
        wanted = self.whole["record"]
        differ = [seq for seq, row in enumerate(wanted) if seq >= len(now) or now[seq] != row]
        if differ and report.bad_seq is not None and not differ[0] <= report.bad_seq <= differ[0] + 1:
            raise Unseen(f"{what}: record {report.bad_seq} is named, record {differ[0]} is the first that differs")


def flips(data: bytes, places: Iterator[int] | range, chance: random.Random) -> Iterator[tuple[str, bytes]]:
    """Change single bytes: one bit, or the whole byte."""
    for at in places:
        value = data[at] ^ (chance.choice([1 << chance.randrange(8), 0xFF]))
        yield f"byte {at} is {value:#x}, was {data[at]:#x}", data[:at] + bytes([value]) + data[at + 1 :]


def cuts(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Cut the file at each sector, and at its first bytes."""
    for size in [*range(0, HEADER, 9), *range(0, len(data), SECTOR)]:
        yield f"cut at {size}", data[:size]


def page_swaps(data: bytes, chance: random.Random, count: int) -> Iterator[tuple[str, bytes]]:
    """Exchange, repeat and empty whole pages: writes that went elsewhere, or nowhere."""
    pages = len(data) // PAGE
    for _ in range(count):
        one, other = chance.sample(range(pages), 2)
        first, second = (data[at * PAGE : (at + 1) * PAGE] for at in (one, other))
        if first == second:
            continue
        match chance.randrange(3):
            case 0:
                changes, what = {one: second, other: first}, f"pages {one} and {other} exchanged"
            case 1:
                changes, what = {one: second}, f"page {one} is page {other}"
            case _:
                changes, what = {one: bytes(PAGE)}, f"page {one} is empty"
        yield what, b"".join(changes.get(at, data[at * PAGE : (at + 1) * PAGE]) for at in range(pages))


def telling_places(data: bytes) -> list[int]:
    """Return bytes where most is decided: the file's header, page headers, and all that is not zero."""
    heads = {at + k for at in range(0, len(data), PAGE) for k in range(16)}
    return sorted({*range(HEADER), *heads, *(at for at, byte in enumerate(data) if byte)})
