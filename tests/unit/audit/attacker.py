"""Someone with a database tool, time, and where stated the signing key."""

import contextlib
import json
from base64 import b64encode

import apsw

from meso_device.audit import canonical
from meso_device.audit.checkpoint import Checkpoint, sign
from meso_device.audit.keys import read_secret
from meso_device.audit.projections import rebuild
from meso_device.audit.records import FIRST_PREV, leaf_hash
from meso_device.audit.schema import SCHEMA
from meso_device.audit.tree import Frontier

TRIGGERS = ("record_never_changes", "record_never_goes", "checkpoint_never_changes", "checkpoint_never_goes")


class Attacker:
    """Edits the log of a directory as a list of rows, then writes it back with its derived tables in order."""

    def __init__(self, home):
        self.home = home
        self.db = apsw.Connection(str(home / "audit.db"))
        for trigger in TRIGGERS:
            self.db.execute(f"DROP TRIGGER {trigger}")
        rows = self.db.execute("SELECT key, kind, sess, leaf, body FROM record ORDER BY seq").fetchall()
        self.rows = [dict(zip(("key", "kind", "sess", "leaf", "body"), row, strict=True)) for row in rows]

    def edit(self, at, **changes):
        fields = json.loads(self.rows[at]["body"]) | changes
        self.rows[at]["body"] = canonical.encode(fields)

    def rehash(self, at):
        """Make the hash beside one record that of its bytes."""
        self.rows[at]["leaf"] = leaf_hash(self.rows[at]["body"])

    def rechain(self, first=0):
        """Make the records from ``first`` on follow each other again: numbers, links and hashes."""
        prev = self.rows[first - 1]["leaf"] if first else FIRST_PREV
        for seq, row in list(enumerate(self.rows))[first:]:
            fields = json.loads(row["body"]) | {"seq": seq, "prev": b64encode(prev).decode()}
            row["body"] = canonical.encode(fields)
            row["leaf"] = prev = leaf_hash(row["body"])

    def write(self, *, numbers=None):
        numbers = range(len(self.rows)) if numbers is None else numbers
        with self.db:
            self.db.execute("DELETE FROM record")
            for seq, row in zip(numbers, self.rows, strict=True):
                values = (seq, row["key"], row["kind"], row["sess"], row["leaf"], row["body"])
                self.db.execute("INSERT INTO record VALUES(?, ?, ?, ?, ?, ?)", values)
            # A clumsy attack leaves records that no tables can be made of.
            with contextlib.suppress(ValueError, LookupError, apsw.Error):
                rebuild(self.db, self.db)

    def sign_anew(self):
        """Replace every stored checkpoint by one over the records as they are now."""
        key = read_secret(self.home / "audit.key")
        sizes = [size for (size,) in self.db.execute("SELECT size FROM checkpoint ORDER BY size")]
        with self.db:
            self.db.execute("DELETE FROM checkpoint")
            for size in sorted({min(size, len(self.rows)) for size in sizes}):
                frontier = Frontier()
                frontier.extend(row["leaf"] for row in self.rows[:size])
                note = sign(Checkpoint(key.name, size, frontier.root()), key)
                self.db.execute(
                    "INSERT INTO checkpoint VALUES(?, ?, ?, 'records', 0)", (size, note, b"".join(frontier.peaks))
                )

    def roll_back_checkpoints(self):
        """Delete the stored checkpoints that tell of more records than there are."""
        self.db.execute("DELETE FROM checkpoint WHERE size > ?", (len(self.rows),))

    def close(self):
        """Put the guards back, as nobody would leave them out, and close."""
        for statement in SCHEMA:
            self.db.execute(statement)
        self.db.close()
