"""The operators: enrolled by an administrator, known to records by a random pseudonym, let in by a PIN.

There is no account to begin with: the first operator enrols as an administrator, and from then on only an
administrator changes the register. At least one active administrator always remains.
"""

import os
from collections.abc import Callable, Collection
from enum import StrEnum
from typing import Any, Final

import apsw
from msgspec import Struct

from meso_device.accounting.entries import Entry, Json
from meso_device.people.database import run, transaction
from meso_device.people.lockout import Lockout, Moment, charged, looked_at, remaining_us
from meso_device.people.names import check_login, check_name
from meso_device.people.outbox import put
from meso_device.people.pins import Hasher, check_new_pin
from meso_device.people.proofs import PinProof
from meso_device.people.refusals import LockedOut, PeopleRefused, PinRefused
from meso_device.people.roles import Act, Person, Role, role_for
from protocols.errors import UsageError

ID_BYTES: Final = 16

_COLUMNS: Final = (
    "op, login, name, roles, active, kept, enrolled_us, changes, failures, pause_us, since_boot, since_mono_us, "
    "since_utc_us"
)


class Purpose(StrEnum):
    """What a PIN was entered for, as it is written into records."""

    SIGN_IN = "sign_in"
    COMMAND = "command"
    SIGNATURE = "signature"


class Operator(Struct, frozen=True, kw_only=True):
    """One line of the register.

    Attributes:
        person: Who it is.
        active: Whether the PIN still opens anything.
        enrolled_us: UTC, a label.
        lockout: Wrong PINs so far.
    """

    person: Person
    active: bool
    enrolled_us: int
    lockout: Lockout


class Register:
    """The operators of one data directory. Not for use by two threads at once; each opens its own."""

    def __init__(self, db: apsw.Connection, hasher: Hasher, *, randomness: Callable[[int], bytes] = os.urandom) -> None:
        self._db = db
        self._hasher = hasher
        self._randomness = randomness

    # --- reading ------------------------------------------------------------------------------------

    def operators(self) -> tuple[Operator, ...]:
        """Return all operators, active ones first, by login name."""
        return operators(self._db)

    # --- signing in ---------------------------------------------------------------------------------

    def check(self, login: str, pin: str, now: Moment, *, purpose: Purpose) -> PinProof:
        """Look at a PIN and return the proof; about 0.2 s, so never in a loop that must not wait.

        A wrong PIN, an unknown name and a disabled operator get the same answer. Every try is counted before it is
        looked at. The records that belong to it wait in the outbox, also when this raises.

        Raises:
            LockedOut: too many wrong ones; the PIN was not looked at.
            PinRefused: not accepted.
        """
        row = self._charge(login.strip().lower(), now)
        op, kept = (row["op"], row["kept"]) if row is not None else ("", "")
        right = self._hasher.fits(kept, op, pin)
        with transaction(self._db):
            # Read again: somebody may have been disabled, or given a new PIN, in the meantime.
            fresh = self._row_of(op) if right else None
            if fresh is not None and fresh["active"] and fresh["kept"] == kept:
                self._keep_lockout(op, Lockout())
                person = _person(fresh)
                if purpose is not Purpose.SIGNATURE:
                    self._put("login", f"login/{self._id()}", {"purpose": purpose.value}, op=op, role=_any_role(person))
                return PinProof(person, now)
            state = self._refused(row, now, purpose)
        if state.pause_us:
            raise LockedOut(
                f"name or PIN not accepted; after {state.failures} wrong PINs no other is looked at for "
                f"{_span(state.pause_us)}; STOP works as ever",
                state.pause_us,
            )
        raise PinRefused("name or PIN not accepted")

    def sign_out(self, person: Person, cause: str) -> None:
        """Record that somebody signed out or was signed out; ``cause`` is a code such as ``asked`` or ``idle``."""
        with transaction(self._db):
            self._put("logout", f"logout/{self._id()}", {"cause": cause}, op=person.op, role=_any_role(person))

    def _charge(self, login: str, now: Moment) -> dict[str, Any] | None:
        """Count the try; return the operator, or None where there is none."""
        refusal: LockedOut | None = None
        with transaction(self._db):
            row = self._active(login)
            if row is None:
                return None
            state = looked_at(_lockout(row), now)
            left_us = remaining_us(state, now)
            if left_us:
                refusal = LockedOut(f"no PIN of {login} is looked at for {_span(left_us)}; STOP works as ever", left_us)
            else:
                state = charged(state, now)
            self._keep_lockout(row["op"], state)
        if refusal is not None:
            raise refusal
        return row

    def _refused(self, row: dict[str, Any] | None, now: Moment, purpose: Purpose) -> Lockout:
        """Record a try that was not accepted; return the state of its operator."""
        # A name that nobody has is not recorded: people type PINs there.
        payload: dict[str, Json] = {"purpose": purpose.value, "known": row is not None}
        state = Lockout()
        if row is not None:
            payload["operator"] = row["op"]
            state = _lockout(self._row_of(row["op"]) or row)
            payload["failures"] = state.failures
        self._put("login.failed", f"login/{self._id()}", payload)
        if row is not None and state.pause_us:
            at = state.since or now
            self._put(
                "lockout",
                f"lockout/{row['op']}/{self._id()}",
                {
                    "operator": row["op"],
                    "failures": state.failures,
                    "pause_s": state.pause_us // 1_000_000,
                    "at_us": at.utc_us,
                },
            )
        return state

    # --- changing -----------------------------------------------------------------------------------

    def enrol_first(self, *, login: str, name: str, roles: Collection[Role], pin: str, now: Moment) -> Person:
        """Enrol the first operator, an administrator, who may have other roles besides.

        Raises:
            PeopleRefused: somebody is enrolled already.
            UsageError: a field is refused.
        """
        if Role.ADMINISTRATOR not in roles:
            raise UsageError("the first operator has to be an administrator: add --role administrator")
        return self._enrol(login=login, name=name, roles=roles, pin=pin, now=now, by=None)

    def enrol(self, *, login: str, name: str, roles: Collection[Role], pin: str, now: Moment, by: Person) -> Person:
        """Enrol another operator.

        Raises:
            NotAllowed: ``by`` is no administrator.
            PeopleRefused: the login name is taken.
            UsageError: a field is refused.
        """
        return self._enrol(login=login, name=name, roles=roles, pin=pin, now=now, by=by)

    def set_roles(self, login: str, roles: Collection[Role], *, by: Person) -> None:
        """Give an operator other roles; the roles wanted are given whole.

        Raises:
            NotAllowed: ``by`` is no administrator.
            PeopleRefused: no such operator, or no administrator would remain.
        """
        role = role_for(by, Act.OPERATORS)
        wanted = _roles_text(roles)
        with transaction(self._db):
            row = self._known(login)
            if row["roles"] == wanted:
                return
            if Role.ADMINISTRATOR not in roles:
                self._check_another_administrator(row)
            run(self._db, "UPDATE operator SET roles = ?, changes = changes + 1 WHERE op = ?", (wanted, row["op"]))
            payload: dict[str, Json] = {
                "operator": row["op"],
                "roles_old": list(row["roles"].split(" ")),
                "roles_new": list(wanted.split(" ")),
            }
            key = f"operator/{row['op']}/change/{row['changes'] + 1}"
            self._put("operator.role_changed", key, payload, op=by.op, role=role)

    def disable(self, login: str, *, by: Person) -> None:
        """Close an operator's access for good; the pseudonym stays, the login name is free again.

        Raises:
            NotAllowed: ``by`` is no administrator.
            PeopleRefused: no such operator, or no administrator would remain.
        """
        role = role_for(by, Act.OPERATORS)
        with transaction(self._db):
            row = self._known(login)
            self._check_another_administrator(row)
            run(self._db, "UPDATE operator SET active = 0, kept = '' WHERE op = ?", (row["op"],))
            payload: dict[str, Json] = {"operator": row["op"]}
            self._put("operator.disabled", f"operator/{row['op']}/disabled", payload, op=by.op, role=role)

    def set_pin(self, login: str, pin: str, *, by: Person) -> None:
        """Give an operator a new PIN and forget wrong ones: one's own, or anybody's by an administrator.

        Raises:
            NotAllowed: ``by`` is neither.
            PeopleRefused: no such operator.
            UsageError: the PIN is refused, or is the old one.
        """
        check_new_pin(pin)
        row = self._known(login)
        role = _any_role(by) if row["op"] == by.op else role_for(by, Act.OPERATORS)
        if self._hasher.fits(row["kept"], row["op"], pin):
            raise UsageError("this PIN is refused: it is the old one")
        kept = self._hasher.hash(row["op"], pin)
        with transaction(self._db):
            row = self._known(login)
            run(self._db, "UPDATE operator SET kept = ?, changes = changes + 1 WHERE op = ?", (kept, row["op"]))
            self._keep_lockout(row["op"], Lockout())
            payload: dict[str, Json] = {"operator": row["op"], "own": row["op"] == by.op}
            key = f"operator/{row['op']}/change/{row['changes'] + 1}"
            self._put("operator.pin_changed", key, payload, op=by.op, role=role)

    def _enrol(
        self, *, login: str, name: str, roles: Collection[Role], pin: str, now: Moment, by: Person | None
    ) -> Person:
        role = Role.ADMINISTRATOR if by is None else role_for(by, Act.OPERATORS)
        login, name = check_login(login), check_name(name)
        wanted = _roles_text(roles)
        check_new_pin(pin)
        op = self._id()
        kept = self._hasher.hash(op, pin)
        with transaction(self._db):
            if by is None and run(self._db, "SELECT 1 FROM operator LIMIT 1"):
                raise PeopleRefused("somebody is enrolled here already: an administrator enrols others")
            if self._active(login) is not None:
                raise PeopleRefused(f"the login name {login} is taken; choose another")
            run(
                self._db,
                "INSERT INTO operator VALUES(?, ?, ?, ?, 1, ?, ?, 0, 0, 0, NULL, NULL, NULL)",
                (op, login, name, wanted, kept, now.utc_us),
            )
            payload: dict[str, Json] = {"operator": op, "roles": list(wanted.split(" ")), "first": by is None}
            self._put(
                "operator.enrolled", f"operator/{op}/enrolled", payload, op=op if by is None else by.op, role=role
            )
        return Person(op=op, login=login, name=name, roles=frozenset(roles))

    def _check_another_administrator(self, row: dict[str, Any]) -> None:
        if Role.ADMINISTRATOR not in row["roles"].split(" "):
            return
        others = [
            other
            for other in self.operators()
            if other.active and other.person.op != row["op"] and Role.ADMINISTRATOR in other.person.roles
        ]
        if not others:
            raise PeopleRefused(f"{row['login']} is the last active administrator: enrol another one first")

    # --- rows ---------------------------------------------------------------------------------------

    def _active(self, login: str) -> dict[str, Any] | None:
        return _first(run(self._db, f"SELECT {_COLUMNS} FROM operator WHERE login = ? AND active", (login,)))  # noqa: S608  # our own column names

    def _known(self, login: str) -> dict[str, Any]:
        row = self._active(login.strip().lower())
        if row is None:
            raise PeopleRefused(f"no active operator has the login name {login!r}; 'meso people list' shows all")
        return row

    def _row_of(self, op: str) -> dict[str, Any] | None:
        return _first(run(self._db, f"SELECT {_COLUMNS} FROM operator WHERE op = ?", (op,)))  # noqa: S608  # our own column names

    def _keep_lockout(self, op: str, state: Lockout) -> None:
        since = state.since
        run(
            self._db,
            "UPDATE operator SET failures = ?, pause_us = ?, since_boot = ?, since_mono_us = ?, since_utc_us = ? "
            "WHERE op = ?",
            (
                state.failures,
                state.pause_us,
                None if since is None else since.boot,
                None if since is None else since.mono_us,
                None if since is None else since.utc_us,
                op,
            ),
        )

    def _put(self, kind: str, key: str, payload: dict[str, Json], *, op: str = "system", role: str = "system") -> None:
        put(self._db, Entry(kind=kind, key=key, payload=payload, op=op, role=str(role)))

    def _id(self) -> str:
        return self._randomness(ID_BYTES).hex()


def operators(db: apsw.Connection) -> tuple[Operator, ...]:
    """Return all operators, active ones first, by login name. Any connection will do."""
    rows = run(db, f"SELECT {_COLUMNS} FROM operator ORDER BY active DESC, login, enrolled_us")  # noqa: S608  # our own column names
    return tuple(
        Operator(person=_person(row), active=bool(row["active"]), enrolled_us=row["enrolled_us"], lockout=_lockout(row))
        for row in map(_named, rows)
    )


def _first(rows: list[Any]) -> dict[str, Any] | None:
    return _named(rows[0]) if rows else None


def _named(row: tuple[Any, ...]) -> dict[str, Any]:
    return dict(zip(_COLUMNS.split(", "), row, strict=True))


def _person(row: dict[str, Any]) -> Person:
    return Person(
        op=row["op"],
        login=row["login"],
        name=row["name"],
        roles=frozenset(Role(word) for word in row["roles"].split(" ")),
    )


def _lockout(row: dict[str, Any]) -> Lockout:
    since = None
    if row["since_boot"] is not None:
        since = Moment(boot=row["since_boot"], mono_us=row["since_mono_us"], utc_us=row["since_utc_us"])
    return Lockout(failures=row["failures"], pause_us=row["pause_us"], since=since)


def _roles_text(roles: Collection[Role]) -> str:
    if not roles:
        raise UsageError(f"an operator has at least one role: {', '.join(Role)}")
    return " ".join(role for role in Role if role in roles)


def _any_role(person: Person) -> Role:
    """Return the role named where the act asks for none: the first in the order of `Role`."""
    return next(role for role in Role if role in person.roles)


def _span(span_us: int) -> str:
    minutes, seconds = divmod(-(-span_us // 1_000_000), 60)
    return " ".join(filter(None, [f"{minutes} min" if minutes else "", f"{seconds} s" if seconds else ""]))
