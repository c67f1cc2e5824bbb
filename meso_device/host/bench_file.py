"""The bench file: which instruments stand there, how the room is, and what is allowed. TOML, strict.

::

    place = "bench 1"

    [balance]                 # thermometer and gauge alike, with u_mk and u_nm
    serial = "B0000001"
    certificate = "M-2026-114"
    due = 2027-03-31
    u_ug = 10                 # standard uncertainty of a reading

    [room]
    water_mdegc = 20000
    air_mdegc = 20000
    pressure_pa = 101325
    humidity_permille = 500
"""

import tomllib
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from meso_device.calibration.limits import BenchLimits
from meso_device.calibration.order import INTERVAL_DAYS
from meso_device.calibration.record import Limits, Reference
from meso_device.calibration.water import Conditions
from protocols.errors import UsageError

U_MAX: Final = 1_000_000_000
LETTERS_MAX: Final = 80
BYTES_MAX: Final = 64 * 1024
_EPOCH: Final = date(1970, 1, 1)


class _Balance(Struct, frozen=True, forbid_unknown_fields=True):
    serial: str
    certificate: str
    due: date
    u_ug: int


class _Thermometer(Struct, frozen=True, forbid_unknown_fields=True):
    serial: str
    certificate: str
    due: date
    u_mk: int


class _Gauge(Struct, frozen=True, forbid_unknown_fields=True):
    serial: str
    certificate: str
    due: date
    u_nm: int


class _Room(Struct, frozen=True, forbid_unknown_fields=True):
    water_mdegc: int
    air_mdegc: int
    pressure_pa: int
    humidity_permille: int


class _Limits(Limits, frozen=True, forbid_unknown_fields=True):
    """The limits of a run, with nothing else beside them."""


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    place: str = ""
    interval_days: int = INTERVAL_DAYS
    balance: _Balance | None = None
    thermometer: _Thermometer | None = None
    gauge: _Gauge | None = None
    room: _Room | None = None
    limits: _Limits = _Limits()


class BenchFile(Struct, frozen=True, kw_only=True):
    """A bench as its file says.

    Attributes:
        place: Where it is; empty if not said.
        interval_days: From one calibration to the next.
        references: Instruments.
        conditions: Room; None where not measured.
        limits: What is allowed.
    """

    place: str
    interval_days: int
    references: tuple[Reference, ...]
    conditions: Conditions | None
    limits: Limits

    @property
    def bench_limits(self) -> BenchLimits:
        """What is allowed, as it is released."""
        return BenchLimits(limits=self.limits, interval_days=self.interval_days)


def load_bench(source: str) -> BenchFile:
    """Read the bench file of this name; nothing but a plain file is opened.

    Raises:
        UsageError: it cannot be read, or is refused; see `parse_bench`.
    """
    path = Path(source).expanduser()
    try:
        if not path.is_file():
            raise UsageError(f"bench file {source} cannot be read: there is no such file")
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
    except (OSError, RuntimeError, ValueError) as error:
        raise UsageError(f"bench file {source} cannot be read: {error}") from None
    if len(content) > BYTES_MAX:
        raise UsageError(f"bench file {source} is longer than {BYTES_MAX // 1024} KiB")
    return parse_bench(content, source)


def parse_bench(content: bytes, source: str) -> BenchFile:
    """Return what a bench file says; ``source`` names it in a refusal.

    Raises:
        UsageError: a value is missing, unknown, of another kind or out of range.
    """
    try:
        found = msgspec.convert(tomllib.loads(content.decode()), _File)
    except (msgspec.ValidationError, ValueError) as error:
        raise UsageError(f"bench file {source} refused: {error}") from None
    _check(found, source)
    references = []
    for what, one, u, unit in (
        ("balance", found.balance, lambda b: b.u_ug, "ug"),
        ("thermometer", found.thermometer, lambda t: t.u_mk, "mk"),
        ("gauge", found.gauge, lambda g: g.u_nm, "nm"),
    ):
        if one is not None:
            references.append(_reference(what, one, u, unit, source))
    room = found.room
    return BenchFile(
        place=found.place,
        interval_days=found.interval_days,
        references=tuple(references),
        conditions=None
        if room is None
        else Conditions(
            water_mdegc=room.water_mdegc,
            air_mdegc=room.air_mdegc,
            pressure_pa=room.pressure_pa,
            humidity_permille=room.humidity_permille,
        ),
        limits=Limits(**{name: getattr(found.limits, name) for name in Limits.__struct_fields__}),
    )


def _reference(
    what: str, one: _Balance | _Thermometer | _Gauge, u: Callable[..., int], unit: str, source: str
) -> Reference:
    for name, text in (("serial", one.serial), ("certificate", one.certificate)):
        if not (text.isprintable() and 0 < len(text) <= LETTERS_MAX):
            raise UsageError(f"bench file {source} refused: {what}.{name} takes 1 to {LETTERS_MAX} letters")
    if not 0 < u(one) <= U_MAX:
        raise UsageError(f"bench file {source} refused: {what}.u_{unit} is {u(one)}; no instrument is exact")
    due_day = (one.due - _EPOCH).days
    return Reference(what=what, serial=one.serial, certificate=one.certificate, due_day=due_day, u=u(one), unit=unit)


def _check(found: _File, source: str) -> None:
    limits = found.limits
    if not (len(found.place) <= LETTERS_MAX and (not found.place or found.place.isprintable())):
        raise UsageError(f"bench file {source} refused: place is longer than {LETTERS_MAX} letters")
    for name, value, low, high in (
        ("interval_days", found.interval_days, 1, 3_650),
        ("limits.mean_permille", limits.mean_permille, 1, 500),
        ("limits.single_permille", limits.single_permille, 1, 500),
        ("limits.floor_nl", limits.floor_nl, 1, 10_000),
        ("limits.content_permille", limits.content_permille, 500, 999),
        ("limits.confidence_permille", limits.confidence_permille, 500, 999),
        ("limits.depth_nm", limits.depth_nm, 1_000, 2_000_000),
        ("limits.linear_nm", limits.linear_nm, 1_000, 2_000_000),
        ("limits.first_shots", limits.first_shots, 0, 100),
        ("limits.drip_permille", limits.drip_permille, 1, 500),
    ):
        if not low <= value <= high:
            raise UsageError(f"bench file {source} refused: {name} is {value}; {low} to {high}")
