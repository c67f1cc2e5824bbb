"""A backup made into a data directory again, whole or not at all.

It is built beside its place: the files of the backup, what others hold of the log beyond it, the secrets, and the
vault brought up to the log. Only then it gets its name.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from meso_device.accounting.entries import Entry
from meso_device.audit import canonical
from meso_device.audit.birth import DATABASE_NAME, KEY_NAME, VKEY_NAME
from meso_device.audit.database import remove_database
from meso_device.audit.disclose import LEAVES_MAX
from meso_device.audit.filesystem import sync_directory
from meso_device.audit.keys import SigningKey, VerifyKey, read_secret
from meso_device.audit.log_keys import log_keys
from meso_device.audit.proof import Nodes
from meso_device.audit.reader import reading
from meso_device.audit.sql import run
from meso_device.audit.take_over import Elsewhere, Taken, take_over
from meso_device.audit.verify import read_outside, stored_vkey
from meso_device.people.database import VAULT_NAME
from meso_device.people.following import Followed, follow
from meso_device.people.pins import PEPPER_NAME, read_pepper
from meso_device.records.backup import PARTIAL, VERIFIER_NAME, Backup, check, older_name, write_file, writing
from protocols.errors import MesoError, UsageError

_REGAINING: Final = f"{DATABASE_NAME}.regaining"


class Restored(Struct, frozen=True, kw_only=True):
    """What a data directory was made of.

    Attributes:
        backup: The backup.
        taken: The log as it is with what others hold of it; None where nobody was asked.
        missing: Records that a checkpoint kept outside proves to have been there, and that are not.
        people: What was done again in the vault.
        retired: Whether the log has ended: then it has no record of this.
    """

    backup: Backup
    taken: Taken | None
    missing: int
    people: Followed
    retired: bool

    @property
    def records(self) -> int:
        """Records that are there again."""
        return self.backup.records if self.taken is None else self.taken.records

    def entry(self) -> Entry:
        """Return the record that the log goes on from here, and what came back from whom."""
        taken = self.taken
        return Entry(
            kind="log.restored",
            # Not by the size of the backup: it may have been restored before, and that record have come back.
            key=f"log/{self.records}/restored",
            payload={
                "records": self.backup.records,
                "root": self.backup.root,
                "made_at": self.backup.made_at,
                "refilled": 0 if taken is None else taken.refilled,
                "refilled_by": "" if taken is None else taken.refilled_by,
                "missing": self.missing,
            },
        )


@contextlib.contextmanager
def restoring(where: Path, home: Path, keys: Path) -> Iterator[tuple[Backup, Path]]:
    """Verify a backup and give a copy of it, which is the data directory once the block ends well; else it is gone.

    Args:
        where: The backup.
        home: The new data directory: not there yet, or empty.
        keys: Where the secrets are, see `backup.copy_secrets`; they are not in the copy yet.

    Raises:
        UsageError: the new directory is not empty, or a secret is missing or of another log.
        MesoError: the backup does not verify.
    """
    if home.exists() and (not home.is_dir() or any(home.iterdir())):
        raise UsageError(f"{home} is not empty: a backup is restored into a directory of its own, never over another")
    backup, _ = check(where)
    names = {kept.path for kept in backup.files} - {VERIFIER_NAME}
    _check_secrets(VerifyKey.parse((where / VKEY_NAME).read_text()), keys, with_pepper=VAULT_NAME in names)
    partial = home.with_name(f"{PARTIAL}{home.name}")
    with writing(home.parent):
        home.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with _alone(partial):
            try:
                for path in sorted(names):
                    (partial / path).parent.mkdir(mode=0o700, exist_ok=True)
                    write_file(partial / path, (where / path).read_bytes())
                yield backup, partial
                sync_directory(partial)
                partial.rename(home)
                sync_directory(home.parent)
            except BaseException:
                shutil.rmtree(partial, ignore_errors=True)
                raise


def regain(work: Path, elsewhere: Elsewhere) -> Taken:
    """Let the log of a directory that is being restored go on to where it is held elsewhere.

    Raises:
        MesoError: what is held there is another history of it, or does not hold.
    """
    fresh, path = work / _REGAINING, work / DATABASE_NAME
    taken = take_over(path, fresh, VerifyKey.parse(stored_vkey(work)), elsewhere, "")
    remove_database(path)
    fresh.rename(path)
    return taken


def place_secrets(work: Path, keys: Path) -> None:
    """Put the secrets into a directory that is being restored: the key that its log is signed with now.

    Raises:
        UsageError: that key is not there.
    """
    with reading(work) as db:
        wanted = log_keys(db, VerifyKey.parse(stored_vkey(work))).newest
    older = keys / older_name(wanted)
    path = older if older.is_file() else keys / KEY_NAME
    found = _read(path).verify_key
    if found != wanted:
        raise UsageError(
            f"{path} is an older or newer key of this log; what is restored is signed with {wanted.key_id.hex()}"
        )
    write_file(work / KEY_NAME, path.read_bytes())
    (work / VKEY_NAME).unlink()
    write_file(work / VKEY_NAME, f"{wanted}\n".encode())
    if (work / VAULT_NAME).exists():
        write_file(work / PEPPER_NAME, (keys / PEPPER_NAME).read_bytes())


def follow_log(work: Path) -> Followed:
    """Do again in the vault what the log tells of people since the backup, see `people.following`.

    Raises:
        VaultBroken: the vault cannot be written.
    """
    bodies = []
    with reading(work) as db:
        for first in ("operator", "patient", "subject"):
            bodies += run(db, "SELECT seq, body FROM record WHERE key > ? AND key < ?", (f"{first}/", f"{first}0"))
        told = [canonical.decode(body) for _, body in sorted(bodies)]
    if (work / VAULT_NAME).exists():
        return follow(work, told)
    kinds = [record["kind"] for record in told]
    return Followed(operators_lost=kinds.count("operator.enrolled"), patients_lost=kinds.count("patient.enrolled"))


def missing_records(work: Path, checkpoint: Path) -> int:
    """Return how many records a checkpoint that was kept outside covers beyond the log.

    Raises:
        UsageError: it is none of this log.
        MesoError: it covers other records than those that are there.
    """
    outside = read_outside(work, checkpoint)
    with reading(work) as db:
        [(records,)] = run(db, "SELECT count(*) FROM record")
        if outside.size <= records and Nodes(db, LEAVES_MAX).root(0, outside.size) != outside.root:
            raise MesoError(
                f"the first {outside.size} records are not those that {checkpoint} covers: one of the two is of "
                "another history of this log"
            )
    return max(0, outside.size - int(records))


@contextlib.contextmanager
def _alone(partial: Path) -> Iterator[None]:
    """Have a directory for oneself, empty, whatever somebody left there who was ended."""
    partial.mkdir(mode=0o700, exist_ok=True)
    descriptor = os.open(partial, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise UsageError(f"{partial} is in use: another process restores there") from None
        for path in partial.iterdir():
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
        yield
    finally:
        os.close(descriptor)


def _check_secrets(key: VerifyKey, keys: Path, *, with_pepper: bool) -> None:
    """Refuse, before anything is made, secrets that are missing or of another log."""
    for name in (KEY_NAME, *([PEPPER_NAME] if with_pepper else [])):
        if not (keys / name).is_file():
            raise UsageError(
                f"{keys / name} is missing: secrets are kept apart from backups; name their place with --keys"
            )
    found = _read(keys / KEY_NAME)
    if found.name != key.name:
        raise UsageError(f"{keys / KEY_NAME} is the key of {found.name}; the backup is of {key.name}")
    if with_pepper:
        read_pepper(keys)


def _read(path: Path) -> SigningKey:
    try:
        return read_secret(path)
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
