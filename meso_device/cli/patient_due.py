"""When the next session of each patient's courses is due, from the records alone."""

import apsw
from msgspec import Struct

from meso_device.accounting.courses import Due, next_due, past_sessions
from meso_device.accounting.materials import day_text
from meso_device.audit.facts import clinic_facts
from meso_device.audit.queries import sessions
from meso_device.cli.output import one_line
from protocols.treatment.courses import courses
from protocols.units import day_of


class DueRow(Struct, frozen=True, kw_only=True):
    """One course of one patient.

    Attributes:
        alias: Patient.
        course: Id in the table of courses.
        product: What is given.
        due: When the next session is due.
        today: Day since 1970-01-01 that "too early" and "overdue" are counted from.
    """

    alias: str
    course: str
    product: str
    due: Due
    today: int


def due_rows(db: apsw.Connection, now_utc_us: int) -> tuple[DueRow, ...]:
    """Return every course under way, the one that is due first before the others; practice is left out."""
    codes: dict[tuple[str, str, str], set[int]] = {}
    for row in sessions(db):
        plan = row.opened.get("plan")
        if row.practice or not row.given or not isinstance(plan, dict):
            continue
        key = (row.alias, str(plan.get("course", "")), str(plan.get("product_name", "")))
        codes.setdefault(key, set()).update(given.area_code for given in row.given)
    today = day_of(now_utc_us)
    found = []
    for (alias, course_id, product), areas in codes.items():
        course = courses().get(course_id)
        if course is None:
            continue
        facts = clinic_facts(db, session="", alias=alias, gun_uid="", digest="", products=())
        given_us = {at_us for area in areas for at_us in past_sessions(facts.last_given, area, product)}
        due = next_due(course, sorted(given_us))
        found.append(DueRow(alias=alias, course=course_id, product=product, due=due, today=today))
    return tuple(sorted(found, key=lambda row: (row.due.earliest_day or 0, row.alias, row.course, row.product)))


def due_document(row: DueRow, name: str) -> dict[str, object]:
    """Return it as a JSON object; days that the course does not name are empty."""
    document: dict[str, object] = {
        "alias": row.alias,
        "course": row.course,
        "product": row.product,
        "given": row.due.given,
        "earliest": _day(row.due.earliest_day),
        "latest": _day(row.due.latest_day),
        "overdue_days": row.due.overdue_days(row.today),
        "complete": row.due.complete,
    }
    return document | ({"name": name} if name else {})


def due_line(row: DueRow, name: str) -> str:
    """Return it in one line."""
    earliest, latest = _day(row.due.earliest_day), _day(row.due.latest_day)
    when = f"next from {earliest}" if earliest else "the course names no next day"
    until = f" to {latest}" if latest else ""
    overdue = row.due.overdue_days(row.today)
    late = f", overdue by {overdue} days" if overdue else ""
    done = ", course complete" if row.due.complete else ""
    who = f"{row.alias} ({name})" if name else row.alias
    return one_line(f"{who}: {row.course}, {row.product}: {row.due.given} given, {when}{until}{late}{done}")


def _day(day: int | None) -> str:
    return "" if day is None else day_text(day)
