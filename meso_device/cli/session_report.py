"""Writes the report of a session, or the patient's page, from the records alone."""

import os
from hashlib import sha256
from pathlib import Path

from msgspec.structs import asdict

from meso_device.audit.reader import reading
from meso_device.cli.issuing import form_of, issue, names_of, rendered, with_checkpoint
from meso_device.documents.patient_page import checked_aftercare, patient_page
from meso_device.documents.session_report import session_report
from meso_device.host.home import existing_home, find_home
from meso_device.records.lookback import sessions_beginning
from meso_device.records.session_story import SessionStory, covering_checkpoint, session_story
from protocols.errors import UsageError

_AFTERCARE_BYTES_MAX = 16_384


def write_report(
    home: Path | None, letters: str, out: Path, *, patient: bool, aftercare: Path | None
) -> dict[str, object]:
    """Write it, record its hash, and return what was written as a JSON object.

    Raises:
        UsageError: no such session, or a file that cannot be read or written.
        RenderError: the PDF could not be made; nothing was recorded.
        MesoError: no checkpoint covers the session yet, and another process has the log.
    """
    form = form_of(out)
    instructions = checked_aftercare(_text(aftercare)) if aftercare is not None else ()
    place = existing_home(find_home(home, os.environ))
    story = _story(place.root, letters)

    def look() -> str:
        with reading(place.root) as db:
            return covering_checkpoint(db, story.last_seq)

    note = with_checkpoint(place, look)
    document = patient_page(story, note, instructions) if patient else session_report(story, names_of(place), note)
    content = rendered(document, form)
    [issued] = issue(
        place,
        {out: (form, content)},
        document="patient_page" if patient else "session_report",
        number=document.number,
        # The clinic's words and the names of people may differ from one issue to the next.
        key=f"{document.number}/{form}/{_digest(content)}",
        simulated=story.simulated,
        about={"last_seq": story.last_seq},
        session=story.session,
        alias=story.alias,
    )
    return {"number": document.number, "simulated": story.simulated, **asdict(issued)}


def _story(root: Path, letters: str) -> SessionStory:
    with reading(root) as db:
        found = sessions_beginning(db, letters.lower()) if letters else ()
        if len(found) != 1:
            many = f"{len(found)} sessions begin with" if found else "no session begins with"
            raise UsageError(f"{many} {letters[:40]!r}; 'meso session list' shows all")
        return session_story(db, found[0])


def _digest(content: bytes) -> str:
    return sha256(content).hexdigest()[:32]


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(_AFTERCARE_BYTES_MAX + 1)
        if len(content) > _AFTERCARE_BYTES_MAX:
            raise UsageError(f"--aftercare {path} is longer than {_AFTERCARE_BYTES_MAX // 1024} KiB")
        return content.decode()
    except OSError as error:
        raise UsageError(f"--aftercare {path} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"--aftercare {path} is not text in UTF-8") from None
