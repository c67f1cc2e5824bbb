"""The logs of all consoles as one: derived anew for each question, in an order that is derived as well.

A gun may go from console to console, so who was treated with it before whom is seen only in all logs together. Within a
console the order is that of its log; between consoles it is that of their clocks.
"""

from collections.abc import Mapping
from itertools import islice
from typing import Any, Final

import apsw
from msgspec import Struct, field

from meso_device.audit import canonical
from meso_device.audit.amendments import AMEND, FILLING, amendment_key
from meso_device.audit.database import Log, open_in_memory
from meso_device.audit.projections import Projections
from meso_device.audit.sql import run
from meso_device.calibration.record import BEGUN, KINDS
from meso_device.collector.database import Connection

BLOCK_RECORDS: Final = 256
LOOKED_AT: Final = (
    *("link.up", "grant.prepared", "grant.live", "grant.unknown", "grant.closed", "write_off", "shot"),
    *("session.opened", "session.closed", "lot.listed", FILLING, "cartridge.changed"),
    *("needle.changed", "head.changed", "reprocessing", AMEND),
    *sorted(KINDS),
)
READ_AGAIN: Final = frozenset({"session.opened", *KINDS})
"""Questions about these read the record itself, and not only what is derived of it."""
BEGINNINGS: Final = {"session.opened": "sess", BEGUN: "run"}
"""Which field of it names what begins."""
_GRANT_SHIFT: Final = 32
"""Two consoles may have numbered a grant for one gun alike: above the gun's own 32 bits stands whose it is."""

# A clock that was set back never puts a record before the one that it follows in its log.
_IN_ORDER: Final = (
    "SELECT origin, seq, kind, body FROM (SELECT origin, seq, kind, body, "
    "max(ts_us) OVER (PARTITION BY origin ORDER BY seq) AS at_us FROM meso.record WHERE kind = ANY(%s)) AS told "
    "ORDER BY at_us, origin, seq"
)
# Of an injection that several logs tell of the one is taken that knows whose it was, else the first.
_TOLD_AGAIN: Final = (
    "WITH told AS (SELECT gun_uid, log_epoch, shot_seq, origin, seq, 1 AS place FROM meso.shot_witness UNION ALL "
    "SELECT gun_uid, log_epoch, shot_seq, origin, seq, 0 FROM meso.shot WHERE EXISTS (SELECT FROM meso.shot_witness "
    "WHERE (shot_witness.gun_uid, shot_witness.log_epoch, shot_witness.shot_seq) = "
    "(shot.gun_uid, shot.log_epoch, shot.shot_seq))) "
    "SELECT origin, seq FROM (SELECT origin, seq, row_number() OVER (PARTITION BY gun_uid, log_epoch, shot_seq "
    "ORDER BY record.sess IS NULL, place, origin, seq) AS no FROM told JOIN meso.record USING (origin, seq)) "
    "AS numbered WHERE no > 1"
)


class Fleet(Struct, frozen=True):
    """All logs as one, of real guns and of simulated ones apart.

    Attributes:
        real: Tables for `meso_device.records.lookback`, of consoles with real guns.
        simulated: The same of consoles with simulated guns.
        console_of: Name of the console by session, and by run at the bench.
        lacking: What could not be read, a line each: a look-back must say so.
    """

    real: Log
    simulated: Log
    console_of: dict[str, str] = field(default_factory=dict)
    lacking: list[str] = field(default_factory=list)

    def close(self) -> None:
        """Forget all of it."""
        self.real.close()
        self.simulated.close()


def gather(db: Connection) -> Fleet:
    """Read what is asked of all consoles; each injection once.

    Raises:
        psycopg.Error: PostgreSQL does not answer.
    """
    fleet = Fleet(open_in_memory(), open_in_memory())
    with db.transaction():
        db.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        names = {origin: str(name) for origin, name in db.execute("SELECT origin, name FROM meso.console").fetchall()}
        simulated = {
            origin for (origin,) in db.execute("SELECT DISTINCT origin FROM meso.checkpoint WHERE simulated").fetchall()
        }
        again = set(db.execute(_TOLD_AGAIN).fetchall())
        into = {
            True: _Deriving(fleet.simulated, names, fleet),
            False: _Deriving(fleet.real, names, fleet),
        }
        with db.cursor(name="records") as cursor:
            cursor.itersize = BLOCK_RECORDS
            rows = enumerate(cursor.execute(_IN_ORDER, ([*LOOKED_AT],)))
            while block := list(islice(rows, BLOCK_RECORDS)):
                for whether, deriving in into.items():
                    deriving.take(
                        [
                            _Told(number, origin, seq, kind, body)
                            for number, (origin, seq, kind, body) in block
                            if (origin in simulated) is whether and (origin, seq) not in again
                        ]
                    )
    return fleet


class _Told(Struct, frozen=True):
    """A record, and its place among those of all consoles."""

    number: int
    origin: str
    seq: int
    kind: str
    body: bytes


class _Deriving:
    """Makes the tables of one kind of consoles; a record that is not as it should be is told and left out."""

    def __init__(self, db: Log, names: Mapping[str, str], fleet: Fleet) -> None:
        self._db = db
        self._names = names
        self._numbers = {origin: number for number, origin in enumerate(sorted(names))}
        self._fleet = fleet
        self._projections = Projections(db)
        self._fillings: dict[tuple[str, int], int] = {}

    def take(self, records: list[_Told]) -> None:
        if self._applied(records):
            return
        for record in records:
            if not self._applied([record]):
                name = self._names[record.origin]
                self._fleet.lacking.append(f"record {record.seq} of {name} is not as such a record is")

    def _applied(self, records: list[_Told]) -> bool:
        run(self._db, "SAVEPOINT block")
        try:
            self._projections.apply([(record.number, self._read(record)) for record in records])
        except (ValueError, LookupError, TypeError, AttributeError, OverflowError, apsw.Error):
            run(self._db, "ROLLBACK TO block")
            self._projections.forget()
            return False
        finally:
            run(self._db, "RELEASE block")
        return True

    def _read(self, record: _Told) -> dict[str, Any]:
        fields = canonical.decode(record.body)
        if record.kind == FILLING:
            self._fillings[record.origin, record.seq] = record.number
        elif record.kind == AMEND and fields["target_kind"] == FILLING:
            # It names its filling by the place in its own log.
            target_seq = self._fillings[record.origin, fields["target_seq"]]
            key = amendment_key(target_seq, fields["field"], int(fields["key"].rpartition("/")[2]))
            self._keep(record, key, canonical.encode(fields | {"seq": record.number, "target_seq": target_seq}))
        if record.kind in READ_AGAIN:
            self._keep(record, fields["key"], record.body)
            if record.kind in BEGINNINGS:
                self._fleet.console_of[fields[BEGINNINGS[record.kind]]] = self._names[record.origin]
        if "grant_no" in fields:
            fields["grant_no"] |= self._numbers[record.origin] << _GRANT_SHIFT
        return fields

    def _keep(self, record: _Told, key: str, body: bytes) -> None:
        row = (record.number, key, record.kind, None, b"", body)
        run(self._db, "INSERT INTO record VALUES(?, ?, ?, ?, ?, ?)", row)
