"""Writes the certificate of a run, from the records alone and what the laboratory says of itself."""

import os
from datetime import date
from pathlib import Path
from typing import Final

import apsw

from meso_device.accounting.materials import checked_words
from meso_device.audit import canonical
from meso_device.audit.reader import reading
from meso_device.audit.retirement import refuse_retired
from meso_device.audit.sql import run as run_sql
from meso_device.cli.issuing import HTML, JSON, PDF, form_of, issue, names_of, rendered, with_checkpoint
from meso_device.documents.certificate import NOT_STATED, Certificate, Said, certificate_of
from meso_device.documents.certificate_text import certificate_document
from meso_device.host.home import existing_home, find_home
from meso_device.records.calibration_runs import RunStory, find_run, run_story
from meso_device.records.session_story import covering_checkpoint
from protocols.errors import UsageError

_WORDS_MAX: Final = 120
_KIND: Final = "calibration_certificate"


def write_certificate(
    home: Path | None,
    letters: str,
    out: Path,
    *,
    laboratory: str,
    customer: str,
    condition: str,
    received: str,
    deviations: tuple[str, ...],
) -> dict[str, object]:
    """Write it, record the hashes of all its forms, and return what was written as a JSON object.

    Raises:
        UsageError: the run has no certificate, or a word or file is refused.
        RenderError: the PDF could not be made; nothing was recorded.
        MesoError: no checkpoint covers the run yet, and another process has the log.
        RetiredError: it would be one under a new number, and the log that numbers them has ended.
    """
    form = form_of(out, (PDF, HTML, JSON))
    said = Said(
        laboratory=_words("laboratory", laboratory),
        customer=_words("customer", customer),
        condition=_words("condition", condition),
        received=_date(received),
        deviations=tuple(checked_words("deviation", one, _WORDS_MAX) for one in deviations),
    )
    place = existing_home(find_home(home, os.environ))
    with reading(place.root) as db:
        story = run_story(db, find_run(db, letters).run)
        earlier = _earlier(db, story.run)
    certificate = _numbered(story, said, names_of(place), earlier)
    if all(certificate.number != number for number, _, _ in earlier):
        refuse_retired(place.root)

    def look() -> str:
        with reading(place.root) as db:
            return covering_checkpoint(db, story.last_seq)

    document = certificate_document(certificate, with_checkpoint(place, look))
    forms = {JSON: certificate.to_json(), HTML: rendered(document, HTML)}
    if form == PDF:
        forms[PDF] = rendered(document, PDF)
    # Beside the file that was asked for stands the certificate itself.
    files = {out: (form, forms[form]), out.with_suffix(".json"): (JSON, forms[JSON])}
    issued = issue(
        place,
        files,
        document=_KIND,
        number=certificate.number,
        key=f"{certificate.number}/{form}/{certificate.digest()[:32]}",
        simulated=certificate.simulated,
        about={"run": story.run, "replaces": certificate.replaces, "certificate_sha256": certificate.digest()},
    )
    return {
        "number": certificate.number,
        "run": story.run,
        "simulated": certificate.simulated,
        "replaces": certificate.replaces,
        "certificate_sha256": certificate.digest(),
        "file": issued[0].file,
        "form": issued[0].form,
        "sha256": issued[0].sha256,
    }


def _numbered(story: RunStory, said: Said, names: dict[str, str], earlier: list[tuple[str, str, str]]) -> Certificate:
    """Return the certificate under the number it was issued by before, or under a new one that names the newest."""
    for number, replaces, digest in earlier:
        same = certificate_of(story, said, names, number, replaces)
        if same.digest() == digest:
            return same
    number = f"CC-{story.run[:8]}-{len(earlier) + 1}"
    replaces = f"{earlier[-1][0]}, SHA-256 {earlier[-1][2]}" if earlier else ""
    return certificate_of(story, said, names, number, replaces)


def _earlier(db: apsw.Connection, run: str) -> list[tuple[str, str, str]]:
    """Return number, what it replaced, and hash of each certificate of this run, oldest first."""
    first = f"report/CC-{run[:8]}-"
    found: dict[str, tuple[str, str, str]] = {}
    for (body,) in run_sql(
        db, "SELECT body FROM record WHERE key > ? AND key < ? ORDER BY seq", (first, f"{first[:-1]}.")
    ):
        fields = canonical.decode(body)
        if fields["run"] == run:
            found[fields["number"]] = (fields["number"], fields["replaces"], fields["certificate_sha256"])
    return list(found.values())


def _words(field: str, text: str) -> str:
    return checked_words(field, text, _WORDS_MAX) if text else NOT_STATED


def _date(text: str) -> str:
    if not text:
        return NOT_STATED
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise UsageError(f"--received {text[:20]!r} refused: write YYYY-MM-DD") from None
