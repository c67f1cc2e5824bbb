"""The records of a calibration run: all that the log holds of it, and all that a certificate may say.

A run is the records that share its ``run`` id, in the order of the log: begun, readings as found, judged, perhaps
adjusted, readings as left, judged, ended, signed. Every figure is an integer with its unit in the name; nothing is
dropped: an excluded reading stays, with the record that excludes it. The gun's stamp, its simulated mark and who acted
are in the envelope of each record.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, TypeAlias, cast

import msgspec
from msgspec import Struct

from meso_device.accounting.entries import Entry, GunStamp, Json
from meso_device.calibration.decision import Rule, Verdict

BEGUN: Final = "calibration.begun"
READING: Final = "calibration.reading"
EXCLUDED: Final = "calibration.excluded"
ADJUSTED: Final = "calibration.adjusted"
JUDGED: Final = "calibration.judged"
ENDED: Final = "calibration.ended"
SIGNED: Final = "calibration.signed"

CORRECTIONS: Final = ("depth_offset_um", "depth_gain_ppm", "dose_offset_nl", "dose_gain_ppm")
"""Fields of a gun's calibration that change what it does, whatever syringe is fitted."""
GEOMETRY: Final = ("pl_per_um", "min_dose_nl")
"""Fields of the row of one syringe that do."""
NO_LIMIT: Final = -1
"""Stands for infinite degrees of freedom."""


class What(StrEnum):
    """What is calibrated."""

    DOSE = "dose"
    DEPTH = "depth"
    SENSORS = "sensors"
    SYRINGE = "syringe"
    FILLING = "filling"

    @property
    def weighs(self) -> bool:
        """Whether it is done with water and a balance."""
        return self in {What.DOSE, What.SYRINGE, What.FILLING}

    @property
    def corrects(self) -> bool:
        """Whether the gun holds something that can take away what is found."""
        return self not in {What.SENSORS, What.FILLING}


class Stage(StrEnum):
    """Before anything was touched, or after the gun was adjusted."""

    AS_FOUND = "as_found"
    AS_LEFT = "as_left"


class Use(StrEnum):
    """What a reading is for.

    A dose is the difference between a reading for `DOSE` and the reading before it in the log; a blank that between a
    reading for `BLANK` and the one before it. `BASE` is a reading that only others are compared with. `WATER` is the
    water's temperature behind all of a stage. `DRIP` is what fell after the reading before it, `LAST` a dose at the end
    of a filling.
    """

    BASE = "base"
    BLANK = "blank"
    DOSE = "dose"
    GAUGE = "gauge"
    SENSOR = "sensor"
    WATER = "water"
    DRIP = "drip"
    LAST = "last"


class Reference(Struct, frozen=True, kw_only=True):
    """An instrument that a run is traced to.

    Attributes:
        what: ``balance``, ``thermometer`` or ``gauge``.
        serial: Its serial number.
        certificate: Number of its own certificate.
        due_day: Last day of that certificate, in days since 1970-01-01.
        u: Standard uncertainty that it adds to one reading.
        unit: Unit of ``u``: ``ug``, ``mk`` (thousandths of a kelvin) or ``nm``.
    """

    what: str
    serial: str
    certificate: str
    due_day: int
    u: int
    unit: str


class Limits(Struct, frozen=True, kw_only=True):
    """What is allowed, and how it is decided.

    Attributes:
        mean_permille: Largest error of the mean of a dose, in thousandths of it.
        single_permille: Limits within which single doses must lie, likewise.
        floor_nl: No limit of a dose is less than this: what the gun can resolve.
        content_permille: Share of all single doses that must lie within.
        confidence_permille: How surely.
        depth_nm: Largest error of the needle's travel.
        linear_nm: Largest residual from the straight line that the gun can hold.
        first_shots: So many shots after priming may be outside of the limits of single doses.
        drip_permille: Most that may drip behind a dose, in thousandths of it.
        rule: Decision rule.
    """

    mean_permille: int = 10
    single_permille: int = 50
    floor_nl: int = 50
    content_permille: int = 950
    confidence_permille: int = 950
    depth_nm: int = 100_000
    linear_nm: int = 50_000
    first_shots: int = 2
    drip_permille: int = 20
    rule: Rule = Rule.FOUR


class Begun(Struct, frozen=True, kw_only=True):
    """A run begins: the item, the references, the method and the conditions. Nothing has moved.

    Attributes:
        run: Random id, 32 hex digits.
        what: What is calibrated.
        serial: Serial number that the gun gives itself; uid, firmware and cal_id are in the gun's stamp.
        cal_hash8: Hash of the calibration in force, in hex.
        geometry_id, syringe_lot: Syringe fitted, and its lot; 0 and empty where none is needed.
        pl_per_um, travel_um: Its geometry in the gun's table.
        needle_type_id, head_type_id: What is fitted.
        profile: ``reference`` or ``field``; the others name themselves.
        in_force: Corrections that the gun held at the start, as in `Adjusted`.
        targets: Doses in nanolitres, or travels in micrometres, in the order in which they are taken.
        readings_each: Readings a target; for depth cycles, each up and down.
        shots_each: Shots a reading; above 1 the spread of single shots is not assessed.
        water_mdegc, air_mdegc, pressure_pa, humidity_permille: Conditions at the start; 0 where not measured.
        references: Instruments.
        limits: What is allowed.
        interval_days: Days to the next calibration, before the staircase.
        limits_sha256: Digest of limits and interval, as two people released them.
        place: Where it was done; empty if not said.
        zones: Thirds of the container that the plunger is driven through, each with as many readings; 0 where the
            readings are taken as they come.
        water_at_end: Whether the water's temperature is taken again behind each stage.
    """

    run: str
    what: What
    serial: str
    cal_hash8: str
    geometry_id: int = 0
    syringe_lot: str = ""
    pl_per_um: int = 0
    travel_um: int = 0
    needle_type_id: int = 0
    head_type_id: int = 0
    in_force: dict[str, int]
    profile: str
    targets: tuple[int, ...]
    readings_each: int
    shots_each: int = 1
    water_mdegc: int = 0
    air_mdegc: int = 0
    pressure_pa: int = 0
    humidity_permille: int = 0
    references: tuple[Reference, ...]
    limits: Limits
    interval_days: int = 365
    limits_sha256: str = ""
    place: str = ""
    zones: int = 0
    water_at_end: bool = False


class Reading(Struct, frozen=True, kw_only=True):
    """One reading of a balance, gauge or sensor.

    Attributes:
        no: Number in the run, from 1 by 1; readings and nothing else are counted.
        stage: As found or as left.
        use: What it is for.
        raw: What the instrument or the person said, verbatim.
        value: The value as an exact integer.
        unit: Of the value: ``ug``, ``nm``, ``mdegc`` or, for a sensor, that of its field.
        digit: Last digit of the instrument, in the same unit.
        target: Dose set in nanolitres, travel commanded in micrometres; 0 for base and blank.
        shots: Shots since the reading before; their records are the last ones up to ``shot_seq``.
        shot_seq: Newest record of the gun then.
        zone: Third of the container, 1 front to 3 rear; 0 where it does not matter.
        direction: ``up`` or ``down``: where the needle came from; empty otherwise.
        cycle: Cycle of a gauge reading, from 1; else 0.
        sensor: Field of the gun's status; empty otherwise.
        logged_nl: What a last dose was by the gun's log, at most; 0 otherwise.
    """

    run: str
    no: int
    stage: Stage
    use: Use
    raw: str
    value: int
    unit: str
    digit: int
    target: int = 0
    shots: int = 0
    shot_seq: int = 0
    zone: int = 0
    direction: str = ""
    cycle: int = 0
    sensor: str = ""
    logged_nl: int = 0


class Excluded(Struct, frozen=True, kw_only=True):
    """A reading that is not counted; it stays in the log. Who excluded it is the record's ``op``.

    Attributes:
        no: Its number.
        reason: Code.
    """

    run: str
    no: int
    reason: str


class Adjusted(Struct, frozen=True, kw_only=True):
    """What was written to the gun, read back equal.

    Attributes:
        old, new: ``dose_gain_ppm``, ``dose_offset_nl``, ``depth_gain_ppm``, ``depth_offset_um``, and ``cal_id``,
            ``issued_day``, ``due_day``; of a syringe's geometry also ``pl_per_um`` and ``min_dose_nl``.
        cal_hash8: Hash of the new calibration, as the gun gave it and as it was read back.
    """

    run: str
    old: dict[str, int]
    new: dict[str, int]
    cal_hash8: str

    @property
    def moves_values(self) -> bool:
        """Whether doses or travels change by it; else only number and dates were renewed."""
        return any(self.old.get(name) != self.new.get(name) for name in (*CORRECTIONS, *GEOMETRY))


class Line(Struct, frozen=True, kw_only=True):
    """One line of an uncertainty budget, in the unit of the result.

    Attributes:
        name: What it comes from.
        u: Standard uncertainty, rounded up.
        degrees: Degrees of freedom; `NO_LIMIT` for infinite.
    """

    name: str
    u: int
    degrees: int = NO_LIMIT


class WindowFigures(Struct, frozen=True, kw_only=True):
    """Errors over all windows of so many consecutive shots."""

    shots: int
    largest_ppm: int
    smallest_ppm: int


class DosePoint(Struct, frozen=True, kw_only=True):
    """The result at one dose.

    Attributes:
        set_nl: Dose set.
        volumes_pl: What each reading came to, a shot; excluded ones left out.
        mean_pl: Their mean.
        s_pl: Standard deviation, n - 1.
        error_pl: Mean less set.
        evaporation_ng: What one cycle lost.
        zone_means_pl: Mean by zone, as ``[zone, mean]``.
        budget: Lines of the uncertainty, in picolitres.
        expanded_pl: U of the mean, rounded up.
        k_ppm: Coverage factor, in millionths.
        degrees_milli: Effective degrees of freedom in thousandths; `NO_LIMIT` for infinite.
        limit_pl: T.
        verdict: By the decision rule of the run.
        tolerance_k_ppm: Exact two-sided factor, in millionths; 0 for pooled shots.
        tolerance_low_nl, tolerance_high_nl: Where single doses lie; 0 for pooled shots.
        single_limit_nl: Limit for single doses, either way.
        singles_within: Whether that interval is within the limit; True for pooled shots, where it is not assessed.
        trumpet: Errors over consecutive shots; empty for pooled shots.
    """

    set_nl: int
    volumes_pl: tuple[int, ...]
    mean_pl: int
    s_pl: int
    error_pl: int
    evaporation_ng: int
    zone_means_pl: tuple[tuple[int, int], ...]
    budget: tuple[Line, ...]
    expanded_pl: int
    k_ppm: int
    degrees_milli: int
    limit_pl: int
    verdict: Verdict
    tolerance_k_ppm: int = 0
    tolerance_low_nl: int = 0
    tolerance_high_nl: int = 0
    single_limit_nl: int = 0
    singles_within: bool = True
    trumpet: tuple[WindowFigures, ...] = ()


class DoseJudged(Struct, frozen=True, kw_only=True, tag_field="what", tag="dose"):
    """What the readings of one stage came to.

    Attributes:
        verdict: The worst of its points; a fail where single doses are not within.
        rule: Decision rule in words.
        gain_error_ppm: By how much all doses together are too large.
        pl_per_um: What a micrometre of the plunger's travel gave, in picolitres, where a syringe's geometry was
            measured; else 0.
        expanded_pl_per_um: Its U, rounded up.
        zone_pl_per_um: The same for each third of the container, as ``[zone, picolitres]``.
    """

    run: str
    stage: Stage
    verdict: Verdict
    rule: str
    gain_error_ppm: int
    points: tuple[DosePoint, ...]
    pl_per_um: int = 0
    expanded_pl_per_um: int = 0
    zone_pl_per_um: tuple[tuple[int, int], ...] = ()


class DepthPoint(Struct, frozen=True, kw_only=True):
    """The result at one travel: means over the cycles, as deviations from the travel commanded."""

    target_um: int
    up_nm: int
    down_nm: int
    s_up_nm: int
    s_down_nm: int


class DepthJudged(Struct, frozen=True, kw_only=True, tag_field="what", tag="depth"):
    """What the readings of the needle's travel came to; travel in air, never depth in skin.

    Attributes:
        verdict: On the largest error of a mean.
        rule: Decision rule in words.
        gain_error_ppm, offset_nm: The straight line through the means of both directions.
        residual_s_nm, residual_max_nm: What is left of it.
        gain_se_ppm, offset_se_nm: Standard errors.
        linear: Whether the largest residual is within its limit; else the gun cannot be corrected.
        backlash_mean_nm, backlash_max_nm: Up less down.
        error_nm: Largest error of a mean of both directions, signed.
        expanded_nm: U of that error, rounded up.
        k_ppm, degrees_milli: Coverage factor and effective degrees of freedom, as for a dose.
        limit_nm: T.
        budget: Lines of the uncertainty, in nanometres.
        positioning_nm: Figures in the manner of ISO 230-2, by name.
        points: By travel.
    """

    run: str
    stage: Stage
    verdict: Verdict
    rule: str
    gain_error_ppm: int
    offset_nm: int
    residual_s_nm: int
    residual_max_nm: int
    gain_se_ppm: int
    offset_se_nm: int
    linear: bool
    backlash_mean_nm: int
    backlash_max_nm: int
    error_nm: int
    expanded_nm: int
    k_ppm: int
    degrees_milli: int
    limit_nm: int
    budget: tuple[Line, ...]
    positioning_nm: dict[str, int]
    points: tuple[DepthPoint, ...]


class SensorPoint(Struct, frozen=True, kw_only=True):
    """One sensor at zero: mean and noise of its readings in thousandths of its unit, and what is allowed."""

    sensor: str
    unit: str
    readings: int
    offset_milli: int
    s_milli: int
    limit: int
    within: bool


class SensorsJudged(Struct, frozen=True, kw_only=True, tag_field="what", tag="sensors"):
    """What the sensors say where nothing is to be sensed; a large offset is a fault, nothing to subtract."""

    run: str
    stage: Stage
    verdict: Verdict
    rule: str
    points: tuple[SensorPoint, ...]


class FillingJudged(Struct, frozen=True, kw_only=True, tag_field="what", tag="filling"):
    """What a filling gave at its two ends, and what dripped behind its doses.

    Attributes:
        verdict: The worst of the three.
        rule: Decision rule in words.
        set_nl: Dose set.
        single_limit_nl: Limit for single doses, either way.
        expanded_pl: U of one weighed dose, rounded up.
        first_pl: The shots after priming, each as weighed.
        first_outside: Shots until all that follow are within the limit.
        first_max: So many are allowed.
        drip_pl: What fell behind the last of these, after its reading; evaporation taken off.
        drip_limit_pl: Most that is allowed.
        last_pl: The doses before the syringe was empty, each as weighed; the last one is what was left.
        last_logged_nl: What they were by the gun's log, at most.
        last_error_pl: Largest difference of a whole one from the dose set, and of the last one from the log, signed.
        first_verdict, drip_verdict, last_verdict: Of each.
    """

    run: str
    stage: Stage
    verdict: Verdict
    rule: str
    set_nl: int
    single_limit_nl: int
    expanded_pl: int
    first_pl: tuple[int, ...]
    first_outside: int
    first_max: int
    drip_pl: int
    drip_limit_pl: int
    last_pl: tuple[int, ...]
    last_logged_nl: tuple[int, ...]
    last_error_pl: int
    first_verdict: Verdict
    drip_verdict: Verdict
    last_verdict: Verdict


class Ended(Struct, frozen=True, kw_only=True):
    """The end of a run.

    Attributes:
        state: ``complete``, or ``abandoned``: then the readings stay and the calibration is as it was.
        verdict: Of the newest stage; empty when abandoned before anything was judged.
        cal_hash8: Hash of the calibration in force at the end, in hex.
        issued_day, due_day: Day of the result, and when the next one is due; 0 when abandoned.
        reason: Code of an abandoned run; empty otherwise.
    """

    run: str
    state: str
    verdict: str
    cal_hash8: str
    issued_day: int = 0
    due_day: int = 0
    reason: str = ""


class Signed(Struct, frozen=True, kw_only=True):
    """Two people stand by a complete run: pseudonyms of the technician and of the second person.

    Attributes:
        reason: Why a conditional pass is accepted; empty otherwise.
    """

    run: str
    technician: str
    second: str
    reason: str = ""


Judged: TypeAlias = DoseJudged | DepthJudged | SensorsJudged | FillingJudged
CalibrationRecord: TypeAlias = Begun | Reading | Excluded | Adjusted | Judged | Ended | Signed

_KINDS: Final[dict[type[Struct], str]] = {
    Begun: BEGUN,
    Reading: READING,
    Excluded: EXCLUDED,
    Adjusted: ADJUSTED,
    DoseJudged: JUDGED,
    DepthJudged: JUDGED,
    SensorsJudged: JUDGED,
    FillingJudged: JUDGED,
    Ended: ENDED,
    Signed: SIGNED,
}
_TYPES: Final[dict[str, Any]] = {
    BEGUN: Begun,
    READING: Reading,
    EXCLUDED: Excluded,
    ADJUSTED: Adjusted,
    JUDGED: Judged,
    ENDED: Ended,
    SIGNED: Signed,
}
KINDS: Final = frozenset(_TYPES)


def kind_of(record: CalibrationRecord) -> str:
    """Return the kind of a record in the log."""
    return _KINDS[type(record)]


def key_of(record: CalibrationRecord) -> str:
    """Return the exactly-once key: the same step of the same run is one record, however often it is told."""
    match record:
        case Begun():
            step = "begun"
        case Reading():
            step = f"reading/{record.no}"
        case Excluded():
            step = f"excluded/{record.no}"
        case Adjusted():
            step = "adjusted"
        case DoseJudged() | DepthJudged() | SensorsJudged() | FillingJudged():
            step = f"judged/{record.stage}"
        case Ended():
            step = "ended"
        case Signed():
            step = "signed"
    return f"calibration/{record.run}/{step}"


def entry_of(record: CalibrationRecord, gun: GunStamp, *, op: str, role: str) -> Entry:
    """Return the entry of a record: of this gun, by this person."""
    payload = cast("dict[str, Json]", msgspec.json.decode(msgspec.json.encode(record)))
    return Entry(kind=kind_of(record), key=key_of(record), payload=payload, op=op, role=role, gun=gun)


def read_record(kind: str, body: Mapping[str, Any]) -> CalibrationRecord:
    """Return the record that a body of the log holds, its envelope left aside.

    Raises:
        KeyError: the kind is none of `KINDS`.
        msgspec.ValidationError: the body is not of that kind.
    """
    return cast("CalibrationRecord", msgspec.convert(dict(body), _TYPES[kind]))
