"""One way to run a statement: its rows are always fetched, as an error may show only then."""

from collections.abc import Sequence
from typing import Any

import apsw


def run(db: apsw.Connection, statement: str, bindings: Sequence[int | str | bytes | None] = ()) -> list[Any]:
    """Run one statement to its end and return its rows, each a tuple as the statement says."""
    return db.execute(statement, bindings).fetchall()
