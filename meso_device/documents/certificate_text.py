"""The calibration certificate as a document to be read: the same content as its JSON, in the order of a certificate."""

from collections.abc import Iterator
from typing import Final

from meso_device.calibration.decision import Rule
from meso_device.calibration.record import Judged, Use, What
from meso_device.documents.blocks import (
    SIMULATED,
    Block,
    Column,
    Document,
    Facts,
    Heading,
    Items,
    Notice,
    Table,
    Text,
)
from meso_device.documents.certificate import NOT_STATED, Certificate
from meso_device.documents.certificate_charts import charts
from meso_device.documents.certificate_results import SINGLES_NOT_ASSESSED, results, uncertainty
from meso_device.documents.numbers import MINUS, fixed, short, signed
from meso_device.documents.qr import checkpoint_figure
from meso_device.documents.wording import (
    NOT_IN_SKIN,
    NOT_MEASURED,
    clock,
    day,
    instant,
    verdict_text,
)
from protocols.treatment.needles import heads, needles
from protocols.treatment.syringes import syringes

AUTHOR: Final = "meso-device"
_SIMULATED_TEXT: Final = (
    "SIMULATED: the gun, the instruments and every reading of this certificate are simulated. It says nothing about "
    "any real device."
)
_WHAT: Final = {
    "dose": "dose by weighing",
    "depth": "needle travel by a gauge",
    "sensors": "zero of the sensors",
    "syringe": "geometry of a syringe by weighing",
    "filling": "first shots, drip and last doses of a filling by weighing",
}
_WEIGHED: Final = frozenset(what.value for what in What if what.weighs)
_RISKS: Final = {
    Rule.SIMPLE: "A pass at the limit is wrong with a probability of up to 50 %.",
    Rule.GUARDED: "A pass is wrong with a probability of at most about 2.3 %.",
    Rule.FOUR: "A pass is wrong with a probability of at most about 2.3 %, a conditional pass of at most 50 %.",
}
_STATEMENTS: Final = (
    "The results relate only to the item calibrated, as it was then.",
    NOT_IN_SKIN,
    (
        "The expanded uncertainty U is the standard uncertainty of the mean times k, which covers about 95.45 % for "
        "the effective degrees of freedom stated. It says nothing about what happens after the calibration."
    ),
    "This certificate may be given away only as a whole.",
    "It is made by a program that no authority has looked at, and claims no accreditation and no standard.",
)


def certificate_document(certificate: Certificate, checkpoint: str) -> Document:
    """Return the certificate to be rendered; ``checkpoint`` is a signed checkpoint that covers its records."""
    stages = [
        (name, judged)
        for name, judged in (("as found", certificate.as_found), ("as left", certificate.as_left))
        if judged is not None
    ]
    year, month, number = (int(part) for part in day(certificate.issued_day).split("-"))
    blocks: list[Block] = [Notice(_SIMULATED_TEXT)] if certificate.simulated else []
    blocks += _head(certificate)
    blocks += _results(certificate, stages)
    blocks += _adjustment(certificate)
    blocks += charts(stages)
    blocks += uncertainty(stages)
    blocks += _circumstances(certificate)
    blocks += _people(certificate)
    blocks += [
        Heading("Statements"),
        Items(_STATEMENTS),
        Heading("Raw readings"),
        _raw(certificate),
        Heading("Proof"),
        Facts(
            (
                ("SHA-256 of the certificate", certificate.digest()),
                ("Records", f"{certificate.first_seq} to {certificate.last_seq} of log {certificate.origin}"),
                ("Run", certificate.run),
            )
        ),
        checkpoint_figure(checkpoint),
    ]
    return Document(
        title="Calibration certificate",
        number=certificate.number,
        author=AUTHOR if certificate.said.laboratory == NOT_STATED else certificate.said.laboratory,
        date=(year, month, number),
        mark=SIMULATED if certificate.simulated else "",
        blocks=tuple(blocks),
        end=f"End of certificate {certificate.number}",
    )


def _head(certificate: Certificate) -> Iterator[Block]:
    said, item = certificate.said, certificate.item
    rows = [
        ("Number", certificate.number),
        ("Laboratory", said.laboratory),
        ("Place", certificate.place),
        ("Customer", said.customer),
        ("Received", said.received),
        ("Calibrated", f"{instant(certificate.begun_us)} to {instant(certificate.ended_us)}"),
        ("Issued", day(certificate.issued_day)),
    ]
    if certificate.replaces:
        rows.append(("Replaces", certificate.replaces))
    yield Facts(tuple(rows))
    yield Heading("Item calibrated")
    firmware = f"{item.firmware}, log epoch {item.log_epoch}"
    yield Facts(
        (
            ("Gun", f"uid {item.gun_uid}, serial number {item.serial}"),
            ("Firmware", firmware),
            ("Syringe", _syringe(item.geometry_id, item.syringe_lot)),
            ("Needle", next((one.id for one in needles().values() if one.type_id == item.needle_type_id), "none")),
            ("Head", next((one.name for one in heads().values() if one.type_id == item.head_type_id), "none")),
            ("Calibration in force", f"number {item.cal_id}, hash {item.cal_hash8}"),
            ("Corrections in force", _corrections(item.in_force)),
            ("Condition", said.condition),
        )
    )


def _corrections(held: dict[str, int]) -> str:
    named = [f"{_words(name)}: {fixed(value, 0)}" for name, value in sorted(held.items()) if name != "cal_id"]
    return "; ".join(named) or "none"


_NAMED: Final = {"cal_id": "number", "pl_per_um": "syringe, pL for a µm", "min_dose_nl": "smallest dose, nL"}


def _words(name: str) -> str:
    if name in _NAMED:
        return _NAMED[name]
    *words, unit = name.split("_")
    return f"{' '.join(words)}, {_UNITS.get(unit, unit)}"


def _syringe(geometry_id: int, lot: str) -> str:
    if not geometry_id:
        return "none"
    name = next((one.name for one in syringes().values() if one.geometry_id == geometry_id), "of no known kind")
    return f"{name} (geometry {geometry_id}), lot {lot or NOT_STATED}"


def _results(certificate: Certificate, stages: list[tuple[str, Judged]]) -> Iterator[Block]:
    yield Heading("Results and conformity")
    verdicts = ", ".join(f"{name} {verdict_text(judged.verdict)}" for name, judged in stages)
    yield Notice(f"{_WHAT[certificate.method.what].capitalize()}: {verdicts}")
    rule = certificate.limits.rule
    wording = rule.wording.replace(" - ", f" {MINUS} ")
    yield Text(
        f"Decision rule “{rule.value}”: {wording}. T is the largest error that is allowed, U the expanded uncertainty "
        f"of the error. {_RISKS[rule]}"
    )
    for name, judged in stages:
        yield from results(name, judged, pooled=certificate.method.shots_each > 1)
    if certificate.as_left is None:
        renewed = "Only the number of the calibration was renewed" if certificate.adjusted else "Nothing was adjusted"
        yield Text(f"{renewed}: the results as found are the results as left.")


def _adjustment(certificate: Certificate) -> Iterator[Block]:
    adjusted = certificate.adjusted
    if adjusted is None:
        return
    yield Heading("Adjustment")
    yield Table(
        (
            Column("what"),
            Column("old", number=True),
            Column("new", number=True),
            Column("difference", number=True),
            Column("", wide=True),
        ),
        tuple(
            (
                _words(key),
                fixed(adjusted.old.get(key, 0), 0),
                fixed(new, 0),
                signed(new - adjusted.old.get(key, 0), 0),
                "",
            )
            for key, new in sorted(adjusted.new.items())
        ),
    )
    yield Text(f"Written to the gun and read back equal; hash of the calibration from then on {adjusted.cal_hash8}.")


def _circumstances(certificate: Certificate) -> Iterator[Block]:
    method, here = certificate.method, certificate.conditions
    unit = "mm" if method.what == "depth" else "µL"
    targets = ", ".join(short(target, 3) for target in method.targets)
    yield Heading("Method, conditions and references")
    yield Facts(
        (
            ("Limits as released, SHA-256", method.limits_sha256 or "not named"),
            ("Method", f"{_WHAT[method.what]}, profile {method.profile}, meso-device {method.software}"),
            (
                "Plan",
                (
                    f"{targets or 'zero'} {unit if targets else ''}; {method.readings_each} readings each, "
                    f"shots a reading: {method.shots_each}"
                ),
            ),
            ("Water", _measured(here.water_mdegc, 3, "°C")),
            ("Air", _measured(here.air_mdegc, 3, "°C")),
            ("Pressure", _measured(here.pressure_pa, 3, "kPa")),
            ("Relative humidity", _measured(here.humidity_permille, 1, "%")),
        )
    )
    yield Table(
        (
            Column("reference"),
            Column("serial number"),
            Column("certificate", wide=True),
            Column("due"),
            Column("u", number=True),
        ),
        tuple(
            (one.what, one.serial, one.certificate, day(one.due_day), f"{one.u} {_UNITS.get(one.unit, one.unit)}")
            for one in certificate.references
        ),
    )
    deviations = [*certificate.said.deviations, *_own_deviations(certificate)]
    yield Facts((("Deviations", "; ".join(deviations) or "none"),))


_UNITS: Final = {"ug": "µg", "mdegc": "m°C", "mk": "mK", "nm": "nm", "um": "µm", "nl": "nL"}


def _measured(value: int, places: int, unit: str) -> str:
    return f"{short(value, places)} {unit}" if value else NOT_MEASURED


def _own_deviations(certificate: Certificate) -> Iterator[str]:
    excluded = [raw for raw in certificate.readings if raw.excluded]
    for raw in excluded:
        yield f"reading {raw.reading.no} does not count ({raw.excluded}, {raw.excluded_by})"
    if certificate.method.shots_each > 1:
        yield SINGLES_NOT_ASSESSED[:-1]
    if certificate.method.what in _WEIGHED and not any(raw.reading.use is Use.WATER for raw in certificate.readings):
        yield "the temperature of the water was taken at the start alone"
    if certificate.adjusted is not None and certificate.as_found is None:
        yield "adjusted without results as found"


def _people(certificate: Certificate) -> Iterator[Block]:
    yield Heading("Signatures")
    yield Facts(
        (
            ("Calibrated by", _person(certificate.performed_by.name, certificate.performed_by.op)),
            ("Authorised by", _person(certificate.authorised_by.name, certificate.authorised_by.op)),
            ("Signed", f"{instant(certificate.signed_us)}, each with a PIN of their own"),
            *((("Conditional pass accepted", certificate.reason),) if certificate.reason else ()),
        )
    )


def _person(name: str, op: str) -> str:
    return f"{name} (in the log {op})"


def _raw(certificate: Certificate) -> Table:
    return Table(
        (
            Column("no", number=True),
            Column("UTC"),
            Column("stage"),
            Column("for"),
            Column("target", number=True),
            Column("shots", number=True),
            Column("as said", wide=True),
            Column("value", number=True),
            Column("remark"),
        ),
        tuple(
            (
                str(raw.reading.no),
                clock(raw.at_us),
                raw.reading.stage.value.replace("_", " "),
                _use(raw.reading.use, raw.reading.direction, raw.reading.zone, raw.reading.sensor),
                short(raw.reading.target, 3) if raw.reading.target else "",
                str(raw.reading.shots) if raw.reading.shots else "",
                raw.reading.raw,
                f"{raw.reading.value} {_UNITS.get(raw.reading.unit, raw.reading.unit)}",
                f"excluded: {raw.excluded}" if raw.excluded else "",
            )
            for raw in certificate.readings
        ),
    )


def _use(use: Use, direction: str, zone: int, sensor: str) -> str:
    more = direction or sensor or (f"zone {zone}" if zone else "")
    return f"{use.value} {more}".strip()
