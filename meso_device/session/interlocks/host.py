"""What the host itself must have before anything is permitted."""

from meso_device.session.interlocks.case import Case


def disk_low(case: Case) -> str:
    """Refuse when what the next grant does might not be recorded to its end (I-48)."""
    return "the disk of the data directory is nearly full: free some, then resume" if case.facts.disk_low else ""
