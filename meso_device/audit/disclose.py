"""One session in one file: all of its records, the proof that they are all, and nothing of any other.

The file is checked by `meso_device.audit.standalone`, which shares no code with what makes it.
"""

import io
import zipfile
from base64 import b64encode
from typing import Final

import apsw
from msgspec import Struct

from meso_device.accounting.entries import Entry, Json
from meso_device.audit import standalone
from meso_device.audit.checkpoint import open_note
from meso_device.audit.keys import VerifyKey
from meso_device.audit.log_keys import changes_of_key, log_keys
from meso_device.audit.proof import Nodes
from meso_device.audit.session_records import closed_seq, records_of
from meso_device.audit.sql import run
from meso_device.audit.tree import subtree_proof
from protocols.errors import MesoError

LEAVES_MAX: Final = 2_000_000
"""Leaves read where no checkpoints help: a whole log of many years, and no endless one."""
_MADE: Final = (1980, 1, 1, 0, 0, 0)
_READ_ME: Final = """\
One session of the log {origin}, taken out whole. No other session can be seen in it.

records.jsonl  the session's records, one a line, byte for byte as they stand in the log
proof.txt      the hashes that lead from them to the root, and the signed checkpoint that holds the root
log.vkey       the log's public key; compare it with the one written down when the log was begun, or when it was changed
key-1.txt ...  only where the key was changed: the new one, and the checkpoint that the old and the new have signed

Check it with: meso audit check FILE --key VKEY
or, on any computer with Python: python3 meso_verify.py FILE --key VKEY
"""


class Disclosed(Struct, frozen=True, kw_only=True):
    """A session as it stands in the log.

    Attributes:
        session: Its id.
        bodies: Its records under the newest checkpoint, in order, by their place.
        note: That checkpoint.
        size: Records under it.
    """

    session: str
    bodies: dict[int, bytes]
    note: str
    size: int


def find(db: apsw.Connection, session: str, key: VerifyKey) -> Disclosed:
    """Return what a closed session has in the log, with the signatures on it.

    Raises:
        MesoError: it is still open, or the log cannot prove it.
    """
    end = closed_seq(db, session)
    newest = run(db, "SELECT note FROM checkpoint WHERE size > ? ORDER BY size DESC LIMIT 1", (end,))
    if not newest:
        raise MesoError("no checkpoint covers the end of this session; run: meso audit verify")
    size = open_note(newest[0][0], key).size
    return Disclosed(
        session=session,
        bodies=records_of(db, session, size),
        note=newest[0][0],
        size=size,
    )


def disclosure(db: apsw.Connection, session: str, *, key: str, op: str, role: str) -> Entry:
    """Return the record that a session is handed out; it names what was added after the session's end.

    Raises:
        MesoError: the session is still open.
    """
    end = closed_seq(db, session)
    later = [seq for seq in records_of(db, session) if seq > end]
    return Entry(
        kind="disclosure",
        key=key,
        payload={"purpose": "session", "later_seqs": list[Json](later)},
        op=op,
        role=role,
        session=session,
    )


def pack(db: apsw.Connection, found: Disclosed, key: VerifyKey) -> bytes:
    """Return the file that proves a session; the same bytes for the same records and checkpoint.

    Raises:
        MesoError: the log does not prove it: something in it was changed.
    """
    hashes = subtree_proof([*found.bodies], found.size, Nodes(db, LEAVES_MAX).root)
    lines = [standalone.SESSION_HEADER, f"session {found.session}", *(b64encode(one).decode() for one in hashes)]
    file = _zip(
        {
            "READ-ME.txt": _READ_ME.format(origin=key.name).encode(),
            "log.vkey": f"{key}\n".encode(),
            "proof.txt": ("\n".join(lines) + "\n\n" + found.note).encode(),
            "records.jsonl": b"".join(body + b"\n" for body in found.bodies.values()),
            **changes_of_key(db, log_keys(db, key)),
        }
    )
    try:
        standalone.check_session(file, (standalone.read_key(str(key)),))
    except standalone.Wrong as error:
        raise MesoError(f"the log does not prove this session: {error}; run: meso audit verify") from None
    return file


def _zip(files: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _MADE), content, zipfile.ZIP_DEFLATED)
    return packed.getvalue()
