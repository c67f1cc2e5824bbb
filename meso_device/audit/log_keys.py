"""The keys that a log was signed with, one after the other, as its own records and checkpoints prove it.

A rotation is a record that names the old key and the new one, and right behind it a checkpoint that both have signed:
the old key vouches for the new one, and from then on counts for nothing that is longer. So whoever has written down any
one of the keys can follow to the newest, and who has stolen an old one cannot sign on.
"""

import contextlib

import apsw
from msgspec import Struct

from meso_device.audit import canonical
from meso_device.audit.check import Damage
from meso_device.audit.checkpoint import Checkpoint, open_note, read_unsigned
from meso_device.audit.keys import VerifyKey
from meso_device.audit.sql import run
from protocols.errors import MesoError, UsageError

CREATED = "key.created"
ROTATED = "key.rotated"
ROTATIONS_MAX = 99


class Era(Struct, frozen=True):
    """One key, and the size from which on it signs."""

    key: VerifyKey
    since: int


class LogKeys(Struct, frozen=True):
    """The keys of a log in the order of their use, at least one."""

    eras: tuple[Era, ...]

    @classmethod
    def alone(cls, key: VerifyKey) -> "LogKeys":
        """Return the keys of a log that never had another."""
        return cls((Era(key, 0),))

    def followed_by(self, key: VerifyKey, since: int) -> "LogKeys":
        """Return these, and another one from a size on."""
        return LogKeys((*self.eras, Era(key, since)))

    @property
    def name(self) -> str:
        """Name of the log."""
        return self.first.name

    @property
    def first(self) -> VerifyKey:
        """The key that the log was begun with."""
        return self.eras[0].key

    @property
    def newest(self) -> VerifyKey:
        """The key that signs now."""
        return self.eras[-1].key

    def open(self, note: str) -> Checkpoint:
        """Return the checkpoint of a note signed by the key of its size, and by both where one gave way to the next.

        Raises:
            UsageError: malformed, of another log, or not signed so.
        """
        size = read_unsigned(note).size
        last = self._last(size)
        if self.is_by_former(note):
            given_up = self.eras[last].since
            raise UsageError(
                f"the checkpoint of {size} records is signed by a key that was given up at {given_up} records: "
                "somebody else has that key"
            )
        if last and size == self.eras[last].since:
            open_note(note, self.eras[last - 1].key)
        return open_note(note, self.eras[last].key)

    def is_by_former(self, note: str) -> bool:
        """Return whether a note is signed by a key that had been given up, and not by the one of its size."""
        last = self._last(read_unsigned(note).size)
        return not _signed(note, self.eras[last].key) and any(_signed(note, era.key) for era in self.eras[:last])

    def next_rotation(self, size: int) -> int | None:
        """Return the next size above this one at which one key gave way to the next; None if none did."""
        return next((era.since for era in self.eras if era.since > size), None)

    def _last(self, size: int) -> int:
        return max(no for no, era in enumerate(self.eras) if era.since <= size)


def keys_of(db: apsw.Connection, trusted: VerifyKey) -> LogKeys:
    """Return the keys of a log; the records that name them are still to be verified.

    Args:
        db: The log.
        trusted: Any one of them, as it was written down.

    Raises:
        Damage: the trusted key is none of them, or a rotation is not signed by both.
    """
    keys = named_keys(db)
    if keys is None:
        return LogKeys.alone(trusted)
    if all(era.key != trusted for era in keys.eras):
        raise Damage(0, f"names another key than {trusted}: the log was begun anew, or the given key is not its own")
    for era in keys.eras[1:]:
        notes = run(db, "SELECT note FROM checkpoint WHERE size = ?", (era.since,))
        if not notes:
            raise Damage(era.since - 1, "changes the key, and no checkpoint stands behind it")
        try:
            keys.open(notes[0][0])
        except UsageError as error:
            raise Damage(era.since - 1, f"changes the key, and is not signed by the old and the new: {error}") from None
    return keys


def named_keys(db: apsw.Connection) -> LogKeys | None:
    """Return the keys that the records of a log name, whoever signed; None where they name none.

    Raises:
        Damage: they do not follow each other.
    """
    keys: LogKeys | None = None
    for seq, kind, body in sorted(run(db, "SELECT seq, kind, body FROM record WHERE key > 'key/' AND key < 'key0'")):
        try:
            fields = canonical.decode(body)
            keys = _with(keys, seq, kind, VerifyKey.parse(fields["vkey"]), fields.get("old_vkey", ""))
        except (UsageError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise Damage(seq, f"names no key that this log can have: {error}") from None
    return keys


def readable_keys(db: apsw.Connection, trusted: VerifyKey) -> LogKeys:
    """Return the keys of a damaged log as far as they hold, else the trusted one alone."""
    # A damaged file may have no tables, and any type in any column.
    with contextlib.suppress(apsw.Error, ValueError, TypeError, LookupError, AttributeError, Damage):
        return keys_of(db, trusted)
    return LogKeys.alone(trusted)


def log_keys(db: apsw.Connection, trusted: VerifyKey) -> LogKeys:
    """Return the keys of a log, see `keys_of`.

    Raises:
        MesoError: they do not hold.
    """
    try:
        return keys_of(db, trusted)
    except Damage as damage:
        raise MesoError(f"the keys of the log do not hold: {damage}; run: meso audit verify") from None


def age_of_key(db: apsw.Connection) -> tuple[int, int]:
    """Return since when, UTC, a label, the log has the key that signs now, and how often it was given another."""
    bodies = [body for (body,) in run(db, "SELECT body FROM record WHERE key > 'key/' AND key < 'key0' ORDER BY seq")]
    records = [canonical.decode(body) for body in bodies]
    return (records[-1]["ts_us"] if records else 0), sum(one["kind"] == ROTATED for one in records)


def changes_of_key(db: apsw.Connection, keys: LogKeys) -> dict[str, bytes]:
    """Return the files that lead from any older key to the one that signs now, by name; see `standalone.Rotation`."""
    files = {}
    for number, era in enumerate(keys.eras[1:], 1):
        [(note,)] = run(db, "SELECT note FROM checkpoint WHERE size = ?", (era.since,))
        files[f"key-{number}.txt"] = f"{era.key}\n{note}".encode()
    return files


def _with(keys: LogKeys | None, seq: int, kind: str, key: VerifyKey, old: str) -> LogKeys:
    if kind == CREATED and keys is None:
        return LogKeys.alone(key)
    if kind != ROTATED or keys is None or old != str(keys.newest) or key.name != keys.name:
        raise UsageError(f"record {seq} does not follow {'no key' if keys is None else keys.newest}")
    return keys.followed_by(key, seq + 1)


def _signed(note: str, key: VerifyKey) -> bool:
    try:
        open_note(note, key)
    except UsageError:
        return False
    return True
