"""What somebody asks of the bench, and how it becomes the first record of a run."""

from collections.abc import Mapping, Sequence
from typing import Final

from msgspec import Struct

from meso_device.accounting.materials import day_text
from meso_device.calibration.limits import BenchLimits
from meso_device.calibration.record import Begun, Limits, Reference, What
from meso_device.calibration.run import ZONES
from meso_device.calibration.travel import CYCLES_MIN, POINTS_MIN
from meso_device.calibration.water import Conditions, check_settled
from protocols.errors import UsageError

INTERVAL_DAYS: Final = 365
SENSORS: Final = ("pressure_pa", "suction_pa", "plunger_force_dn")
SENSOR_READINGS: Final = 10
PRIME_SHOTS: Final = 2
"""Shots that are not weighed, after each pause."""
NEEDED: Final[Mapping[What, tuple[str, ...]]] = {
    What.DOSE: ("balance", "thermometer"),
    What.DEPTH: ("gauge",),
    What.SENSORS: (),
    What.SYRINGE: ("balance", "thermometer"),
    What.FILLING: ("balance", "thermometer"),
}
"""Instruments that each kind of run is traced to."""
# The largest dose of a run is this part of the container, so that two stages of a reference run are in one filling.
_CONTENT_PARTS: Final = 50
_ROUND_NL: Final = 1_000
_ROUND_UM: Final = 100
READINGS_MAX: Final = 1_000
SHOTS_EACH_MAX: Final = 100


class Order(Struct, frozen=True, kw_only=True):
    """A run as it was asked for.

    Attributes:
        run: Fresh random id, 32 hex digits.
        what: What is calibrated.
        profile: ``reference`` (three doses) or ``field`` (one); a syringe's geometry takes one whatever it says.
        targets: Doses in nanolitres or travels in micrometres; empty for those of the profile.
        readings_each: Readings a dose, or cycles.
        shots_each: Shots a reading.
        geometry_id: Syringe fitted; 0 for the only one that the gun is set up for.
        syringe_lot: Its lot; empty if not said.
        needle_type_id, head_type_id: What is fitted.
        conditions: Water and room; None where nothing is weighed.
        references: Instruments.
        limits: What is allowed.
        place: Where; empty if not said.
        interval_days: Days from one calibration to the next, before the staircase.
        zones: Drive the plunger through all thirds of the container, with as many readings in each; always for a
            syringe's geometry.
        water_at_end: Take the water's temperature again behind each stage.
    """

    run: str
    what: What
    profile: str = "reference"
    targets: tuple[int, ...] = ()
    readings_each: int = 10
    shots_each: int = 1
    geometry_id: int = 0
    syringe_lot: str = ""
    needle_type_id: int = 4
    head_type_id: int = 1
    conditions: Conditions | None = None
    references: tuple[Reference, ...] = ()
    limits: Limits = Limits()
    place: str = ""
    interval_days: int = INTERVAL_DAYS
    zones: bool = False
    water_at_end: bool = False

    @property
    def bench_limits(self) -> BenchLimits:
        """What is allowed, as it is released."""
        return BenchLimits(limits=self.limits, interval_days=self.interval_days)


class GunFacts(Struct, frozen=True, kw_only=True):
    """What the gun says of itself, as far as a run depends on it.

    Attributes:
        serial: Serial number.
        cal_hash8: Hash of the calibration in force, in hex.
        in_force: Its corrections, number and dates.
        syringes: Picolitres a micrometre, travel in micrometres and smallest dose in nanolitres, by geometry.
        dose_nl_max, dose_grid_nl, depth_um_max, depth_grid_um: Hard limits.
    """

    serial: str
    cal_hash8: str
    in_force: dict[str, int]
    syringes: Mapping[int, tuple[int, int, int]]
    dose_nl_max: int
    dose_grid_nl: int
    depth_um_max: int
    depth_grid_um: int


def check_references(references: Sequence[Reference], what: What, today: int) -> None:
    """Refuse an instrument that is missing or whose own certificate is out of date; ``today`` in days since 1970.

    Raises:
        UsageError: names it.
    """
    for name in NEEDED[what]:
        if not any(reference.what == name for reference in references):
            raise UsageError(f"no {name} is named: a run is traced to it; add it to the bench file")
    for reference in references:
        if reference.what in NEEDED[what] and reference.due_day < today:
            raise UsageError(
                f"REFERENCE_EXPIRED: {reference.what} {reference.serial} was due on {day_text(reference.due_day)} "
                f"(certificate {reference.certificate}): have it calibrated, or take another"
            )


def begun_of(order: Order, gun: GunFacts) -> Begun:
    """Return the first record of a run on this gun.

    Raises:
        UsageError: the gun is not set up for it, or a target is not one of this gun.
    """
    if not 1 <= order.shots_each <= SHOTS_EACH_MAX:
        raise UsageError(f"{order.shots_each} shots a reading refused: 1 to {SHOTS_EACH_MAX}")
    geometry_id, (pl_per_um, travel_um, dose_nl_min) = 0, (0, 0, 0)
    readings, in_force = order.readings_each, gun.in_force
    zones = ZONES if (order.zones and order.what is What.DOSE) or order.what is What.SYRINGE else 0
    match order.what:
        case What.DOSE | What.SYRINGE | What.FILLING:
            geometry_id = _geometry(order, gun)
            pl_per_um, travel_um, dose_nl_min = gun.syringes[geometry_id]
            if order.what is What.SYRINGE:
                _check_lot(order)
                in_force = {**in_force, "pl_per_um": pl_per_um, "min_dose_nl": dose_nl_min}
            profile = order.profile if order.what is What.DOSE else "field"
            targets = order.targets or _doses(profile, gun, pl_per_um * travel_um // 1_000)
            _check(targets, "dose", "nL", dose_nl_min, gun.dose_nl_max, gun.dose_grid_nl)
            least = 2
            if order.what is What.FILLING:
                _check_filling(targets, readings, order.shots_each, pl_per_um * travel_um // 1_000)
            if zones:
                _check_zones(targets, readings, order.shots_each, pl_per_um * travel_um // 1_000)
            if order.conditions is None:
                raise UsageError("water and room are not given: nothing can be weighed without them")
            check_settled(order.conditions)
        case What.DEPTH:
            targets = order.targets or _travels(gun)
            _check(targets, "travel", "um", gun.depth_grid_um, gun.depth_um_max, gun.depth_grid_um)
            if len(targets) < POINTS_MIN or list(targets) != sorted(set(targets)):
                raise UsageError(
                    f"{len(targets)} travels refused: at least {POINTS_MIN}, each longer than the one before"
                )
            least = CYCLES_MIN
        case What.SENSORS:
            targets, readings, least = (0,) * len(SENSORS), SENSOR_READINGS, SENSOR_READINGS
    if not least <= readings <= READINGS_MAX // len(targets):
        raise UsageError(f"{readings} readings a target refused: {least} to {READINGS_MAX // len(targets)}")
    here = order.conditions
    return Begun(
        run=order.run,
        what=order.what,
        serial=gun.serial,
        cal_hash8=gun.cal_hash8,
        geometry_id=geometry_id,
        syringe_lot=order.syringe_lot,
        pl_per_um=pl_per_um,
        travel_um=travel_um,
        needle_type_id=order.needle_type_id,
        head_type_id=order.head_type_id,
        in_force=in_force,
        profile=order.profile if order.what is What.DOSE else order.what.value,
        targets=tuple(targets),
        readings_each=readings,
        shots_each=order.shots_each,
        water_mdegc=here.water_mdegc if here else 0,
        air_mdegc=here.air_mdegc if here else 0,
        pressure_pa=here.pressure_pa if here else 0,
        humidity_permille=here.humidity_permille if here else 0,
        references=order.references,
        limits=order.limits,
        interval_days=order.interval_days,
        limits_sha256=order.bench_limits.digest,
        place=order.place,
        zones=zones,
        water_at_end=order.what in {What.DOSE, What.SYRINGE} and order.water_at_end,
    )


def _check_lot(order: Order) -> None:
    """Barrels of one size differ by brand and lot: a geometry is of these three and no other."""
    if not order.syringe_lot:
        raise UsageError("the syringe's lot is not named: a geometry is of brand, size and lot; add --syringe-lot")
    if len(order.targets) > 1:
        raise UsageError("a geometry is measured by one dose: name one")


def _check_filling(targets: Sequence[int], readings: int, shots_each: int, content_nl: int) -> None:
    """Refuse what one filling cannot give: the first shots and the last doses, with room between them."""
    if len(targets) > 1 or shots_each > 1:
        raise UsageError("a filling is judged by single shots of one dose: name one")
    needed_nl = (2 * readings + PRIME_SHOTS + 2) * targets[0]
    if needed_nl > content_nl:
        raise UsageError(
            f"{readings} first and {readings} last doses of {targets[0]} nL refused: the syringe holds {content_nl} "
            "nL; fewer readings or a smaller dose"
        )


def _check_zones(targets: Sequence[int], readings: int, shots_each: int, content_nl: int) -> None:
    """Refuse what a third of the container cannot give, with the shots that are not weighed before it."""
    if readings % ZONES:
        raise UsageError(f"{readings} readings refused: each third of the container takes as many; a multiple of 3")
    needed_nl = sum(targets) * readings // ZONES * shots_each + PRIME_SHOTS * max(targets)
    if needed_nl * ZONES > content_nl:
        raise UsageError(
            f"{needed_nl} nL in each third of the container refused: it holds {content_nl // ZONES} nL; fewer readings "
            "or a smaller dose"
        )


def _geometry(order: Order, gun: GunFacts) -> int:
    known = sorted(gun.syringes)
    if order.geometry_id:
        if order.geometry_id not in gun.syringes:
            raise UsageError(
                f"WRONG_SYRINGE: the gun is set up for geometry {', '.join(map(str, known))}, not for "
                f"{order.geometry_id}: fit the right one, or have the gun set up for this one"
            )
        return order.geometry_id
    if len(known) != 1:
        raise UsageError(f"the gun is set up for {len(known)} syringes: name the one that is fitted with --syringe")
    return known[0]


def _doses(profile: str, gun: GunFacts, content_nl: int) -> tuple[int, ...]:
    """Return 10, 50 and 100 % of the range, or 50 % alone, on whole microlitres where the range allows it."""
    part_nl = (content_nl // _CONTENT_PARTS + _ROUND_NL // 2) // _ROUND_NL * _ROUND_NL
    top = min(gun.dose_nl_max, part_nl)
    shares = (100, 500, 1_000) if profile == "reference" else (500,)
    return tuple(top * share // 1_000 // gun.dose_grid_nl * gun.dose_grid_nl for share in shares)


def _travels(gun: GunFacts) -> tuple[int, ...]:
    return tuple(gun.depth_um_max * part // POINTS_MIN // _ROUND_UM * _ROUND_UM for part in range(1, POINTS_MIN + 1))


def _check(targets: Sequence[int], name: str, unit: str, least: int, most: int, grid: int) -> None:
    for target in targets:
        if not least <= target <= most or target % grid:
            raise UsageError(
                f"{name} {target} {unit} refused: this gun takes {least} to {most} {unit} in steps of {grid} {unit}"
            )
