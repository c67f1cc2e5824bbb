"""How many cases of one kind a run has: a test run enough to see each kind, `make proof` all of them."""

import os

LONG = os.environ.get("MESO_LONG") == "1"


def long_form(*cases: object) -> tuple[object, ...]:
    """These cases in the long form alone: others of their kind are in every run."""
    return cases if LONG else ()
