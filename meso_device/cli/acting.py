"""A command that records what somebody did: PIN and role looked at, the data directory locked, the log open."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import apsw
from msgspec import Struct

from meso_device import __version__
from meso_device.accounting.entries import Entry
from meso_device.accounting.materials import Actor
from meso_device.audit.birth import DATABASE_NAME
from meso_device.audit.database import open_for_reading
from meso_device.audit.store import Store
from meso_device.cli.asking import ask
from meso_device.cli.desk import Desk, commit, open_desk, stamp_of
from meso_device.host.due import commit_due
from meso_device.host.home import HomeLock, existing_home, find_home, lock_holder
from meso_device.people.proofs import PinProof
from meso_device.people.register import Purpose
from meso_device.people.roles import Act, Meaning, role_for
from meso_device.people.signatures import Pair, authorise, sign_entry, sign_together
from protocols.errors import UsageError


class Acting(Struct, frozen=True, kw_only=True):
    """Somebody at work in a data directory that is theirs alone, for one command.

    Attributes:
        desk: People of the data directory.
        store: Its log.
        db: The same log for reading; sees what was committed.
        by: Who acts, as recorded.
        proof: That the right PIN was entered for this command.
    """

    desk: Desk
    store: Store
    db: apsw.Connection
    by: Actor
    proof: PinProof

    def commit(self, *entries: Entry) -> int:
        """Make records durable, all or none, and return how many were new.

        Raises:
            AuditWriteFailed: they are not.
        """
        return commit(self.desk, self.store, *entries)

    def commit_signed(self, entry: Entry, meaning: Meaning, *others: Entry) -> None:
        """Make a record durable, others before it, with the signature on it by the PIN of this command: all or none.

        Raises:
            AuditWriteFailed: they are not.
        """
        self.commit(*others, entry, sign_entry(entry, meaning, self.proof, self.desk.now()))

    def together_with(self, second: str, act: Act) -> Pair:
        """Let a second person, asked for where no login name is given, stand by what is about to be recorded.

        Raises:
            PinRefused, NotAllowed: not these two.
        """
        login = second or ask("Login name of the second person", "name the second person with --second NAME")
        return authorise(act, self.proof, self.desk.prove(login, Purpose.SIGNATURE), self.desk.now())

    def commit_by_two(self, pair: Pair, entry: Entry, *others: Entry) -> None:
        """Make a record durable, others before it, with the signatures of two people on it: all or none.

        Raises:
            AuditWriteFailed: they are not.
        """
        self.commit(*others, entry, *sign_together(entry, pair))


@contextlib.contextmanager
def acting(
    home: Path | None,
    *,
    command: str,
    act: Act,
    sign_in: str,
    pin_file: str,
    purpose: Purpose = Purpose.COMMAND,
) -> Iterator[Acting]:
    """Let somebody act, if name, PIN and role allow it; records of people that were owed are taken over first.

    With `Purpose.SIGNATURE` the PIN is kept for `Acting.commit_signed`.

    Raises:
        PinRefused, NotAllowed: not this person.
        UsageError: another process has the data directory.
    """
    place = existing_home(find_home(home, os.environ))
    # Told before anybody is asked for a PIN.
    holder = lock_holder(place)
    if holder:
        raise UsageError(f"data directory {place.root} is in use by {holder}: end that one first")
    with open_desk(home, command=command, pin_file=pin_file) as desk:
        proof = desk.prove(sign_in, purpose)
        role = role_for(proof.person, act)
        person = proof.person if purpose is Purpose.SIGNATURE else proof.spend(desk.now())
        with HomeLock.take(desk.home, purpose=command):
            store = Store.open(desk.home.root, software=__version__, stamp=stamp_of(desk.now()))
            try:
                commit_due(store, desk.office, stamp_of(desk.now()))
                with contextlib.closing(open_for_reading(desk.home.root / DATABASE_NAME)) as db:
                    by = Actor(op=person.op, role=role.value, utc_us=desk.now().utc_us)
                    yield Acting(desk=desk, store=store, db=db, by=by, proof=proof)
            finally:
                store.close(stamp_of(desk.now()))
