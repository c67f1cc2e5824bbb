"""One opening of a data directory's people: register, vault and the records they owe the log."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Self

import apsw

from meso_device.accounting.entries import Entry
from meso_device.people import outbox
from meso_device.people.database import open_for_reading, open_for_writing, transaction
from meso_device.people.outbox import Due
from meso_device.people.pins import Cost, Hasher, make_pepper, read_pepper
from meso_device.people.register import Operator, Register, operators
from meso_device.people.vault import Vault


class Office:
    """Register and vault on one connection, until `close`. Not for use by two threads at once; each opens its own."""

    def __init__(self, db: apsw.Connection, hasher: Hasher, randomness: Callable[[int], bytes]) -> None:
        self._db = db
        self.register = Register(db, hasher, randomness=randomness)
        self.vault = Vault(db, randomness=randomness)

    @classmethod
    def open(cls, home: Path, *, cost: Cost | None = None, randomness: Callable[[int], bytes] = os.urandom) -> "Office":
        """Open the people of a data directory, or begin with none.

        Raises:
            UsageError: the vault or the pepper is missing its other half, damaged, or open to others.
            VaultBroken: the vault cannot be read or written.
        """
        db = open_for_writing(home)
        try:
            pepper = read_pepper(home) if operators(db) else make_pepper(home)
        except BaseException:
            db.close()
            raise
        return cls(db, Hasher(pepper, cost=cost, randomness=randomness), randomness)

    def due(self) -> Due:
        """Return the next records that the log does not have yet."""
        return outbox.due(self._db)

    def owe(self, entry: Entry) -> None:
        """Keep a record for the log that another process has; whoever has the log next takes it over."""
        with transaction(self._db):
            outbox.put(self._db, entry)

    def settled(self, done: Due) -> None:
        """Forget records that are durable in the log."""
        outbox.settled(self._db, done)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Self:
        """Stay open until the block ends."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()


def read_operators(home: Path) -> tuple[Operator, ...]:
    """Return the operators of a data directory without changing anything; none where nobody was ever enrolled.

    Raises:
        UsageError: the file is of another program or a newer version.
        VaultBroken: it cannot be read.
    """
    db = open_for_reading(home)
    if db is None:
        return ()
    try:
        return operators(db)
    finally:
        db.close()
