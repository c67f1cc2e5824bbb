"""Data directories as commands name them: the one for real guns, and beside it the one for practice."""

import os
from pathlib import Path
from typing import Final

from meso_device.host.home import HOME_VARIABLE, Home, existing_home, find_home

SIMULATED: Final = "simulated"


def practice_home(home: Path | None) -> Path:
    """Return where a console with a simulated gun of its own keeps its records: never beside those of real guns."""
    root = find_home(home, os.environ)
    return root.with_name(f"{root.name}-{SIMULATED}") if _is_unnamed(home) else root


def running_homes(home: Path | None) -> list[Home]:
    """Return the data directories in which the host may run that is meant: the one named, else both.

    Raises:
        UsageError: none of them is there.
    """
    roots = [find_home(home, os.environ)]
    if _is_unnamed(home) and practice_home(home).is_dir():
        roots.append(practice_home(home))
        roots = [root for root in roots if root.is_dir()]
    return [existing_home(root) for root in roots]


def _is_unnamed(home: Path | None) -> bool:
    return home is None and not os.environ.get(HOME_VARIABLE)
