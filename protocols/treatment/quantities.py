"""The value types in a treatment protocol file: each reads what people write and says what is allowed."""

import re
from dataclasses import dataclass
from typing import Annotated, Final, NoReturn, TypeAlias

from msgspec import Struct
from pydantic import BeforeValidator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from protocols.errors import UsageError
from protocols.treatment import limits
from protocols.treatment.problems import foreign_letter, quoted
from protocols.units import (
    DURATION,
    FLOW,
    LENGTH,
    PRESSURE,
    SPEED,
    VOLUME,
    Dimension,
    format_quantity,
    parse_quantity,
)

VISCOSITY: Final = Dimension("viscosity", "uPas", {"uPas": 0, "mPas": 3, "Pas": 6}, "mPas")
_PER_S: Final = Dimension("rate", "/s", {"/s": 0}, "/s")
_PER_MIN: Final = Dimension("rate", "/min", {"/min": 0}, "/min")

_ID: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}", re.ASCII)
_VERSION: Final = re.compile(r"(?:0|[1-9][0-9]{0,3})(?:\.(?:0|[1-9][0-9]{0,3})){0,2}", re.ASCII)
# An amount of a drug has no place in these files: volumes and depths only.
_DRUG_AMOUNT: Final = re.compile(r"[0-9]\s*(?:mg|mcg|µg|μg|ug|ng|g|IU|I\.U\.|IE|units?|mmol|%|‰)(?![A-Za-z])")
_TEXT_MAX: Final = 400


def _refuse(what: str) -> PydanticCustomError:
    return PydanticCustomError("treatment", "{what}", {"what": what})


# Compared by identity: typing hashes annotations, and a dimension holds a dictionary.
@dataclass(frozen=True, slots=True, eq=False)
class Quantity:
    """Reads a quantity with its unit into an integer; refuses what is out of range or off the grid.

    Attributes:
        dimension: What is measured.
        low: Lowest value, in the base unit.
        high: Highest value, in the base unit.
        grid: Values are multiples of this.
        zero: Whether 0 is accepted below ``low``.
    """

    dimension: Dimension
    low: int
    high: int
    grid: int = 1
    zero: bool = False

    def read(self, value: object) -> int:
        """Return the integer; raises what pydantic collects."""
        text = value if isinstance(value, str) else _no_text(value, self.example)
        try:
            number = parse_quantity(text, self.dimension)
        except UsageError as error:
            raise _refuse(str(error)) from None
        if not (self.low <= number <= self.high or (self.zero and number == 0)):
            raise _refuse(f"{quoted(text)} is out of range: {self.allowed} is allowed")
        if number % self.grid:
            grid = format_quantity(self.grid, self.dimension)
            raise _refuse(f"{quoted(text)} is off the grid: multiples of {grid} are allowed")
        return number

    @property
    def example(self) -> str:
        """Return a quantity as people write it."""
        one = 10 ** self.dimension.decimals[self.dimension.display]
        return format_quantity(min(self.high, max(self.low, one)), self.dimension)

    @property
    def allowed(self) -> str:
        """Return the range for a message."""
        low, high = (format_quantity(edge, self.dimension) for edge in (self.low, self.high))
        return f"{low} to {high}" + (", or 0" if self.zero else "")

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let pydantic read with `read` alone."""
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe what may be written, for editors."""
        units = (_unit_pattern(unit, places) for unit, places in self.dimension.decimals.items())
        return {
            "type": "string",
            "pattern": f"^(?:{'|'.join(units)})$",
            "description": f"{self.dimension.name}, {self.allowed}",
            "examples": [self.example],
        }


class RateAsInterval(Struct, frozen=True):
    """Reads a rate as the interval that keeps it: 1 s or 1 min divided by the rate, in whole milliseconds."""

    def read(self, value: object) -> int:
        """Return the interval in milliseconds; raises what pydantic collects."""
        text = value if isinstance(value, str) else _no_text(value, "9 /s")
        per_minute = text.endswith("min")
        dimension, period_ms = (_PER_MIN, 60_000) if per_minute else (_PER_S, 1_000)
        highest = limits.RATE_PER_MIN_MAX if per_minute else limits.RATE_PER_S_MAX
        try:
            rate = parse_quantity(text, dimension)
        except UsageError:
            what = f"rate {quoted(text)} refused: write a whole number of shots, such as '9 /s' or '30 /min'"
            raise _refuse(what) from None
        if not 1 <= rate <= highest:
            allowed = f"1 to {limits.RATE_PER_S_MAX} /s or 1 to {limits.RATE_PER_MIN_MAX} /min"
            raise _refuse(f"rate {quoted(text)} is out of range: {allowed} is allowed")
        return period_ms // rate

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let pydantic read with `read` alone."""
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe what may be written, for editors."""
        return {
            "type": "string",
            "pattern": "^[1-9][0-9]{0,2} ?/(?:s|min)$",
            "description": f"shots, 1 to {limits.RATE_PER_S_MAX} /s or 1 to {limits.RATE_PER_MIN_MAX} /min",
            "examples": ["9 /s", "30 /min"],
        }


class Form(Struct, frozen=True):
    """Reads a text of one form, with ASCII letters alone, so that no letter passes for another."""

    pattern: re.Pattern[str]
    words: str

    def read(self, value: object) -> str:
        """Return the text; raises what pydantic collects."""
        if not isinstance(value, str):
            raise _refuse(f"not a text in quotes: {self.words}")
        if self.pattern.fullmatch(value) is None:
            odd = foreign_letter(value)
            raise _refuse(f"{quoted(value)} refused: {self.words}" + (f"; {odd}" if odd else ""))
        return value

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let pydantic read with `read` alone."""
        return core_schema.no_info_plain_validator_function(self.read)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        """Describe what may be written, for editors."""
        return {"type": "string", "pattern": f"^{self.pattern.pattern}$", "description": self.words}


def _no_text(value: object, example: str) -> NoReturn:
    if isinstance(value, int | float) and not isinstance(value, bool):
        raise _refuse(f"{quoted(str(value))} has no unit: write a quantity in quotes, such as {example!r}")
    raise _refuse(f"not a quantity: write it in quotes, such as {example!r}")


def _unit_pattern(unit: str, places: int) -> str:
    fraction = rf"(?:\.[0-9]{{1,{places}}})?" if places else ""
    return rf"(?:0|[1-9][0-9]{{0,9}}){fraction} ?{unit}"


def _read_words(value: object) -> str:
    if not isinstance(value, str):
        raise _refuse("not a text in quotes")
    if not value.strip() or len(value) > _TEXT_MAX:
        raise _refuse(f"a text of 1 to {_TEXT_MAX} characters is allowed")
    if not value.isprintable():
        raise _refuse("only printable characters on one line are allowed")
    return value


def _read_product_words(value: object) -> str:
    words = _read_words(value)
    found = _DRUG_AMOUNT.search(words)
    if found is not None:
        raise _refuse(f"{quoted(found.group())} looks like an amount of a drug: these files hold volumes only")
    return words


Id: TypeAlias = Annotated[str, Form(_ID, "small letters a-z, digits, _ and -, at most 40")]
Version: TypeAlias = Annotated[str, Form(_VERSION, "a version is up to three numbers with points, such as '1.2'")]
_WORDS: Final = Field(json_schema_extra={"minLength": 1, "maxLength": _TEXT_MAX})
Words: TypeAlias = Annotated[str, BeforeValidator(_read_words), _WORDS]
ProductWords: TypeAlias = Annotated[str, BeforeValidator(_read_product_words), _WORDS]

Depth: TypeAlias = Annotated[int, Quantity(LENGTH, 0, limits.DEPTH_UM_MAX, grid=limits.DEPTH_GRID_UM)]
Dose: TypeAlias = Annotated[int, Quantity(VOLUME, limits.DOSE_NL_MIN, limits.DOSE_NL_MAX, zero=True)]
Spacing: TypeAlias = Annotated[int, Quantity(LENGTH, limits.SPACING_UM_MIN, limits.SPACING_UM_MAX)]
Rate: TypeAlias = Annotated[int, RateAsInterval()]
Flow: TypeAlias = Annotated[int, Quantity(FLOW, limits.FLOW_NL_PER_S_MIN, limits.FLOW_NL_PER_S_MAX, zero=True)]
Dwell: TypeAlias = Annotated[int, Quantity(DURATION, 0, limits.DWELL_MS_MAX)]
Antidrip: TypeAlias = Annotated[int, Quantity(VOLUME, 0, limits.ANTIDRIP_NL_MAX)]
Suction: TypeAlias = Annotated[int, Quantity(PRESSURE, 0, limits.SUCTION_PA_MAX)]
Pressure: TypeAlias = Annotated[int, Quantity(PRESSURE, limits.PRESSURE_PA_MIN, limits.PRESSURE_PA_MAX)]
NeedleSpeed: TypeAlias = Annotated[
    int, Quantity(SPEED, limits.NEEDLE_SPEED_UM_PER_S_MIN, limits.NEEDLE_SPEED_UM_PER_S_MAX)
]
Volume: TypeAlias = Annotated[int, Quantity(VOLUME, limits.DOSE_NL_MIN, limits.VOLUME_NL_MAX)]
Viscosity: TypeAlias = Annotated[int, Quantity(VISCOSITY, limits.VISCOSITY_UPAS_MIN, limits.VISCOSITY_UPAS_MAX)]
