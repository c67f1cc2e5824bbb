"""What is kept outside, in words."""

from meso_device.accounting.clinic import Outside
from meso_device.audit.outside import Required
from protocols.units import DAY_US


def since_text(found: Outside) -> str:
    """Return how much is newer than what is kept outside."""
    return f"{_count(found.records, 'record')} and {_count(max(0, found.age_us) // DAY_US, 'day')}"


def required_text(asked: Required) -> str:
    """Return what the clinic asks for before a session."""
    most = [_count(asked.records_max, "record")] if asked.records_max else []
    most += [_count(asked.days_max, "day")] if asked.days_max else []
    if not most:
        return "nothing: sessions begin whatever is kept outside"
    return f"no session more than {' or '.join(most)} after the last checkpoint kept outside"


def _count(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"
