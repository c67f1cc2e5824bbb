"""The rows derived from what the clinic records: approvals, lots, cartridges, parts, cleaning, checks, overrides."""

import json
from collections.abc import Callable, Mapping
from typing import Final

import apsw

from meso_device.audit.shot_rows import Body
from meso_device.audit.sql import run

ALLERGY: Final = "allergy"
CONSENT: Final = "consent"
CARTRIDGE_CHANGED: Final = "CARTRIDGE_CHANGED"


class ClinicRows:
    """Keeps the clinic's derived tables; ``apply`` has what to do for each kind of record."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._fitted: dict[str, int] = {}
        self.apply: Mapping[str, Callable[[int, Body], None]] = {
            "protocol.approved": self._approved,
            "lot.listed": self._lot_listed,
            "lot.blocked": self._lot_blocked,
            "lot.unblocked": self._lot_unblocked,
            "lot.loaded": self._cartridge_fitted,
            "cartridge.changed": self._cartridge_removed,
            "alarm.raised": self._alarm_raised,
            "waste": self._wasted,
            "needle.changed": self._part_fitted,
            "head.changed": self._part_fitted,
            "reprocessing": self._reprocessed,
            "checklist": self._checked,
            "consent": self._consented,
            "limit.override": self._overridden,
        }

    def forget(self) -> None:
        """Drop what is remembered of rows that may be gone."""
        self._fitted.clear()

    def fitted(self, gun_uid: str) -> int:
        """Return the record that fitted what is in this gun now; 0 for none."""
        seq = self._fitted.get(gun_uid)
        if seq is None:
            found = run(self._db, "SELECT seq FROM cartridge WHERE gun_uid = ? AND removed_seq IS NULL", (gun_uid,))
            seq = self._fitted[gun_uid] = int(found[0][0]) if found else 0
        return seq

    def _approved(self, seq: int, body: Body) -> None:
        run(
            self._db,
            "INSERT INTO approval VALUES(?, ?, ?, ?, ?, ?, ?)",
            (
                *(seq, body["digest"], body["op"], body["ts_us"]),
                *(body["protocol_id"], body["version"], body["name"]),
            ),
        )

    # --- materials ----------------------------------------------------------------------------------

    def _lot_listed(self, seq: int, body: Body) -> None:
        """A lot listed again is corrected: the newest listing counts."""
        run(
            self._db,
            "INSERT INTO lot VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
            "expiry_day = excluded.expiry_day, ingredients = excluded.ingredients, "
            "viscosity_upa_s = excluded.viscosity_upa_s, maker = excluded.maker, seq = excluded.seq",
            (
                *(body["product"], body["lot"], body["expiry_day"], names_text(body["ingredients"])),
                *(body["viscosity_upa_s"], body["maker"], seq),
            ),
        )

    def _lot_blocked(self, seq: int, body: Body) -> None:
        run(
            self._db,
            "INSERT INTO lot_block VALUES(?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
            "reason = excluded.reason, seq = excluded.seq",
            (body["product"], body["lot"], body["reason"], seq),
        )

    def _lot_unblocked(self, _seq: int, body: Body) -> None:
        run(self._db, "DELETE FROM lot_block WHERE product = ? AND lot = ?", (body["product"], body["lot"]))

    def _cartridge_fitted(self, seq: int, body: Body) -> None:
        """What was in the gun until now is out of it, whether or not somebody recorded that."""
        gun_uid = gun_uid_of(body)
        run(
            self._db,
            "UPDATE cartridge SET removed_seq = ? WHERE gun_uid = ? AND removed_seq IS NULL",
            (seq, gun_uid),
        )
        run(
            self._db,
            "INSERT INTO cartridge VALUES(?, ?, ?, ?, ?, ?, ?, ?, 0, NULL, NULL)",
            (
                *(seq, body["cartridge"], gun_uid, body["syringe"], body["geometry_id"]),
                *(body["product"], body["lot"], body["loaded_nl"]),
            ),
        )
        self._fitted.clear()

    def _cartridge_removed(self, seq: int, body: Body) -> None:
        self._change_cartridge(
            "UPDATE cartridge SET removed_seq = coalesce(removed_seq, ?) WHERE cartridge = ? RETURNING seq", seq, body
        )
        self._fitted.clear()

    def _alarm_raised(self, seq: int, body: Body) -> None:
        """What is recorded as fitted may be something else by now (HZ-17).

        A gun that has not said yet which one it is has its alarm recorded again when it is connected.
        """
        if body.get("alarm") == CARTRIDGE_CHANGED and "gun" in body:
            run(
                self._db,
                "UPDATE cartridge SET noticed_seq = ? WHERE gun_uid = ? AND removed_seq IS NULL",
                (seq, gun_uid_of(body)),
            )

    def _wasted(self, seq: int, body: Body) -> None:
        self._change_cartridge(
            "UPDATE cartridge SET waste_nl = waste_nl + ? WHERE cartridge = ? RETURNING seq", seq, body, "waste_nl"
        )

    def _change_cartridge(self, statement: str, seq: int, body: Body, field: str = "") -> None:
        if not run(self._db, statement, (body[field] if field else seq, body["cartridge"])):
            raise ValueError(f"record {seq}: cartridge {body['cartridge']} was never fitted")

    def _part_fitted(self, seq: int, body: Body) -> None:
        run(
            self._db,
            "INSERT INTO part VALUES(?, ?, ?, ?, ?, ?, ?)",
            (
                *(seq, body["part"], body["serial"], body["type_id"]),
                *(body.get("sess", ""), body.get("alias", ""), body["ts_us"]),
            ),
        )

    def _reprocessed(self, seq: int, body: Body) -> None:
        run(
            self._db,
            "INSERT INTO reprocessing VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(seq, gun_uid_of(body), body["part"], body["product"], body["lot"], body["rinse_medium"]),
                *(body["method"], body["op"], body["ts_us"]),
            ),
        )

    # --- one session --------------------------------------------------------------------------------

    def _checked(self, seq: int, body: Body) -> None:
        answer = body["answer"]
        text = answer if isinstance(answer, str) else ",".join(answer)
        noted = bool(body.get("note_hash", ""))
        self._answer(seq, body["sess"], body["item"], text, body.get("ingredients", []), noted=noted)

    def _consented(self, seq: int, body: Body) -> None:
        """A signed form is the answer to the checklist's question for it."""
        self._answer(seq, body["sess"], CONSENT, "yes", [], noted=False)

    def _answer(self, seq: int, sess: str, item: str, answer: str, ingredients: list[str], *, noted: bool) -> None:
        run(
            self._db,
            "INSERT INTO checklist VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET answer = excluded.answer, "
            "ingredients = excluded.ingredients, noted = excluded.noted, seq = excluded.seq",
            (sess, item, answer, names_text(ingredients), int(noted), seq),
        )

    def _overridden(self, seq: int, body: Body) -> None:
        run(
            self._db,
            "INSERT INTO limit_override VALUES(?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
            "reason = excluded.reason, signer = excluded.signer, seq = excluded.seq",
            (body["sess"], body["code"], body["reason"], body["signer"], seq),
        )


def gun_uid_of(body: Body) -> str:
    """Return the gun that a record speaks of, connected or not."""
    return str(body["gun"]["gun_uid"] if "gun" in body else body["gun_uid"])


def names_text(names: list[str]) -> str:
    """Return names as one column."""
    return json.dumps(names, ensure_ascii=False)


def names_of(text: str) -> tuple[str, ...]:
    """Return the names of a column."""
    return tuple(json.loads(text))
