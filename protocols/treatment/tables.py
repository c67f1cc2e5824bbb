"""Reading the tables that ship with the package."""

import csv
from collections.abc import Iterator


def rows(name: str) -> Iterator[dict[str, str]]:
    """Yield the rows of ``data/<name>.csv``; an empty cell means that nobody was seen to say."""
    # What decides imports this module, and importing the library's reader would bring the system in with it.
    from importlib.resources import files  # noqa: PLC0415  # read once, at first use

    text = (files("protocols.treatment") / "data" / f"{name}.csv").read_text(encoding="utf-8")
    yield from csv.DictReader(text.splitlines())


def figure(cell: str) -> int | None:
    """Return a whole number, or None where nobody was seen to say."""
    return int(cell) if cell else None
