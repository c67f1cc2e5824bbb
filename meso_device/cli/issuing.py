"""Issuing a document: rendered, its hash recorded in the log, then given its name."""

import os
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from meso_device.accounting.entries import Entry, Json
from meso_device.cli.output import check_output
from meso_device.cli.recording import commit, commit_or_owe
from meso_device.documents.blocks import Document
from meso_device.host.home import Home, lock_holder
from meso_device.people.office import read_operators
from protocols.errors import MesoError, UsageError

ISSUED: Final = "report.issued"
PDF, HTML, JSON = "pdf", "html", "json"
_PURPOSE: Final = "meso, issuing a document"


class Issued(Struct, frozen=True, kw_only=True):
    """A file that was written.

    Attributes:
        form: ``pdf``, ``html`` or ``json``.
        file: Where it is.
        sha256: Its hash, in hex, as the log has it.
        bytes: Its length.
        recorded: Whether the log has its hash; one that has ended takes none.
    """

    form: str
    file: str
    sha256: str
    bytes: int
    recorded: bool = True


def form_of(out: Path, allowed: tuple[str, ...] = (PDF, HTML)) -> str:
    """Return what a file is to be, by the end of its name; UsageError for any other."""
    form = out.suffix.removeprefix(".").lower()
    if form not in allowed:
        ends = ", ".join(f".{one}" for one in allowed)
        raise UsageError(f"--out {out} refused: the name ends in one of {ends}")
    return form


def rendered(document: Document, form: str) -> bytes:
    """Return a document as PDF or HTML.

    Raises:
        RenderError: the PDF could not be made.
    """
    if form == HTML:
        from meso_device.documents.html import render_html

        return render_html(document)
    from meso_device.documents.pdf import render_pdf

    return render_pdf(document)


def names_of(home: Home) -> dict[str, str]:
    """Return names of operators by pseudonym, also of those who left."""
    return {row.person.op: row.person.name for row in read_operators(home.root)}


def with_checkpoint(home: Home, find: Callable[[], str]) -> str:
    """Return the checkpoint that a look at the log finds; where there is none yet, the log makes one.

    Raises:
        MesoError: there is none, and another process has the log.
    """
    note = find()
    if not note and not lock_holder(home):
        commit(home, (), purpose=_PURPOSE)  # a log that is closed signs a checkpoint
        note = find()
    if not note:
        raise MesoError(
            f"no signed checkpoint covers these records yet: {lock_holder(home)} makes one within 15 minutes, or when "
            "it ends"
        )
    return note


def issue(
    home: Home,
    contents: Mapping[Path, tuple[str, bytes]],
    *,
    document: str,
    number: str,
    key: str,
    simulated: bool,
    about: Mapping[str, Json],
    session: str = "",
    alias: str = "",
) -> list[Issued]:
    """Write files and record their hashes; the record is durable before a file has its name.

    While another process has the log, the record waits in the vault for it.

    Args:
        home: Data directory.
        contents: Form and bytes by file.
        document: What it is, such as ``session_report``.
        number: Its number.
        key: Tells it apart: the same document again is the same record.
        simulated: Whether it tells of a simulated gun.
        about: Further fields of the record.
        session: That it is about; empty for none.
        alias: Patient of that session; empty for none.

    Raises:
        AuditWriteFailed: nothing was recorded, and no file has its name.
        UsageError: a file cannot be written.
    """
    for path in contents:
        check_output(path)
    issued = [
        Issued(form=form, file=str(path), sha256=sha256(content).hexdigest(), bytes=len(content))
        for path, (form, content) in contents.items()
    ]
    payload: dict[str, Json] = {
        "document": document,
        "number": number,
        "simulated": simulated,
        "files": [{"form": one.form, "sha256": one.sha256, "bytes": one.bytes} for one in issued],
        **about,
    }
    entry = Entry(kind=ISSUED, key=f"report/{key}", payload=payload, session=session, alias=alias)
    parts = {path: path.with_name(f".{path.name}.part") for path in contents}
    try:
        for path, (_, content) in contents.items():
            _write(parts[path], content)
        recorded = commit_or_owe(home, entry, purpose=_PURPOSE)
        for path, part in parts.items():
            part.replace(path)
    except OSError as error:
        raise UsageError(f"{error.filename} cannot be written: {error.strerror}; give another with --out") from None
    finally:
        for part in parts.values():
            part.unlink(missing_ok=True)
    return [replace(one, recorded=recorded) for one in issued]


def recorded_text(recorded: object) -> str:
    """Return what stands behind a hash: whether the log has it."""
    return "recorded in the log" if recorded else "NOT recorded: this console is retired"


def _write(path: Path, content: bytes) -> None:
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
