"""What the readings of a run came to, and how sure that is, as tables."""

from collections.abc import Callable, Iterator
from typing import Final

from meso_device.calibration.record import (
    DepthJudged,
    DoseJudged,
    DosePoint,
    FillingJudged,
    Judged,
    Line,
    SensorsJudged,
)
from meso_device.documents.blocks import Block, Column, Facts, Heading, Table, Text
from meso_device.documents.numbers import fixed, percent, short, signed
from meso_device.documents.wording import (
    degrees,
    factor,
    microlitres,
    microlitres_up,
    micrometres,
    micrometres_up,
    signed_microlitres,
    signed_micrometres,
    verdict_text,
)

_THIRDS: Final = {1: "front", 2: "middle", 3: "rear"}
SINGLES_NOT_ASSESSED: Final = "Several shots a weighing: the spread of single shots is not assessed."


def results(name: str, judged: Judged, *, pooled: bool) -> Iterator[Block]:
    """Yield the results of a stage; ``pooled`` where several shots were weighed together."""
    match judged:
        case DoseJudged():
            yield from _dose_results(name, judged, pooled=pooled)
        case DepthJudged():
            yield from _depth_results(name, judged)
        case SensorsJudged():
            yield _sensor_results(name, judged)
        case FillingJudged():
            yield from _filling_results(name, judged)


def uncertainty(stages: list[tuple[str, Judged]]) -> Iterator[Block]:
    """Yield the budgets of the uncertainty of all results."""
    rows: list[tuple[str, ...]] = []
    for name, judged in stages:
        match judged:
            case DoseJudged():
                for point in judged.points:
                    rows += _budget(f"{short(point.set_nl, 3)} µL {name}", point.budget, microlitres_up, "µL")
            case DepthJudged():
                rows += _budget(f"travel {name}", judged.budget, micrometres_up, "µm")
            case SensorsJudged() | FillingJudged():
                pass
    if rows:
        yield Heading("Uncertainty")
        yield Table(
            (
                Column("result"),
                Column("from", wide=True),
                Column("u", number=True),
                Column("deg. of freedom", number=True),
            ),
            tuple(rows),
        )


def _budget(name: str, lines: tuple[Line, ...], written: Callable[[int], str], unit: str) -> list[tuple[str, ...]]:
    return [
        (
            name if no == 0 else "",
            line.name,
            f"{written(line.u)} {unit}",
            "infinite" if line.degrees < 0 else str(line.degrees),
        )
        for no, line in enumerate(lines)
    ]


def _dose_results(name: str, judged: DoseJudged, *, pooled: bool) -> Iterator[Block]:
    yield Text(f"Dose {name}, in µL; error of all doses together {percent(judged.gain_error_ppm)}.")
    yield Table(
        (
            Column("set", number=True),
            Column("n", number=True),
            Column("mean", number=True),
            Column("error", number=True),
            Column("s", number=True),
            Column("CV", number=True),
            Column("U", number=True),
            Column("k", number=True),
            Column("deg. of freedom", number=True),
            Column("T", number=True),
            Column("verdict", wide=True),
        ),
        tuple(
            (
                short(point.set_nl, 3),
                str(len(point.volumes_pl)),
                microlitres(point.mean_pl),
                signed_microlitres(point.error_pl),
                microlitres(point.s_pl),
                f"{short(point.s_pl * 10_000 // point.mean_pl, 2)} %" if point.mean_pl > 0 else "",
                microlitres_up(point.expanded_pl),
                factor(point.k_ppm),
                degrees(point.degrees_milli),
                microlitres(point.limit_pl),
                verdict_text(point.verdict),
            )
            for point in judged.points
        ),
    )
    if judged.pl_per_um:
        thirds = "; ".join(f"{_THIRDS[zone]} {fixed(pl_per_um, 0)}" for zone, pl_per_um in judged.zone_pl_per_um)
        yield Text(
            f"Geometry of the syringe {name}, in pL for a micrometre of plunger travel: {fixed(judged.pl_per_um, 0)}, "
            f"U {fixed(judged.expanded_pl_per_um, 0)}; by third of the container: {thirds}."
        )
    if pooled:
        yield Text(SINGLES_NOT_ASSESSED)
        return
    assessed = [point for point in judged.points if point.tolerance_k_ppm]
    if assessed:
        yield Text(f"Single shots {name}, in µL: where they lie, by the exact two-sided tolerance factor.")
        yield Table(
            (
                Column("set", number=True),
                Column("from", number=True),
                Column("to", number=True),
                Column("allowed", number=True),
                Column("factor", number=True),
                Column("", wide=True),
            ),
            tuple(_singles(point) for point in assessed),
        )


def _singles(point: DosePoint) -> tuple[str, ...]:
    return (
        short(point.set_nl, 3),
        short(point.tolerance_low_nl, 3),
        short(point.tolerance_high_nl, 3),
        f"± {short(point.single_limit_nl, 3)}",
        factor(point.tolerance_k_ppm),
        "within" if point.singles_within else "NOT within",
    )


def _depth_results(name: str, judged: DepthJudged) -> Iterator[Block]:
    yield Text(f"Needle travel {name}, in air; deviations from the travel commanded, in µm.")
    yield Table(
        (
            Column("commanded, mm", number=True),
            Column("from below", number=True),
            Column("s", number=True),
            Column("from above", number=True),
            Column("s", number=True),
            Column("", wide=True),
        ),
        tuple(
            (
                fixed(point.target_um, 3),
                signed_micrometres(point.up_nm),
                micrometres(point.s_up_nm),
                signed_micrometres(point.down_nm),
                micrometres(point.s_down_nm),
                "",
            )
            for point in judged.points
        ),
    )
    yield Facts(
        (
            (
                "Largest error",
                (
                    f"{signed_micrometres(judged.error_nm)} µm, U = {micrometres_up(judged.expanded_nm)} µm "
                    f"(k = {factor(judged.k_ppm)}, effective degrees of freedom {degrees(judged.degrees_milli)}), "
                    f"T = {micrometres(judged.limit_nm)} µm: {verdict_text(judged.verdict)}"
                ),
            ),
            (
                "Straight line",
                (
                    f"gain {percent(judged.gain_error_ppm, 3)} (standard error {fixed(judged.gain_se_ppm, 4)} %), "
                    f"offset {signed_micrometres(judged.offset_nm)} µm (standard error "
                    f"{micrometres(judged.offset_se_nm)} µm), residuals s {micrometres(judged.residual_s_nm)}, largest "
                    f"{micrometres(judged.residual_max_nm)} µm: {'linear' if judged.linear else 'NOT linear'}"
                ),
            ),
            (
                "Backlash",
                (
                    f"mean {signed_micrometres(judged.backlash_mean_nm)} µm, largest "
                    f"{micrometres(judged.backlash_max_nm)} µm"
                ),
            ),
            (
                "Positioning, in the manner of ISO 230-2",
                ", ".join(
                    f"{key.replace('_', ' ')} {micrometres(value)} µm" for key, value in judged.positioning_nm.items()
                ),
            ),
        )
    )


def _filling_results(name: str, judged: FillingJudged) -> Iterator[Block]:
    yield Text(
        f"Single doses at both ends of a filling {name}, in µL, each weighed by itself; U = "
        f"{microlitres_up(judged.expanded_pl)} µL (k = 2), T = {short(judged.single_limit_nl, 3)} µL."
    )
    rows = [(f"{no} after priming", judged.set_nl, pl) for no, pl in enumerate(judged.first_pl, start=1)]
    logged = zip(judged.last_logged_nl, judged.last_pl, strict=True)
    left = len(judged.last_pl) - 1
    rows += [
        ("what was left" if no == left else f"{left - no} before the last", nl if no == left else judged.set_nl, pl)
        for no, (nl, pl) in enumerate(logged)
    ]
    yield Table(
        (
            Column("dose", wide=True),
            Column("set, or by the gun's log", number=True),
            Column("weighed", number=True),
            Column("error", number=True),
        ),
        tuple((text, short(nl, 3), microlitres(pl), signed_microlitres(pl - nl * 1_000)) for text, nl, pl in rows),
    )
    yield Facts(
        (
            (
                "First shots",
                (
                    f"{judged.first_outside} until all that follow are within T, {judged.first_max} allowed: "
                    f"{verdict_text(judged.first_verdict)}"
                ),
            ),
            (
                "Drip",
                (
                    f"{signed_microlitres(judged.drip_pl)} µL within 10 s behind a weighed dose, "
                    f"{microlitres(judged.drip_limit_pl)} µL allowed: {verdict_text(judged.drip_verdict)}"
                ),
            ),
            (
                "Last doses",
                (
                    f"largest error {signed_microlitres(judged.last_error_pl)} µL, of a whole one from the dose set, "
                    f"of what was left from the gun's log: {verdict_text(judged.last_verdict)}"
                ),
            ),
        )
    )


def _sensor_results(name: str, judged: SensorsJudged) -> Table:
    return Table(
        (
            Column(f"sensor, {name}"),
            Column("n", number=True),
            Column("offset", number=True),
            Column("s", number=True),
            Column("allowed", number=True),
            Column("", wide=True),
        ),
        tuple(
            (
                point.sensor,
                str(point.readings),
                f"{signed(point.offset_milli, 3)} {point.unit}",
                short(point.s_milli, 3),
                f"± {point.limit}",
                "within" if point.within else "NOT within",
            )
            for point in judged.points
        ),
    )
