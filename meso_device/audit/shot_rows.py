"""The rows derived from shots: each shot, the sums over a grant, and how far the log of the gun is committed.

Consecutive shots of one grant are booked together; the rows are the same as one by one.
"""

from base64 import b64decode
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import apsw

from meso_device.audit import canonical
from meso_device.audit.sql import run
from protocols.wire.hashes import record_hash8

SHOT_KINDS: Final = {"TREAT": 1, "DRY": 2, "PRIME": 3, "BENCH": 4, "SERVICE": 5}
# Grants end after some shots, so old row numbers are of no use; the bound keeps the memory of a long run flat.
GIVEN_REMEMBERED_MAX: Final = 64

Body: TypeAlias = "dict[str, Any]"
_Key: TypeAlias = "tuple[Any, ...]"


class ShotRows:
    """Keeps ``shot``, ``given`` and a gun's committed number.

    ``gun_row`` finds or makes the row of a gun, ``fitted`` tells the record that fitted its cartridge, 0 for none.
    """

    def __init__(
        self,
        db: apsw.Connection,
        log: apsw.Connection,
        gun_row: Callable[[int, Body, int], int],
        fitted: Callable[[str], int],
    ) -> None:
        self._db = db
        self._log = log
        self._gun_row = gun_row
        self._fitted = fitted
        self._given: dict[_Key, int] = {}

    def forget(self) -> None:
        """Drop what is remembered of rows that may be gone."""
        self._given.clear()

    def apply(self, records: list[tuple[int, Body]]) -> None:
        """Derive the rows of consecutive shots."""
        group: list[tuple[int, Body]] = []
        group_key: _Key = ()
        next_seq = 0
        for record in records:
            seq, body = record
            shot_seq = body["shot_seq"]
            key = self._key(seq, body)
            if group and (key != group_key or shot_seq != next_seq):
                self._book(group_key, group)
                group = []
            group_key, next_seq = key, shot_seq + 1
            group.append(record)
        self._book(group_key, group)

    def begin(self, seq: int, body: Body) -> None:
        """Make the row of sums that a shot belongs to, where there is none yet, and add nothing to it."""
        self._given_row(self._key(seq, body), seq, body["at_us"] + body["at_err_us"])

    def _key(self, seq: int, body: Body) -> _Key:
        return (
            self._gun_row(seq, body, body["shot_seq"] - 1), body["grant_no"], body.get("sess", ""),
            body.get("alias", ""), body["area_code"], body["product"], body["lot"], SHOT_KINDS[body["shot_kind"]],
            self._fitted(body["gun"]["gun_uid"]),
        )  # fmt: skip

    def _book(self, key: _Key, group: list[tuple[int, Body]]) -> None:
        """Derive the rows of shots with ascending numbers that add to one row of sums."""
        gun, first_seq, (last_seq, last) = key[0], group[0][0], group[-1]
        bodies = [body for _, body in group]
        latest_us = [body["at_us"] + body["at_err_us"] for body in bodies]
        low_nl = sum([body["dose_lo_nl"] for body in bodies])
        high_nl = sum([body["dose_hi_nl"] for body in bodies])
        contact_us = max([body["at_us"] - body["at_err_us"] for body in bodies])
        interrupted = sum([body["phase"] == "INTERRUPTED" for body in bodies])
        given = self._given_row(key, first_seq, latest_us[0])
        self._db.executemany(
            "INSERT INTO shot VALUES(?, ?, ?, ?, ?, ?, ?)",
            [
                (seq, given, body["shot_seq"], body["phase"], body["dose_lo_nl"], body["dose_hi_nl"], at_us)
                for (seq, body), at_us in zip(group, latest_us, strict=True)
            ],
        ).fetchall()
        run(
            self._db,
            "UPDATE given SET shots = shots + ?, interrupted = interrupted + ?, dose_lo_nl = dose_lo_nl + ?, "
            "dose_hi_nl = dose_hi_nl + ?, oldest_us = min(oldest_us, ?), latest_us = max(latest_us, ?), "
            "last_seq = ? WHERE id = ?",
            (len(group), interrupted, low_nl, high_nl, min(latest_us), max(latest_us), last_seq, given),
        )
        run(
            self._db,
            "UPDATE gun SET committed_seq = ?, chain_hash8 = ?, touched_seq = ?, since_lo_nl = since_lo_nl + ?, "
            "since_hi_nl = since_hi_nl + ?, contact_us = max(contact_us, ?) "
            "WHERE id = ? AND committed_seq = ? AND ahead = 0",
            (
                *(last["shot_seq"], _hash8_of(last), last_seq, low_nl, high_nl, contact_us),
                *(gun, group[0][1]["shot_seq"] - 1),
            ),
        )
        if not self._db.changes():
            for seq, body in group:
                self._book_beside_a_hole(gun, seq, body)

    def _book_beside_a_hole(self, gun: int, seq: int, body: Body) -> None:
        """Book a shot of a gun of which one is missing or was: beyond the hole, in it, or before the baseline."""
        run(
            self._db,
            "UPDATE gun SET ahead = ahead + (committed_seq < ?1), touched_seq = ?2, "
            "since_lo_nl = since_lo_nl + ?3 * (odometer_seq < ?1), "
            "since_hi_nl = since_hi_nl + ?4 * (odometer_seq < ?1), contact_us = max(contact_us, ?5) WHERE id = ?6",
            (body["shot_seq"], seq, body["dose_lo_nl"], body["dose_hi_nl"], body["at_us"] - body["at_err_us"], gun),
        )
        self.catch_up(seq + 1, gun, body["gun"])

    def _given_row(self, key: _Key, seq: int, latest_us: int) -> int:
        row = self._given.get(key)
        if row is None:
            found = run(
                self._db,
                "SELECT id FROM given WHERE gun = ? AND grant_no = ? AND sess = ? AND alias = ? "
                "AND area_code = ? AND product = ? AND lot = ? AND kind = ? AND cartridge = ?",
                key,
            )
            if not found:
                found = run(
                    self._db,
                    "INSERT INTO given VALUES(NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0, 0, 0, 0, ?10, ?10, coalesce("
                    "(SELECT stepped_us FROM grant_row WHERE gun = ?1 AND grant_no = ?2), "
                    "(SELECT mapped_us FROM clock), 0), ?11, ?11) RETURNING id",
                    (*key, latest_us, seq),
                )
            if len(self._given) >= GIVEN_REMEMBERED_MAX:
                self._given.clear()
            row = self._given[key] = int(found[0][0])
        return row

    def catch_up(self, seq: int, row: int, gun: Body) -> None:
        """Advance over shots stored before ``seq`` beyond a hole which is closed now."""
        [(ahead, committed)] = run(self._db, "SELECT ahead, committed_seq FROM gun WHERE id = ?", (row,))
        while ahead:
            key = f"shot/{gun['gun_uid']}/{gun['log_epoch']}/{committed + 1}"
            found = run(self._log, "SELECT body FROM record WHERE key = ? AND seq < ?", (key, seq))
            if not found:
                break
            ahead, committed = ahead - 1, committed + 1
            run(
                self._db,
                "UPDATE gun SET ahead = ?, committed_seq = ?, chain_hash8 = ? WHERE id = ?",
                (ahead, committed, _hash8_of(canonical.decode(found[0][0])), row),
            )


def _hash8_of(body: Body) -> str:
    """Return what the gun's next record names as the one before it."""
    gun = body["gun"]
    return record_hash8(bytes.fromhex(gun["gun_uid"]), gun["log_epoch"], b64decode(body["ring"])).hex()
