"""A vault that is older than its log: what the log tells of people since then is done again, as far as it tells.

The log knows pseudonyms alone. Access that was closed is closed again, roles are those that were given last, and who
was erased is erased. Who was enrolled since, and which PIN somebody took, is told nowhere.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import apsw
from msgspec import Struct

from meso_device.people.database import finish_erasure, open_for_writing, run, transaction
from meso_device.people.roles import Role


class Followed(Struct, frozen=True, kw_only=True):
    """What was done again, and what cannot be.

    Attributes:
        erased: Patients who were erased again.
        closed: Login names whose access is closed again, or whose roles are those given last.
        kept: Login names whose access or role was taken away, and who keep it: no other administrator is in the vault.
        old_pins: Login names whose PIN is an older one again.
        operators_lost: Operators who were enrolled since; nobody knows who they are.
        patients_lost: Patients who were enrolled since; nobody knows who they are.
    """

    erased: int = 0
    closed: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    old_pins: tuple[str, ...] = ()
    operators_lost: int = 0
    patients_lost: int = 0


def follow(home: Path, told: Iterable[Mapping[str, Any]]) -> Followed:
    """Bring a vault up to its log.

    Args:
        home: The data directory; nobody else has it open.
        told: Fields of all records of operators, patients and erasures, in the order of the log.

    Raises:
        VaultBroken: the vault cannot be written; nothing of it was changed.
    """
    db = open_for_writing(home)
    try:
        following = _Following(db)
        with transaction(db):
            for record in told:
                following.one(record)
        finish_erasure(db)
    finally:
        db.close()
    return following.done()


class _Following:
    """The vault as it is brought up to the log, record by record."""

    def __init__(self, db: apsw.Connection) -> None:
        self._db = db
        self._erased: set[str] = set()
        self._closed: dict[str, None] = {}
        self._kept: dict[str, None] = {}
        self._old_pins: dict[str, None] = {}
        self._operators_lost: set[str] = set()
        self._patients_lost: set[str] = set()

    def one(self, record: Mapping[str, Any]) -> None:
        """Follow one record; kinds that change nothing here are passed over."""
        match record["kind"]:
            case "operator.enrolled":
                if not run(self._db, "SELECT 1 FROM operator WHERE op = ?", (record["operator"],)):
                    self._operators_lost.add(record["operator"])
            case "operator.role_changed":
                if self._is_new_change(record):
                    self._take_away(record["operator"], roles=" ".join(record["roles_new"]))
            case "operator.pin_changed":
                if self._is_new_change(record):
                    self._old_pins[self._login(record["operator"])] = None
            case "operator.disabled":
                self._take_away(record["operator"], roles="")
            case "patient.enrolled":
                if not run(self._db, "SELECT 1 FROM patient WHERE alias = ?", (record["alias"],)):
                    self._patients_lost.add(record["alias"])
            case "subject.erased":
                self._erase(record["alias"])

    def done(self) -> Followed:
        """Return what became of it."""
        return Followed(
            erased=len(self._erased),
            closed=tuple(self._closed),
            kept=tuple(self._kept),
            old_pins=tuple(self._old_pins),
            operators_lost=len(self._operators_lost),
            patients_lost=len(self._patients_lost),
        )

    def _is_new_change(self, record: Mapping[str, Any]) -> bool:
        """Count a change of an operator that the vault does not have, so that the next one has a number of its own."""
        number = int(record["key"].rpartition("/")[2])
        return bool(
            run(
                self._db,
                "UPDATE operator SET changes = ? WHERE op = ? AND changes < ? RETURNING op",
                (number, record["operator"], number),
            )
        )

    def _take_away(self, op: str, *, roles: str) -> None:
        """Give an active operator these roles, or none and no access, if an administrator then remains."""
        if not run(self._db, "SELECT 1 FROM operator WHERE op = ? AND active", (op,)):
            return
        login = self._login(op)
        others = run(self._db, "SELECT roles FROM operator WHERE active AND op <> ?", (op,))
        if not any(Role.ADMINISTRATOR in held.split(" ") for held in [roles, *(row[0] for row in others)]):
            self._kept[login] = None
        elif roles:
            run(self._db, "UPDATE operator SET roles = ? WHERE op = ?", (roles, op))
            self._closed[login] = None
        else:
            run(self._db, "UPDATE operator SET active = 0, kept = '' WHERE op = ?", (op,))
            self._closed[login] = None

    def _erase(self, alias: str) -> None:
        self._patients_lost.discard(alias)
        run(self._db, "DELETE FROM note WHERE alias = ?", (alias,))
        if run(self._db, "DELETE FROM patient WHERE alias = ? RETURNING alias", (alias,)):
            self._erased.add(alias)
            run(self._db, "INSERT OR IGNORE INTO chore VALUES('vacuum')")

    def _login(self, op: str) -> str:
        return str(run(self._db, "SELECT login FROM operator WHERE op = ?", (op,))[0][0])
