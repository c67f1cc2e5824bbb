"""Truth and log, read by an outsider, and whether they agree."""

import json
import sqlite3
from base64 import b64encode
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

DEPTH_TOLERANCE_UM = 2
_TRUTH_FIELDS = (
    "gun_uid", "log_epoch", "shot_seq", "kind", "grant_no", "area", "depth_um", "dose_nl", "outcome",
)  # fmt: skip
_SHOT_FIELDS = (
    "gun_uid", "log_epoch", "shot_seq", "session", "area", "kind", "depth_um", "dose_lo_nl", "dose_hi_nl",
    "outcome", "at", "simulated",
)  # fmt: skip

Key = tuple[str, int, int]


@dataclass(frozen=True)
class Truth:
    """One line of a truth file: what a stroke physically did."""

    key: Key
    kind: str
    grant_no: int
    area: str | int
    depth_um: int
    dose_nl: int
    outcome: str


@dataclass(frozen=True)
class Shot:
    """One injection of the log."""

    key: Key
    session: str
    area: str | int
    kind: str
    depth_um: int
    dose_lo_nl: int
    dose_hi_nl: int
    outcome: str
    simulated: bool
    raw: dict


def log_bodies(home: Path) -> list[dict]:
    """Every record of a data directory's log."""
    with closing(sqlite3.connect(f"file:{home / 'audit.db'}?mode=ro", uri=True)) as db:
        return [json.loads(body) for (body,) in db.execute("SELECT body FROM record ORDER BY seq")]


def newest_body(home: Path, kind: str, **fields: object) -> dict:
    """The newest record of a kind that has these fields."""
    return [body for body in log_bodies(home) if body["kind"] == kind and body.items() >= fields.items()][-1]


def _rows(text: str, fields: Iterable[str], name: str) -> list[dict]:
    rows = [json.loads(line) for line in text.splitlines() if line.strip()]
    for row in rows:
        missing = [field for field in fields if field not in row]
        assert not missing, f"{name} lacks {missing}: {row}"
    return rows


def _key(row: dict) -> Key:
    return row["gun_uid"], row["log_epoch"], row["shot_seq"]


def read_truth(path: Path) -> list[Truth]:
    """All complete lines of a truth file; none when it is not there yet."""
    if not path.exists():
        return []
    text = path.read_text()
    rows = _rows(text[: text.rfind("\n") + 1], _TRUTH_FIELDS, "truth")
    return [Truth(_key(row), *(row[name] for name in _TRUTH_FIELDS[3:])) for row in rows]


def read_export(text: str) -> list[Shot]:
    """All objects of ``meso audit export --kind shot --format jsonl``."""
    return [
        Shot(
            _key(row), row["session"], row["area"], row["kind"], row["depth_um"], row["dose_lo_nl"],
            row["dose_hi_nl"], row["outcome"], row["simulated"], row,
        )
        for row in _rows(text, _SHOT_FIELDS, "export")
    ]  # fmt: skip


def read_log(home: Path) -> list[Shot]:
    """All injections of the log in a data directory, by a reader that shares nothing with the product.

    It asks what anybody can ask of the file: each record's hash is that of its body, and each body names the hash of
    the record before it.
    """
    with closing(sqlite3.connect(f"file:{home / 'audit.db'}?mode=ro", uri=True, timeout=5)) as db:
        rows = db.execute("SELECT seq, kind, body, leaf FROM record ORDER BY seq").fetchall()
    before, shots = bytes(32), []
    for no, (seq, kind, raw, leaf) in enumerate(rows):
        body = json.loads(raw)
        assert seq == body["seq"] == no, f"record {no} is called {seq} and {body['seq']}"
        assert leaf == sha256(b"\0" + raw).digest(), f"record {seq} is not what its hash says"
        assert body["prev"] == b64encode(before).decode(), f"record {seq} does not follow the one before it"
        before = leaf
        if kind == "shot":
            shots.append(_shot(body))
    return shots


def kinds_logged(home: Path) -> set[str]:
    """The kinds of all records in a data directory; none where there is no log yet."""
    path = home / "audit.db"
    if not path.exists():
        return set()
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'record'").fetchone():
            return set()
        return {kind for (kind,) in db.execute("SELECT DISTINCT kind FROM record")}


def read_bodies(home: Path, kind: str) -> list[dict]:
    """The records of a kind in a data directory, oldest first."""
    with closing(sqlite3.connect(f"file:{home / 'audit.db'}?mode=ro", uri=True, timeout=5)) as db:
        rows = db.execute("SELECT body FROM record WHERE kind = ? ORDER BY seq", (kind,)).fetchall()
    return [json.loads(raw) for (raw,) in rows]


def _shot(body: dict) -> Shot:
    gun = body["gun"]
    return Shot(
        (gun["gun_uid"], gun["log_epoch"], body["shot_seq"]), body.get("sess", ""), body["area_code"],
        body["shot_kind"], body["measured_depth_um"], body["dose_lo_nl"], body["dose_hi_nl"], body["phase"],
        body["simulated"], body,
    )  # fmt: skip


def _each_once(keys: Iterable[Key], name: str) -> None:
    doubled = [key for key, count in Counter(keys).items() if count > 1]
    assert not doubled, f"more than once in the {name}: {doubled[:5]}"


def disagreement(shot: Shot, truth: Truth, *, power_cut: bool) -> str | None:
    """What is wrong with a logged shot, or None.

    Args:
        shot: As the log has it.
        truth: As it physically was.
        power_cut: Whether the gun may have lost power after a complete stroke and before it could write
            so: then a DONE may be logged as INTERRUPTED, with a range that holds the truth.
    """
    outcomes = {truth.outcome} | ({"INTERRUPTED"} if power_cut else set())
    if shot.outcome not in outcomes:
        return f"outcome {shot.outcome}, was {truth.outcome}"
    if (shot.kind, shot.area) != (truth.kind, truth.area):
        return f"kind and area {shot.kind, shot.area}, were {truth.kind, truth.area}"
    if not 0 <= shot.dose_lo_nl <= truth.dose_nl <= shot.dose_hi_nl:
        return f"dose {truth.dose_nl} nl is outside [{shot.dose_lo_nl}, {shot.dose_hi_nl}]"
    if shot.outcome == "DONE" and abs(shot.depth_um - truth.depth_um) > DEPTH_TOLERANCE_UM:
        return f"depth {shot.depth_um} um, was {truth.depth_um}"
    if shot.simulated is not True:
        return "not marked as simulated"
    return None


def assert_log_equals_truth(export: list[Shot], truth: list[Truth], *, power_cut: bool = False) -> None:
    """Require each physical stroke once in the log and nothing else, with what it truly did."""
    _each_once((shot.key for shot in export), "log")
    _each_once((one.key for one in truth), "truth")
    happened = {one.key: one for one in truth}
    logged = {shot.key: shot for shot in export}
    missing, invented = sorted(happened.keys() - logged.keys()), sorted(logged.keys() - happened.keys())
    assert not missing, f"{len(missing)} missing in the log: {[happened[key] for key in missing[:3]]}"
    assert not invented, f"{len(invented)} in the log that never happened: {[logged[key] for key in invented[:3]]}"
    wrong = {
        key: why for key, shot in logged.items() if (why := disagreement(shot, happened[key], power_cut=power_cut))
    }
    assert not wrong, f"{len(wrong)} of {len(logged)} differ: {list(wrong.items())[:3]}"
