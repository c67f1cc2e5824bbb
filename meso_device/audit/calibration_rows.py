"""The rows derived from runs at the bench: what became of each, and until when it holds."""

from collections.abc import Callable, Mapping
from typing import Final

import apsw

from meso_device.audit.shot_rows import Body
from meso_device.audit.sql import run
from meso_device.calibration.record import ADJUSTED, BEGUN, ENDED, JUDGED, SIGNED, Stage

_BY_STAGE: Final = {
    Stage.AS_FOUND: "UPDATE calibration_run SET as_found = ? WHERE run = ? RETURNING run",
    Stage.AS_LEFT: "UPDATE calibration_run SET as_left = ? WHERE run = ? RETURNING run",
}


class CalibrationRows:
    """Keeps ``calibration_run``; readings change nothing in it.

    Attributes:
        apply: What to do for each kind of record.
    """

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self.apply: Mapping[str, Callable[[int, Body], None]] = {
            BEGUN: self._begun,
            JUDGED: self._judged,
            ADJUSTED: self._adjusted,
            ENDED: self._ended,
            SIGNED: self._signed,
        }

    def _begun(self, seq: int, body: Body) -> None:
        run(
            self._db,
            "INSERT INTO calibration_run VALUES(?, ?, ?, ?, 'open', '', '', ?, ?, ?, 0, 0, NULL)",
            (
                *(body["run"], body["gun"]["gun_uid"], body["what"], body["geometry_id"], body["cal_hash8"]),
                *(seq, body["ts_us"]),
            ),
        )

    def _judged(self, seq: int, body: Body) -> None:
        self._change(seq, body, _BY_STAGE[Stage(body["stage"])], body["verdict"])

    def _adjusted(self, seq: int, body: Body) -> None:
        self._change(
            seq, body, "UPDATE calibration_run SET cal_hash8 = ? WHERE run = ? RETURNING run", body["cal_hash8"]
        )

    def _ended(self, seq: int, body: Body) -> None:
        self._change(
            seq,
            body,
            "UPDATE calibration_run SET state = ?, cal_hash8 = ?, ended_us = ?, due_day = ? WHERE run = ? "
            "RETURNING run",
            *(body["state"], body["cal_hash8"], body["ts_us"], body["due_day"]),
        )

    def _signed(self, seq: int, body: Body) -> None:
        self._change(seq, body, "UPDATE calibration_run SET signed_seq = ? WHERE run = ? RETURNING run", seq)

    def _change(self, seq: int, body: Body, statement: str, *values: str | int) -> None:
        if not run(self._db, statement, (*values, body["run"])):
            raise ValueError(f"record {seq}: the calibration run {body['run']!r} was never begun here")
