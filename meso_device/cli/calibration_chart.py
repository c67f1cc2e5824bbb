"""Writes the state of all calibrations, with drift charts, as a document."""

import os
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path

from meso_device.audit.reader import reading
from meso_device.cli.issuing import form_of, issue, rendered, with_checkpoint
from meso_device.documents.calibration_state import state_document
from meso_device.host.home import existing_home, find_home
from meso_device.records.calibration_runs import run_story
from meso_device.records.calibration_state import DueRow
from meso_device.records.session_story import covering_checkpoint
from protocols.errors import MesoError


def write_state(home: Path | None, rows: Sequence[DueRow], out: Path, today: int) -> None:
    """Write it and record its hash.

    Raises:
        MesoError: no complete calibration is recorded, or no checkpoint covers them yet.
        UsageError: the file cannot be written.
        RenderError: the PDF could not be made; nothing was recorded.
    """
    form = form_of(out)
    if not rows:
        raise MesoError("no complete calibration is recorded here: there is nothing to write")
    place = existing_home(find_home(home, os.environ))
    with reading(place.root) as db:
        simulated = run_story(db, rows[0].newest.run).simulated
    last_seq = max(row.newest.signed_seq for row in rows)

    def look() -> str:
        with reading(place.root) as db:
            return covering_checkpoint(db, last_seq)

    document = state_document(
        rows, today=today, last_seq=last_seq, simulated=simulated, checkpoint=with_checkpoint(place, look)
    )
    content = rendered(document, form)
    issue(
        place,
        {out: (form, content)},
        document="calibration_state",
        number=document.number,
        key=f"{document.number}/{form}/{sha256(content).hexdigest()[:32]}",
        simulated=simulated,
        about={"last_seq": last_seq},
    )
