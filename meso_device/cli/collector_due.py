"""What is due at any console: sessions of courses, calibrations, and injections that nobody has settled."""

from datetime import UTC, datetime

from meso_device.audit.queries import sessions
from meso_device.cli import calibration_text, patient_due
from meso_device.cli.lookback_text import area_name
from meso_device.cli.output import printable
from meso_device.collector.fleet import Fleet
from meso_device.records import calibration_state
from meso_device.records.unsettled import Unsettled, unsettled
from protocols.units import day_of, format_dose


def due_document(fleet: Fleet, now_utc_us: int) -> dict[str, object]:
    """Return what is due as a JSON object; each entry names its console and whether it is of simulated guns."""
    courses, calibrations, open_ends = list[object](), list[object](), list[object]()
    for simulated, db in ((False, fleet.real), (True, fleet.simulated)):
        marked = {"simulated": simulated}
        consoles = _consoles_of_aliases(fleet)
        courses += [
            patient_due.due_document(row, "") | {"consoles": consoles.get(row.alias, [])} | marked
            for row in patient_due.due_rows(db, now_utc_us)
        ]
        calibrations += [
            calibration_text.due_document(row) | {"console": fleet.console_of.get(row.newest.run, "")} | marked
            for row in calibration_state.due_rows(db, day_of(now_utc_us))
        ]
        open_ends += [_unsettled_document(one, fleet) | marked for one in unsettled(db)]
    return {"courses": courses, "calibrations": calibrations, "unsettled": open_ends, "lacking": fleet.lacking}


def due_lines(fleet: Fleet, now_utc_us: int) -> list[str]:
    """Return what is due in lines, real guns first; what is lacking is not among them."""
    lines = []
    consoles = _consoles_of_aliases(fleet)
    for mark, db in (("", fleet.real), ("  SIMULATED", fleet.simulated)):
        for one in unsettled(db):
            lines += _unsettled_lines(one, fleet, mark)
        for row in calibration_state.due_rows(db, day_of(now_utc_us)):
            first, *others = calibration_text.due_lines(row)
            console = fleet.console_of.get(row.newest.run, "UNKNOWN")
            lines += [f"{first}{mark}", f"  calibrated at: {console}", *others]
        for course in patient_due.due_rows(db, now_utc_us):
            known_at = ", ".join(consoles.get(course.alias, ["UNKNOWN"]))
            lines += [f"{patient_due.due_line(course, '')}{mark}", f"  known at:      {known_at}"]
    return [printable(line) for line in lines] or ["nothing is due, and every injection is settled"]


def _consoles_of_aliases(fleet: Fleet) -> dict[str, list[str]]:
    """Return the consoles at which each patient was treated: these know who it is."""
    found: dict[str, list[str]] = {}
    for db in (fleet.real, fleet.simulated):
        for row in reversed(sessions(db)):
            names = found.setdefault(row.alias, [])
            name = fleet.console_of[row.session]
            if name not in names:
                names.append(name)
    return found


def _unsettled_document(one: Unsettled, fleet: Fleet) -> dict[str, object]:
    return {
        "console": fleet.console_of.get(one.session, ""),
        "session": one.session,
        "alias": one.alias,
        "gun_uid": one.gun_uid,
        "area": area_name(one.area_code),
        "product": one.product,
        "lot": one.lot,
        "link_lost": one.lost,
        "session_running": one.running,
        "session_opened_us": one.opened_us,
        "shots_max": one.shots_max,
        "dose_nl_max": one.nl_max,
    }


def _unsettled_lines(one: Unsettled, fleet: Fleet, mark: str) -> list[str]:
    when = datetime.fromtimestamp(one.opened_us / 1e6, UTC)
    why = "the link was lost and its end is not read" if one.lost else "no record tells of its end yet"
    then = "it runs, or was left" if one.running else "closed"
    return [
        (
            f"UNKNOWN: up to {one.shots_max} injections, {format_dose(one.nl_max)}, {one.product} in "
            f"{area_name(one.area_code)} of {one.alias or 'nobody known'}: {why}{mark}"
        ),
        (
            f"  session {one.session or 'unknown'} of {when:%Y-%m-%d %H:%M} UTC ({then}), gun {one.gun_uid}; "
            f"settled at {fleet.console_of.get(one.session, 'UNKNOWN')}, with this gun: meso session resume"
        ),
    ]
