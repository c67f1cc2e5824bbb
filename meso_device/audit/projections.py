"""Tables derived from the record bodies, kept in the transaction that appends the record (I-44).

They answer questions fast and decide nothing by themselves: `rebuild` makes the same rows from the bodies.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import groupby, islice
from typing import Final

import apsw

from meso_device.audit import canonical
from meso_device.audit.calibration_rows import CalibrationRows
from meso_device.audit.clinic_rows import ClinicRows
from meso_device.audit.schema import PROJECTIONS
from meso_device.audit.shot_rows import SHOT_KINDS, Body, ShotRows
from meso_device.audit.sql import run
from protocols.errors import require

REBUILD_RECORDS: Final = 256
PATIENT_KINDS: Final = frozenset({1, 2})
_WHOLE: Final = dict.fromkeys(PROJECTIONS, "*")
FINDING_KINDS: Final = frozenset({"conflict", "gun.changed", "orphan", "counter_regression"})


def _is_shot(record: tuple[int, Body]) -> bool:
    return bool(record[1]["kind"] == "shot")


class Projections:
    """Keeps the derived tables of one database; caches row numbers, so call `forget` after any rollback.

    ``log`` is where the records are, when not in the same database.
    """

    def __init__(self, db: apsw.Connection, log: apsw.Connection | None = None) -> None:
        self._db = db
        self._log = db if log is None else log
        self._guns: dict[tuple[str, int], int] = {}
        self._clinic = ClinicRows(db)
        self._shots = ShotRows(db, self._log, self._gun, self._clinic.fitted)
        self._simulated: bool | None = None
        self._apply: dict[str, Callable[[int, Body], None]] = {
            "link.up": self._link_up,
            "grant.prepared": self._grant_prepared,
            "grant.live": self._grant_live,
            "grant.unknown": self._grant_unknown,
            "grant.closed": self._grant_closed,
            "write_off": self._write_off,
            "session.opened": self._session_opened,
            "session.closed": self._session_closed,
            "gap": self._gap,
            "epoch.opened": self._epoch_opened,
            "mass_balance": self._mass_balance,
            "mass_balance.settled": self._balance_from,
            "finding.closed": self._finding_closed,
            "stop": self._stop,
            "stop.heard": self._stop_heard,
            "clock.map": self._clock_map,
            "clock.step": self._clock_step,
            "link.down": self._link_down,
            **self._clinic.apply,
            **CalibrationRows(db).apply,
        }
        for kind in FINDING_KINDS:
            self._apply.setdefault(kind, self._finding)
        self.forget()

    def forget(self) -> None:
        """Drop what is remembered of rows that may be gone."""
        self._guns.clear()
        self._clinic.forget()
        self._shots.forget()
        self._simulated = None
        for (simulated,) in self._db.execute("SELECT simulated FROM house"):
            self._simulated = bool(simulated)

    @property
    def simulated(self) -> bool | None:
        """Whether this data directory is for simulated guns; None while it holds no record of any gun."""
        return self._simulated

    def apply(self, records: Iterable[tuple[int, Body]]) -> None:
        """Derive the rows of records in the order of the log.

        Raises:
            ValueError: a record contradicts what is derived from earlier ones, such as a simulated gun among
            real ones.
        """
        for shots, run_of in groupby(records, key=_is_shot):
            if shots:
                self._apply_shots(list(run_of))
            else:
                for seq, body in run_of:
                    self._apply_one(seq, body)

    def apply_but_for_sums(self, records: Iterable[tuple[int, Body]]) -> None:
        """Derive the rows of records as `apply` does, but of shots no more than to which row of sums they belong."""
        for seq, body in records:
            if body["kind"] != "shot":
                self._apply_one(seq, body)
                continue
            if body["simulated"] is not self._simulated:
                self._settle_house(body["simulated"])
            self._shots.begin(seq, body)

    def _apply_shots(self, records: list[tuple[int, Body]]) -> None:
        for _, body in records:
            if body["simulated"] is not self._simulated:
                self._settle_house(body["simulated"])
        self._shots.apply(records)

    def _apply_one(self, seq: int, body: Body) -> None:
        if "gun" in body and body["simulated"] is not self._simulated:
            self._settle_house(body["simulated"])
        kind = body["kind"]
        apply = self._apply.get(kind)
        if apply is not None:
            apply(seq, body)
        elif kind.startswith("finding."):
            self._finding(seq, body)

    def _settle_house(self, simulated: bool) -> None:
        if self._simulated is not None:
            words = ("real", "simulated")
            raise ValueError(
                f"this data directory holds records of {words[self._simulated]} guns; "
                f"a {words[simulated]} gun needs another --home"
            )
        run(self._db, "INSERT INTO house VALUES(1, ?)", (int(simulated),))
        self._simulated = simulated

    # --- guns ---------------------------------------------------------------------------------------

    def _gun(self, seq: int, body: Body, base_seq: int, chain_hash8: str = "", odometer_nl: int = 0) -> int:
        """Return the row of the gun and epoch, made with this baseline when there is none."""
        gun = body["gun"]
        key = (gun["gun_uid"], gun["log_epoch"])
        row = self._guns.get(key)
        if row is None:
            found = run(self._db, "SELECT id FROM gun WHERE gun_uid = ? AND log_epoch = ?", key)
            if not found:
                found = run(
                    self._db,
                    "INSERT INTO gun VALUES(NULL, ?, ?, ?, ?, ?, 0, 0, ?, ?, 0, 0, 0, ?, ?) RETURNING id",
                    (*key, base_seq, base_seq, chain_hash8, odometer_nl, base_seq, seq, seq),
                )
            row = self._guns[key] = int(found[0][0])
        return row

    def _link_up(self, seq: int, body: Body) -> None:
        """The first contact with a gun and epoch says where its log begins for this host."""
        if body.get("baseline") is True:
            self._gun(seq, body, body["base_seq"], body["chain_hash8"], body["odometer_nl"])
        self._contact(body)

    def _gap(self, seq: int, body: Body) -> None:
        """Shots that are lost stand as a range: later ones join on, and the odometer may have moved by their most."""
        row = self._gun(seq, body, body["from_seq"] - 1)
        run(
            self._db,
            "UPDATE gun SET committed_seq = ?1, chain_hash8 = '', since_hi_nl = since_hi_nl + ?2 "
            "WHERE id = ?3 AND committed_seq = ?4 - 1",
            (body["to_seq"], body["dose_hi_nl"], row, body["from_seq"]),
        )
        self._shots.catch_up(seq, row, body["gun"])

    def _epoch_opened(self, seq: int, body: Body) -> None:
        """A log that was begun anew is the gun's from now on, from here if nothing of it was read before."""
        row = self._gun(seq, body, body["base_seq"], body["chain_hash8"], body["odometer_nl"])
        run(self._db, "UPDATE gun SET touched_seq = ? WHERE id = ?", (seq, row))

    def _link_down(self, _seq: int, body: Body) -> None:
        self._contact(body)

    def _contact(self, body: Body) -> None:
        gun = body.get("gun")
        if gun is not None:
            run(
                self._db,
                "UPDATE gun SET contact_us = max(contact_us, ?) WHERE gun_uid = ? AND log_epoch = ?",
                (body["ts_us"], gun["gun_uid"], gun["log_epoch"]),
            )

    def _clock_step(self, _seq: int, body: Body) -> None:
        run(
            self._db,
            "INSERT INTO clock VALUES(1, ?1, 0) ON CONFLICT DO UPDATE SET stepped_us = stepped_us + ?1",
            (body["step_us"],),
        )

    def _clock_map(self, seq: int, body: Body) -> None:
        run(self._db, "UPDATE clock SET mapped_us = stepped_us")
        run(
            self._db,
            "INSERT INTO clock_map VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
            "ticks_us = excluded.ticks_us, utc_us = excluded.utc_us, error_us = excluded.error_us, seq = excluded.seq",
            (
                body["gun"]["gun_uid"],
                body["boot_id"],
                body["ticks_us"],
                body["utc_us"],
                body["error_us"],
                seq,
            ),
        )

    def _mass_balance(self, seq: int, body: Body) -> None:
        """A balance that holds begins the next sum; one that does not is a finding of the engine."""
        if body["ok"]:
            self._balance_from(seq, body)

    def _balance_from(self, seq: int, body: Body) -> None:
        row = self._gun(seq, body, body["shot_seq"])
        run(
            self._db,
            "UPDATE gun SET odometer_nl = ?, odometer_seq = ?, since_lo_nl = 0, since_hi_nl = 0 WHERE id = ?",
            (body["odometer_nl"], body["shot_seq"], row),
        )
        # Shots beyond the balance, if any were committed before it, belong to the next sum.
        run(
            self._db,
            "UPDATE gun SET (since_lo_nl, since_hi_nl) = (SELECT coalesce(sum(shot.dose_lo_nl), 0), "
            "coalesce(sum(shot.dose_hi_nl), 0) FROM given JOIN shot ON shot.seq BETWEEN given.first_seq AND "
            "given.last_seq AND shot.given = given.id WHERE given.gun = gun.id AND shot.shot_seq > ?1) "
            "WHERE id = ?2 AND (committed_seq > ?1 OR ahead > 0)",
            (body["shot_seq"], row),
        )

    # --- grants -------------------------------------------------------------------------------------

    def _grant_prepared(self, seq: int, body: Body) -> None:
        # The gun's baseline is the head that the grant expects.
        gun = self._gun(seq, body, body["expect_head_seq"])
        run(
            self._db,
            "INSERT INTO grant_row VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'prepared', "
            "coalesce((SELECT mapped_us FROM clock), 0), ?)",
            (
                *(gun, body["grant_no"], SHOT_KINDS[body["shot_kind"]], body.get("sess", ""), body.get("alias", "")),
                *(body["area_code"], body["product"], body["lot"], body["max_shots"], body["max_nl"], seq),
            ),
        )
        run(
            self._db,
            "UPDATE gun SET last_grant_no = max(last_grant_no, ?) WHERE id = ?",
            (body["grant_no"], gun),
        )

    def _grant_live(self, seq: int, body: Body) -> None:
        self._set_grant(seq, body, "live")

    def _grant_unknown(self, seq: int, body: Body) -> None:
        self._set_grant(seq, body, "unknown")

    def _grant_closed(self, seq: int, body: Body) -> None:
        self._set_grant(seq, body, "closed")

    def _write_off(self, seq: int, body: Body) -> None:
        """Nobody waits for this grant any more, and its remainder counts as given for ever."""
        self._set_grant(seq, body, "written_off")

    def _set_grant(self, seq: int, body: Body, state: str) -> None:
        gun = body["gun"]
        # What is over stays so, in whatever order the records come; but a closed one may be doubted, and counts more.
        changed = run(
            self._db,
            "UPDATE grant_row SET state = CASE WHEN state = 'written_off' OR state = 'closed' AND ?1 <> 'written_off' "
            "THEN state ELSE ?1 END "
            "WHERE grant_no = ?2 AND gun = (SELECT id FROM gun WHERE gun_uid = ?3 AND log_epoch = ?4) "
            "RETURNING seq",
            (state, body["grant_no"], gun["gun_uid"], gun["log_epoch"]),
        )
        if not changed:
            raise ValueError(f"record {seq}: grant {body['grant_no']} of gun {gun['gun_uid']} was never prepared here")

    # --- sessions, findings, stops ------------------------------------------------------------------

    def _session_opened(self, seq: int, body: Body) -> None:
        gun = body.get("gun")
        run(self._db,
            "INSERT INTO session VALUES(?, ?, ?, 'open', ?, ?, ?, ?, ?, 0)",
            (
                body["sess"], body.get("alias", ""), body["op"], int(body.get("simulated", False)),
                "" if gun is None else gun["gun_uid"], body.get("protocol", ""), seq, body["ts_us"],
            ),
        )  # fmt: skip

    def _session_closed(self, _seq: int, body: Body) -> None:
        run(
            self._db,
            "UPDATE session SET state = ?, closed_us = ? WHERE sess = ?",
            (body["state"], body["ts_us"], body["sess"]),
        )

    def _finding(self, seq: int, body: Body) -> None:
        gun = body.get("gun")
        code = body.get("code") or body["kind"].removeprefix("finding.")
        run(
            self._db,
            "INSERT INTO finding VALUES(?, ?, ?, ?, NULL)",
            (body["key"], code, "" if gun is None else gun["gun_uid"], seq),
        )

    def _finding_closed(self, seq: int, body: Body) -> None:
        changed = run(
            self._db,
            "UPDATE finding SET closed_seq = coalesce(closed_seq, ?) WHERE key = ? RETURNING key",
            (seq, body["finding"]),
        )
        if not changed:
            raise ValueError(f"record {seq}: there is no finding {body['finding']!r} to close")

    def _stop(self, seq: int, body: Body) -> None:
        gun = body.get("gun")
        run(
            self._db,
            "INSERT INTO stop VALUES(?, ?, ?, ?)",
            (seq, "" if gun is None else gun["gun_uid"], body["stop_no"], int(body["heard"])),
        )

    def _stop_heard(self, _seq: int, body: Body) -> None:
        """The gun has latched, so every STOP pressed before has had its effect, however often it was pressed."""
        gun = body.get("gun")
        run(
            self._db,
            "UPDATE stop SET heard = 1 WHERE heard = 0 AND gun_uid IN ('', ?)",
            ("" if gun is None else gun["gun_uid"],),
        )


def rebuild(source: apsw.Connection, target: apsw.Connection) -> None:
    """Derive the rows of ``target`` anew from the bodies of ``source``; both may be the same connection.

    Runs inside the transaction of the caller.
    """
    for name in PROJECTIONS:
        run(target, f"DELETE FROM {name}")  # noqa: S608  # names from our own schema
    projections = Projections(target, source)
    rows = source.execute("SELECT seq, body FROM record ORDER BY seq")
    while block := list(islice(rows, REBUILD_RECORDS)):
        projections.apply((seq, canonical.decode(body)) for seq, body in block)


def difference(db: apsw.Connection, other: apsw.Connection, compared: Mapping[str, str] = _WHOLE) -> str:
    """Return the first difference between the projections of two databases, or an empty string.

    ``compared`` names tables and the columns of each.
    """
    require(db is not other, "a database was compared with itself")
    for name, columns in compared.items():
        query = f"SELECT {columns} FROM {name} ORDER BY 1, 2"  # noqa: S608  # names from our own schema
        rows, others = db.execute(query), other.execute(query)
        while True:
            row, wanted = rows.fetchone(), others.fetchone()
            if row != wanted:
                return f"table {name} holds {row}, the records say {wanted}"
            if row is None:
                break
    return ""
