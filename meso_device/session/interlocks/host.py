"""What the host itself must have before anything is permitted."""

from meso_device.session.interlocks.case import Case
from protocols.units import DAY_US

_HAND_OUT = "carry a copy of the log away (meso audit copy DIR --as NAME), and open the session anew"


def disk_low(case: Case) -> str:
    """Refuse when what the next grant does might not be recorded to its end (I-48)."""
    return "the disk of the data directory is nearly full: free some, then resume" if case.facts.disk_low else ""


def outside(case: Case) -> str:
    """Refuse a session that was opened with more behind the newest checkpoint kept outside than the clinic allows.

    Judged as of the opening, so that no treatment under way is held up by its own records.
    """
    found = case.facts.outside
    if found is None:
        return ""
    if found.too_many:
        return (
            f"{found.records} records are newer than the last checkpoint kept outside, {found.records_max} are allowed "
            f"here: {_HAND_OUT}"
        )
    if found.too_old:
        days = found.age_us // DAY_US
        return f"the last checkpoint kept outside is {days} days old, {found.days_max} are allowed here: {_HAND_OUT}"
    return ""
