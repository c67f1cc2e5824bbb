"""The whole log as files for others: C2SP tlog-tiles, with its key and a verifier that needs Python alone.

A copy that is carried away is also a checkpoint kept outside of this computer. What lies there already is first held
against the log: where this one was rewritten meanwhile, the older copy stays as it is.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import apsw
from msgspec import Struct

from meso_device.audit import standalone
from meso_device.audit.checkpoint import Checkpoint
from meso_device.audit.filesystem import sync_directory
from meso_device.audit.keys import VerifyKey
from meso_device.audit.log_keys import LogKeys, changes_of_key, log_keys
from meso_device.audit.sql import run
from meso_device.audit.standalone import CHECKPOINT_NAME, COPY_VKEY_NAME, TILE_WIDTH, tile_path, tiles_of
from protocols.errors import MesoError, UsageError

VERIFIER_NAME: Final = "meso_verify.py"
_READ_ME: Final = """\
The whole log of {origin}: every record, byte for byte, without the name of any patient or operator.

checkpoint     size and root of the log, signed (C2SP tlog-checkpoint)
tile/          its hashes, and in tile/entries its records (C2SP tlog-tiles)
log.vkey       the log's public key; compare it with the one written down when the log was begun, or when it was changed
key-1.txt ...  only where the key was changed: the new one, and the checkpoint that the old and the new have signed
meso_verify.py checks it all; it needs Python 3.11 and nothing else

Check it with: python3 meso_verify.py . --key VKEY
Keep it away from the computer that it comes from: then it proves later that nothing in it was changed there.
"""


class Copy(Struct, frozen=True, kw_only=True):
    """A copy of the log that was written and has verified.

    Attributes:
        place: Directory that holds it.
        checkpoint: What it goes up to.
        older: Records of the copy that it goes on from; 0 where there was none.
    """

    place: Path
    checkpoint: Checkpoint
    older: int


def write_copy(db: apsw.Connection, key: VerifyKey, parent: Path) -> Copy:
    """Write the log up to its newest checkpoint into a directory of its own, or bring the copy there up to date.

    The checkpoint is replaced last, so that a copy that was cut short still is the older one. It counts once the
    verifier has read it back.

    Args:
        db: The log.
        key: Its public key.
        parent: An existing directory, such as that of a USB stick; several logs may lie in it.

    Raises:
        UsageError: the directory cannot be written, or what lies there is not a copy of this log.
        MesoError: there is no checkpoint yet, the log is not the one any more that was copied, or the copy does not
            verify.
    """
    newest = run(db, "SELECT note FROM checkpoint ORDER BY size DESC LIMIT 1")
    if not newest:
        raise MesoError("the log has no checkpoint yet: the first session makes one")
    note = newest[0][0]
    keys = log_keys(db, key)
    now = keys.open(note)
    if not parent.is_dir():
        raise UsageError(f"{parent} is not a directory: make it first, or name the one where the stick is mounted")
    place = parent / now.origin.replace("/", "-")
    older = _older(db, place, keys, now)
    try:
        place.mkdir(exist_ok=True)
        _put(place, _files(db, now, keys))
        _put(place, [(CHECKPOINT_NAME, note.encode())])
        for tile in {*tiles_of(older)} - {*tiles_of(now.size)}:
            _forget(place / tile_path(tile))
    except OSError as error:
        raise UsageError(f"{error.filename or place} cannot be written: {error.strerror}") from None
    try:
        standalone.check_file(place, str(key))
    except (standalone.Wrong, standalone.Unreadable) as error:
        raise MesoError(f"the copy does not verify: {error}; use another stick, and run: meso audit verify") from None
    return Copy(place=place, checkpoint=now, older=older)


def _older(db: apsw.Connection, place: Path, keys: LogKeys, now: Checkpoint) -> int:
    """Return how many records an older copy holds, once it is known to be one of this very log; 0 without one."""
    try:
        old = keys.open((place / CHECKPOINT_NAME).read_text("utf-8"))
    except FileNotFoundError:
        return 0
    except (OSError, ValueError, UsageError) as error:
        raise UsageError(
            f"{place} holds something else than a copy of this log ({error}): name another place"
        ) from None
    keep = "the copy stays as it is: keep it, and run meso audit verify with its checkpoint"
    if old.size > now.size:
        raise MesoError(f"THE LOG WAS CUT: the copy in {place} holds {old.size} records, the log {now.size}; {keep}")
    # Every record is hashed: what the database says of its own tree may be as old as the copy.
    tree = standalone.Tree()
    for (body,) in db.execute("SELECT body FROM record WHERE seq < ? ORDER BY seq", (old.size,)):
        tree.append(standalone.leaf_hash(body))
    if tree.root() != old.root:
        raise MesoError(
            f"THE LOG WAS REWRITTEN: its first {old.size} records are not those of the copy in {place}; {keep}"
        )
    return old.size


def _files(db: apsw.Connection, now: Checkpoint, keys: LogKeys) -> Iterator[tuple[str, bytes]]:
    """Yield every file of a copy but its checkpoint."""
    yield "READ-ME.txt", _READ_ME.format(origin=now.origin).encode()
    yield COPY_VKEY_NAME, f"{keys.newest}\n".encode()
    yield from changes_of_key(db, keys).items()
    yield VERIFIER_NAME, Path(standalone.__file__).read_bytes()
    hashes: list[list[bytes]] = [[]]
    for tile in tiles_of(now.size):
        if tile.level == standalone.ENTRIES:
            first = tile.number * TILE_WIDTH
            rows = run(
                db,
                "SELECT leaf, body FROM record WHERE seq >= ? AND seq < ? ORDER BY seq",
                (first, first + tile.width),
            )
            if len(rows) != tile.width:
                raise MesoError(f"records from {first} on are missing; run: meso audit verify")
            hashes[0] += [leaf for leaf, _ in rows]
            yield tile_path(tile), b"".join(len(body).to_bytes(2, "big") + body for _, body in rows)
            continue
        level = int(tile.level)
        taken, hashes[level] = hashes[level][: tile.width], hashes[level][tile.width :]
        if tile.width == TILE_WIDTH:
            if len(hashes) == level + 1:
                hashes.append([])
            hashes[level + 1].append(standalone.root_of(taken))
        yield tile_path(tile), b"".join(taken)


def _put(place: Path, files: Iterable[tuple[str, bytes]]) -> None:
    """Write each file whole, unless it holds just this; all of them durable when it returns."""
    written = []
    for name, content in files:
        path = place / name
        with contextlib.suppress(FileNotFoundError):
            if path.read_bytes() == content:
                continue
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f".{path.name}.new")
        fresh.write_bytes(content)
        fresh.replace(path)
        written.append(path)
    # At the end and not one by one, over each of which a stick takes long.
    for path in written:
        with path.open("rb") as file:
            os.fsync(file.fileno())
    for directory in {above for path in written for above in path.parents if above.is_relative_to(place)}:
        sync_directory(directory)
    sync_directory(place.parent)


def _forget(path: Path) -> None:
    """Remove a tile that has grown, and the directory that it alone was in."""
    path.unlink(missing_ok=True)
    with contextlib.suppress(OSError):
        path.parent.rmdir()
