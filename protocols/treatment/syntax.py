"""From text to the tables of TOML, or to a refusal that names the place."""

import re
import tomllib
from typing import Any, Final

from protocols.treatment.positions import scan
from protocols.treatment.problems import PROBLEMS_MAX, Problem, TreatmentFileError, printable, quoted

_PLACE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_REASON_MAX: Final = 100


def parse_toml(text: str, name: str) -> dict[str, Any]:
    """Return the tables of a bounded TOML text.

    Raises:
        TreatmentFileError: not TOML; a key or table is written twice; brackets are nested too deep.
    """
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        problems = _problems(text, str(error))
    except RecursionError:
        positions = scan(text)
        problems = [Problem(*positions.at(positions.deepest[1]), "brackets are nested too deep")]
    raise TreatmentFileError(name, problems)


def _problems(text: str, message: str) -> list[Problem]:
    positions = scan(text)
    found = _PLACE.search(message)
    what = printable(message[: found.start()] if found is not None else message)[:_REASON_MAX]
    # tomllib points behind the second value; the writer needs to see both keys.
    if positions.duplicates and what.startswith("Cannot"):
        return [
            Problem(
                *positions.at(second),
                f"{quoted(positions.written(second))} is there already, on line {positions.at(first)[0]}",
            )
            for second, first in positions.duplicates[: PROBLEMS_MAX + 1]
        ]
    if found is not None and found.group(1) is not None:
        return [Problem(int(found.group(1)), int(found.group(2)), what)]
    return [Problem(*positions.at(len(text)), f"{what} at the end of the file")]
