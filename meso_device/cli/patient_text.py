"""A patient as the vault and the log know one, for people and as JSON."""

from collections.abc import Sequence

import apsw
from msgspec import Struct

from meso_device.accounting.entries import SessionRow
from meso_device.audit.export import rfc3339
from meso_device.audit.queries import sessions
from meso_device.cli.output import one_line
from meso_device.cli.session_text import session_line
from meso_device.people.vault import Note, Patient


class Page(Struct, frozen=True):
    """Everything shown of one patient."""

    patient: Patient
    sessions: tuple[SessionRow, ...]
    notes: tuple[Note, ...]


def patient_page(patient: Patient, notes: Sequence[Note], db: apsw.Connection | None) -> Page:
    """Return the patient with the sessions of the log, newest first."""
    rows = () if db is None else tuple(row for row in sessions(db) if row.alias == patient.alias)
    return Page(patient, rows, tuple(notes))


def patient_document(patient: Patient) -> dict[str, object]:
    """Return the patient as a JSON object."""
    return {
        "alias": patient.alias,
        "name": patient.ref.name,
        "born": patient.ref.born,
        "chart": patient.ref.chart,
        "sex": patient.facts.sex.value,
        "allergies": list(patient.facts.allergies),
        "subject": patient.facts.subject,
        "enrolled_at": rfc3339(patient.enrolled_us),
    }


def page_document(page: Page) -> dict[str, object]:
    """Return the page as a JSON object."""
    return {
        **patient_document(page.patient),
        "sessions": [
            {"id": row.session, "state": row.state, "opened_at": rfc3339(row.opened_at_us)} for row in page.sessions
        ],
        "notes": [{"id": note.note, "noted_at": rfc3339(note.noted_us), "text": note.text} for note in page.notes],
    }


def patient_line(patient: Patient) -> str:
    """Return the patient in one line."""
    ref = patient.ref
    return one_line(f"{patient.alias}: {ref.name}, born {ref.born}, chart {ref.chart}")


def page_lines(page: Page) -> list[str]:
    """Return the page in lines."""
    patient, ref = page.patient, page.patient.ref
    lines = [
        f"name: {ref.name}",
        f"born: {ref.born}",
        f"chart: {ref.chart}",
        f"sex: {patient.facts.sex}",
        f"allergies: {', '.join(patient.facts.allergies) or 'none known'}",
        f"records say: {patient.alias}",
        *(f"session: {session_line(row)}" for row in page.sessions),
        *(f"note of {rfc3339(note.noted_us)[:10]}: {note.text}" for note in page.notes),
    ]
    return [one_line(line) for line in lines]
