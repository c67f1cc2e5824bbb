"""The durable log: one transaction for a group of batches, and nothing acknowledged before it is on disk.

After the first error of any kind the store is broken for good: it writes nothing more and answers
`CommitFailed`, because after a failed fsync SQLite would go on and leave a hole (I-48). A new start reads
everything from disk.
"""

import contextlib
import os
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

import apsw

from meso_device.accounting.clinic import ClinicFacts
from meso_device.accounting.entries import (
    Batch,
    CapExceeded,
    CommitFailed,
    CommitResult,
    Committed,
    Entry,
    GrantIntent,
    GunLedger,
    Json,
    SessionRow,
)
from meso_device.accounting.signature import SIGN, bound, signed_key
from meso_device.audit import canonical, caps, closing, queries, records, rotation
from meso_device.audit.birth import DATABASE_NAME, Identity, keep_key, settle_identity
from meso_device.audit.check import COLUMNS, ChainChecker, Damage
from meso_device.audit.checkpoint import Checkpoint, open_note, sign
from meso_device.audit.clock_watch import ClockWatch
from meso_device.audit.database import abandon, open_for_writing, open_in_memory
from meso_device.audit.derived_check import check_derived
from meso_device.audit.facts import clinic_facts
from meso_device.audit.filesystem import check_filesystem
from meso_device.audit.keys import SigningKey
from meso_device.audit.log_keys import ROTATED
from meso_device.audit.open_files import OpenFiles
from meso_device.audit.outside import running_out
from meso_device.audit.pages import Looked, Query, look
from meso_device.audit.projections import Projections
from meso_device.audit.records import FIRST_PREV, NONCE_BYTES, Stamp
from meso_device.audit.retirement import RETIRED, RetiredError, retired_seq
from meso_device.audit.shot_rows import SHOT_KINDS
from meso_device.audit.sql import run
from meso_device.audit.tree import HASH_BYTES, Frontier
from protocols.errors import AuditWriteFailed, MesoError

CHECKPOINT_RECORDS: Final = 256
CHECKPOINT_INTERVAL_US: Final = 15 * 60 * 1_000_000
_CHECKPOINT_KINDS: Final = frozenset({"session.opened", "session.closed", "log.opened", "log.closed", ROTATED, RETIRED})

Randomness = Callable[[int], bytes]


class Store:
    """One audit log, open for writing. Not for use by two threads at once."""

    def __init__(
        self,
        db: apsw.Connection,
        key: SigningKey,
        *,
        software: str,
        randomness: Randomness,
        notices: tuple[str, ...],
        files: OpenFiles | None = None,
    ) -> None:
        self.notices = notices
        self._db = db
        self._files = files
        self._key = key
        self._next_key: SigningKey | None = None
        self._software = software
        self._randomness = randomness
        self._broken = ""
        self._frontier = Frontier()
        self._leaf = FIRST_PREV
        self._checkpoint_size = 0
        self._checkpoint_at: tuple[str, int] = ("", 0)
        self._version = 0
        self._clock = ClockWatch()
        self._derived_hold = False
        self._projections: Projections

    @classmethod
    def open(cls, home: Path, *, software: str, stamp: Stamp, randomness: Randomness = os.urandom) -> "Store":
        """Open the log of a data directory, or begin one in an empty directory.

        Checks the file, verifies what was written since the last checkpoint, and records the start.
        ``notices`` holds what the operator should be told.

        Raises:
            UsageError: not a place for a log, of another program, or its key is missing.
            AuditWriteFailed: it cannot be written, or does not verify.
            RetiredError: it has ended.
        """
        identity = settle_identity(home, randomness, open_for_writing)
        try:
            files = OpenFiles(home / DATABASE_NAME)
            key = rotation.settle(home, identity.db, identity.key)
        except OSError as error:
            abandon(identity.db)
            raise AuditWriteFailed(f"the data directory {home} cannot be used: {error.strerror or error}") from error
        except BaseException:
            abandon(identity.db)
            raise
        store = cls(
            identity.db,
            key,
            software=software,
            randomness=randomness,
            notices=tuple(filter(None, [check_filesystem(home)])),
            files=files,
        )
        store._start(identity, stamp)
        store.notices += tuple(filter(None, [running_out(store._db, stamp.ts_us)]))
        if identity.fresh:
            try:
                keep_key(home, identity.key)
            except OSError as error:
                store._broken = f"the key of the audit log cannot be kept in {home}: {error.strerror or error}"
                abandon(identity.db)
                raise AuditWriteFailed(store._broken) from error
        return store

    @classmethod
    def in_memory(cls, *, software: str, stamp: Stamp, randomness: Randomness, origin: str = "meso/world") -> "Store":
        """Begin a log that lives with the process: for the simulated world."""
        key = SigningKey(origin, randomness(32))
        store = cls(open_in_memory(), key, software=software, randomness=randomness, notices=())
        store._derived_hold = True
        store._start(Identity(store._db, key, fresh=True), stamp)
        return store

    def restarted(self, stamp: Stamp) -> "Store":
        """Return what a new process would open after this one was killed: only for a store in memory.

        Whatever was not committed is gone, and this store writes nothing more.
        """
        self._broken = "the host was killed"
        if self._db.in_transaction:
            run(self._db, "ROLLBACK")
        store = Store(self._db, self._key, software=self._software, randomness=self._randomness, notices=())
        store._derived_hold = True
        store._start(Identity(self._db, self._key, fresh=False), stamp)
        return store

    # --- writing ------------------------------------------------------------------------------------

    def commit(self, batches: Sequence[Batch], stamp: Stamp) -> list[CommitResult]:
        """Make all batches durable in one transaction; one answer each, in order.

        A grant over its cap undoes its own batch only. Any error fails all of them, and all later ones.
        """
        if not self._broken:
            try:
                return self._transaction(batches, stamp)
            except Exception as error:  # noqa: BLE001  # whatever it was, nothing more may be acknowledged
                self._break(error)
        return [CommitFailed(no=batch.no, reason=self._broken) for batch in batches]

    def rotate(self, key: SigningKey, entry: Entry, stamp: Stamp) -> None:
        """Make the record of another key durable, and with it a checkpoint that both keys sign; the new one goes on.

        Raises:
            AuditWriteFailed: neither is durable, and the old key stays.
        """
        self._next_key = key
        [result] = self.commit([Batch(no=0, entries=(entry,))], stamp)
        self._next_key = None
        if not isinstance(result, Committed):
            raise AuditWriteFailed(self._broken)
        self._key = key

    @property
    def broken(self) -> str:
        """Why nothing more is written; empty while the store is healthy."""
        return self._broken

    def close(self, stamp: Stamp) -> None:
        """Record the clean end with a checkpoint and close the file; a broken store is only closed."""
        entry = Entry(kind="log.closed", key=f"log/{self._frontier.size}/closed")
        self.commit([Batch(no=0, entries=(entry,))], stamp)
        if self._broken and self._broken != str(RetiredError()):
            abandon(self._db)
            return
        self._broken = "the log is closed"
        # Every record is durable in the write-ahead log already, whatever becomes of the copying on close.
        with contextlib.suppress(apsw.Error):
            self._db.close()

    def _transaction(self, batches: Sequence[Batch], stamp: Stamp) -> list[CommitResult]:
        run(self._db, "BEGIN IMMEDIATE")
        self._check_alone()
        self._note_step(stamp)
        results: list[CommitResult] = [self._batch(batch, stamp) for batch in batches]
        kinds = {entry.kind for batch in batches for entry in batch.entries}
        self._maybe_checkpoint(kinds, stamp)
        run(self._db, "COMMIT")
        if RETIRED in kinds:
            self._broken = str(RetiredError())
        if self._files is not None:
            self._files.check()
        self._version = self._db.data_version()
        return results

    def _note_step(self, stamp: Stamp) -> None:
        """Record that the clock was set, before anything is judged by it (I-38)."""
        step_us = self._clock.step_us(stamp)
        if step_us:
            step = Entry(kind="clock.step", key=f"clock/{self._frontier.size}", payload={"step_us": step_us})
            self._append_all(Batch(no=0, entries=(step,)), stamp)

    def _batch(self, batch: Batch, stamp: Stamp) -> CommitResult:
        if batch.grant is None:
            return self._append_all(batch, stamp)
        before = (self._frontier.copy(), self._leaf)
        run(self._db, "SAVEPOINT batch")
        result: CommitResult = self._append_all(batch, stamp)
        _check_intent(batch, batch.grant)
        # A batch that is sent again after its commit has nothing to ask.
        room = caps.exceeded_cap(self._db, batch.grant) if _appended(result) else None
        if room is not None:
            run(self._db, "ROLLBACK TO batch")
            self._frontier, self._leaf = before
            self._projections.forget()
            result = CapExceeded(
                no=batch.no,
                cap=room.cap,
                used_nl=room.used_nl,
                held_nl=room.held_nl,
                used_shots=room.used_shots,
                held_shots=room.held_shots,
            )
        run(self._db, "RELEASE batch")
        return result

    def _append_all(self, batch: Batch, stamp: Stamp) -> Committed:
        added: list[tuple[int, dict[str, Json]]] = []
        conflicts = []
        for entry in batch.entries:
            if not self._append(entry, stamp, added) and entry.kind == "shot":
                conflict = self._conflict(entry)
                if conflict is not None:
                    conflicts.append(entry.key)
                    self._append(conflict, stamp, added)
        self._projections.apply(added)
        return Committed(no=batch.no, appended=len(added), conflicts=tuple(conflicts))

    def _append(self, entry: Entry, stamp: Stamp, added: list[tuple[int, dict[str, Json]]]) -> bool:
        """Append one record and note it in ``added``; return False when its key exists already."""
        if entry.kind == "session.closed":
            entry = closing.complete(self._db, entry)
        elif entry.kind == SIGN:
            entry = self._bound(entry)
        seq = self._frontier.size
        record = records.build(
            entry,
            seq=seq,
            prev=self._leaf,
            stamp=stamp,
            nonce=self._randomness(NONCE_BYTES),
            origin=self._key.name,
            software=self._software,
        )
        run(
            self._db,
            "INSERT INTO record VALUES(?, ?, ?, ?, ?, ?) ON CONFLICT(key) DO NOTHING",
            (seq, record.key, record.kind, record.sess, record.leaf, record.body),
        )
        if not self._db.changes():
            return False
        added.append((seq, record.fields))
        self._frontier.append(record.leaf)
        self._leaf = record.leaf
        return True

    def _bound(self, entry: Entry) -> Entry:
        """Return a signature bound to the record that it names, which may have been appended a moment ago."""
        rows = run(self._db, "SELECT seq, leaf FROM record WHERE key = ?", (signed_key(entry),))
        if not rows:
            raise ValueError(f"{signed_key(entry)} is to be signed and is not there")
        return bound(entry, *rows[0])

    def _conflict(self, entry: Entry) -> Entry | None:
        """Return the record of two byte strings for one shot, or None for the same delivered again (I-06)."""
        [(body,)] = run(self._db, "SELECT body FROM record WHERE key = ?", (entry.key,))
        logged, delivered = canonical.decode(body).get("ring"), entry.payload.get("ring")
        if logged == delivered:
            return None
        payload: dict[str, Json] = {
            "code": "conflict",
            "detail": f"{entry.key} was delivered again with other bytes",
            "shot": entry.key,
            "ring_logged": str(logged),
            "ring_delivered": str(delivered),
        }
        digest = sha256(str(delivered).encode()).hexdigest()[:16]
        return Entry(kind="conflict", key=f"conflict/{entry.key}/{digest}", payload=payload, gun=entry.gun)

    def _check_alone(self) -> None:
        """Refuse to go on when another program wrote to the file: our place in the chain would be wrong."""
        version = self._db.data_version()
        if version == self._version:
            return
        head = run(self._db, "SELECT seq, leaf FROM record ORDER BY seq DESC LIMIT 1")
        if head != ([(self._frontier.size - 1, self._leaf)] if self._frontier.size else []):
            raise AuditWriteFailed("another program wrote to the audit log; stop it and start again")
        self._version = version

    def _maybe_checkpoint(self, kinds: set[str], stamp: Stamp) -> None:
        size = self._frontier.size
        boot, mono_us = self._checkpoint_at
        due = sorted(kinds & _CHECKPOINT_KINDS)
        if size - self._checkpoint_size >= CHECKPOINT_RECORDS:
            due.append("records")
        if boot != stamp.boot or stamp.mono_us - mono_us >= CHECKPOINT_INTERVAL_US:
            due.append("time")
        if not due or size == self._checkpoint_size:
            return
        keys = [self._key] if self._next_key is None else [self._key, self._next_key]
        note = sign(Checkpoint(self._key.name, size, self._frontier.root()), *keys)
        run(
            self._db,
            "INSERT INTO checkpoint VALUES(?, ?, ?, ?, ?)",
            (size, note, b"".join(self._frontier.peaks), due[0], stamp.ts_us),
        )
        self._checkpoint_size = size
        self._checkpoint_at = (stamp.boot, stamp.mono_us)

    def _break(self, error: Exception) -> None:
        reason = str(error) if isinstance(error, MesoError) else f"the audit log cannot be written: {error}"
        self._broken = reason or "the audit log cannot be written"
        with contextlib.suppress(apsw.Error):
            if self._db.in_transaction:
                run(self._db, "ROLLBACK")

    # --- starting -----------------------------------------------------------------------------------

    def _start(self, identity: Identity, stamp: Stamp) -> None:
        try:
            clean = self._load()
        except (Damage, MesoError, apsw.Error, ValueError, TypeError, LookupError) as error:
            abandon(self._db)
            raise AuditWriteFailed(
                f"the audit log does not verify: {error}; nothing is written to it, run: meso audit verify"
            ) from error
        if retired_seq(self._db) is not None:
            abandon(self._db)
            raise RetiredError
        size = self._frontier.size
        opened = Entry(
            kind="log.opened",
            key=f"log/{size}/opened",
            payload={"clean": clean, "records": size, "sqlite": apsw.sqlite_lib_version()},
        )
        entries = [opened]
        if identity.fresh:
            vkey = str(self._key.verify_key)
            entries.insert(
                0,
                Entry(kind="key.created", key=f"key/{self._key.verify_key.key_id.hex()}", payload={"vkey": vkey}),
            )
        result = self.commit([Batch(no=0, entries=tuple(entries))], stamp)[0]
        if isinstance(result, CommitFailed):
            self.close(stamp)
            raise AuditWriteFailed(result.reason)

    def _load(self) -> bool:
        """Take up the tree at the last checkpoint, verify what follows; return whether the last end was clean."""
        for (answer,) in run(self._db, "PRAGMA quick_check(1)"):
            if answer != "ok":
                raise Damage(None, f"the database file is damaged: {' '.join(answer.split())}")
        row = run(self._db, "SELECT size, note, peaks FROM checkpoint ORDER BY size DESC LIMIT 1")
        if row:
            size, note, peaks = row[0]
            checkpoint = open_note(note, self._key.verify_key)
            parts = [peaks[at : at + HASH_BYTES] for at in range(0, len(peaks), HASH_BYTES)]
            if checkpoint.size != size or len(parts) != size.bit_count():
                raise Damage(None, f"the checkpoint of {size} records is not what was signed")
            self._frontier = Frontier(size, parts)
            if self._frontier.root() != checkpoint.root:
                raise Damage(None, f"the checkpoint of {size} records does not have the root that was signed")
            self._checkpoint_size = size
        last_kind = self._verify_tail()
        for (body,) in run(self._db, "SELECT body FROM record WHERE seq = ?", (self._frontier.size - 1,)):
            last = canonical.decode(body)
            self._clock = ClockWatch(last["ts_us"], last["mono_us"], last["boot"])
        self._projections = Projections(self._db)
        self._version = self._db.data_version()
        return last_kind in {"", "log.closed"}

    def _verify_tail(self) -> str:
        size, last_kind = self._frontier.size, ""
        if size:
            head = run(self._db, "SELECT leaf, kind FROM record WHERE seq = ?", (size - 1,))
            if not head:
                raise Damage(size - 1, f"missing, though a checkpoint of {size} records was signed")
            self._leaf, last_kind = head[0]
        checker = ChainChecker(self._key.name, size, self._leaf)
        for row in self._db.execute(f"SELECT {COLUMNS} FROM record WHERE seq >= ? ORDER BY seq", (size,)):  # noqa: S608  # our own column names
            checker.check(row)
            last_kind, self._leaf = row[2], row[4]
            self._frontier.append(self._leaf)
        return last_kind

    # --- reading ------------------------------------------------------------------------------------

    def load_gun(self, gun_uid: str, *, simulated: bool) -> GunLedger:
        """Return what is committed about a gun, see `queries.load_gun`.

        Nothing is permitted to a gun without this, so the first time the tables that caps and rules are judged by are
        compared with the records. Where they differ the store is broken.

        Raises:
            AuditWriteFailed: the store is broken.
        """
        db = self._healthy()
        if not self._derived_hold:
            try:
                check_derived(db)
            except Damage as damage:
                self._broken = f"nothing is permitted: {damage}; end this, then run: meso audit rebuild"
                raise AuditWriteFailed(self._broken) from damage
            self._derived_hold = True
        try:
            return queries.load_gun(db, gun_uid, simulated=simulated)
        except (apsw.Error, ValueError) as error:  # such as a text whose bytes are none any more
            self._broken = (
                f"what is known of gun {gun_uid} cannot be read: {error}; end this, then run: meso audit rebuild"
            )
            raise AuditWriteFailed(self._broken) from error

    def load_clinic(self, *, session: str, alias: str, gun_uid: str, digest: str) -> ClinicFacts:
        """Return what the clinic's rules are judged by, see `clinic_facts`; AuditWriteFailed once broken.

        The lots are those of the products that the session was opened with, and of what is in the gun.
        """
        db = self._healthy()
        return clinic_facts(
            db,
            session=session,
            alias=alias,
            gun_uid=gun_uid,
            digest=digest,
            products=queries.products_of(db, session),
        )

    def sessions(self) -> tuple[SessionRow, ...]:
        """Return all sessions, newest first."""
        return queries.sessions(self._healthy())

    def session(self, session_id: str) -> SessionRow | None:
        """Return the session with this id, or None."""
        return queries.session(self._healthy(), session_id)

    def begun_us(self) -> int:
        """Return the UTC time of the first record."""
        return queries.begun_us(self._healthy())

    def open_session(self) -> SessionRow | None:
        """Return the newest session that was never closed, or None."""
        return queries.open_session(self._healthy())

    def look(self, no: int, query: Query) -> Looked:
        """Return a page of the history or a record, see `pages.look`; AuditWriteFailed once broken."""
        return look(self._healthy(), no, query, self._key.verify_key)

    def newest_checkpoint(self) -> str:
        """Return the newest signed checkpoint."""
        return queries.newest_checkpoint(self._healthy()) or ""

    @property
    def verify_key(self) -> str:
        """The public key that the log is signed with now."""
        return str(self._key.verify_key)

    @property
    def size(self) -> int:
        """Number of records."""
        return self._frontier.size

    def _healthy(self) -> apsw.Connection:
        if self._broken:
            raise AuditWriteFailed(self._broken)
        return self._db


def _appended(result: CommitResult) -> int:
    return result.appended if isinstance(result, Committed) else 0


def _check_intent(batch: Batch, intent: GrantIntent) -> None:
    """The grant that was checked must be the one that is recorded."""
    for entry in batch.entries:
        if entry.kind == "grant.prepared":
            said, gun = entry.payload, entry.gun
            recorded = (
                gun and gun.gun_uid, gun and gun.log_epoch, said.get("grant_no"),
                SHOT_KINDS.get(str(said.get("shot_kind"))), entry.session, entry.alias, said.get("area_code"),
                said.get("product"), said.get("lot"), said.get("max_shots"), said.get("max_nl"),
            )  # fmt: skip
            asked = (
                intent.gun_uid, intent.log_epoch, intent.grant_no, intent.kind, intent.session, intent.alias,
                intent.area_code, intent.product, intent.lot, intent.max_shots, intent.max_nl,
            )  # fmt: skip
            if recorded != asked:
                raise ValueError(f"grant {intent.grant_no} is recorded as {recorded}, but was checked as {asked}")
            return
    raise ValueError(f"grant {intent.grant_no} has no grant.prepared record")
