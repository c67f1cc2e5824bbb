"""Whole runs at the bench, as a story that a log would tell: many readings, an adjustment, one reading excluded."""

import random
from statistics import fmean, stdev

from meso_device.calibration.decision import Rule, judge
from meso_device.calibration.record import (
    Adjusted,
    Begun,
    DepthJudged,
    DepthPoint,
    DoseJudged,
    DosePoint,
    Ended,
    Excluded,
    Limits,
    Line,
    Reading,
    Reference,
    Signed,
    Stage,
    Use,
    What,
    WindowFigures,
)
from meso_device.calibration.trumpet import trumpet
from meso_device.records.calibration_runs import RunStory, Step

RUN = "5c0ffee1" * 4
TECHNICIAN, SECOND = "01" * 16, "02" * 16
NAMES = {TECHNICIAN: "Tom Balance", SECOND: "Cleo Signer"}
START_US = 1_767_600_000_000_000
REFERENCES = (
    Reference(what="balance", serial="B-1711", certificate="D-K-15050 2025-118", due_day=20_800, u=12, unit="ug"),
    Reference(what="thermometer", serial="T-204", certificate="D-K-15050 2025-119", due_day=20_900, u=50, unit="mk"),
)
DOSES = (10_000, 50_000, 100_000)


def story(records, *, simulated=True):
    """Return records as the log would give them back, two seconds apart."""
    steps = tuple(
        Step(100 + no, START_US + no * 2_000_000, TECHNICIAN, "technician", record) for no, record in enumerate(records)
    )
    gun = {"gun_uid": "538451c38aa03fdc5f49609a", "log_epoch": 7, "boot_id": 2, "fw": "1.0.0", "cal_id": 4}
    return RunStory(
        run=RUN, origin="meso/b8fc679b0fdcc665", software="0.1.0", gun=gun, simulated=simulated, steps=steps
    )


def _begun(what, profile, targets, readings_each):
    return Begun(
        run=RUN, what=what, serial="SIM-538451C3", cal_hash8="5a7b2c0fb036d2bc", geometry_id=7, syringe_lot="BD-2291",
        pl_per_um=114_231, travel_um=43_000, needle_type_id=4, head_type_id=1, profile=profile, targets=targets,
        in_force={"dose_gain_ppm": 0, "depth_offset_um": 12, "cal_id": 4, "due_day": 20_823},
        readings_each=readings_each, water_mdegc=20_150, air_mdegc=20_400, pressure_pa=101_325, humidity_permille=520,
        references=REFERENCES, limits=Limits(), place="bench 1",
    )  # fmt: skip


def _closing(as_left, reason=""):
    return [
        Ended(run=RUN, state="complete", verdict=as_left, cal_hash8="1f" * 8, issued_day=20_458, due_day=20_823),
        Signed(run=RUN, technician=TECHNICIAN, second=SECOND, reason=reason),
    ]


def dose_story(seed=1, *, gain_ppm=21_000, simulated=True, adjusted=True):
    """Return a reference run of three doses, ten readings each, found too large by ``gain_ppm``."""
    rng = random.Random(seed)
    records = [_begun(What.DOSE, "reference", DOSES, 10)]
    numbers = iter(range(1, 1_000))
    found = _dose_stage(rng, records, numbers, Stage.AS_FOUND, gain_ppm)
    verdict = found.verdict
    if adjusted:
        old = {"dose_gain_ppm": 0, "cal_id": 4, "due_day": 20_823}
        new = {"dose_gain_ppm": -gain_ppm, "cal_id": 5, "due_day": 21_188}
        records.append(Adjusted(run=RUN, old=old, new=new, cal_hash8="1f" * 8))
        verdict = _dose_stage(rng, records, numbers, Stage.AS_LEFT, 300).verdict
    return story([*records, *_closing(verdict)], simulated=simulated)


def _dose_stage(rng, records, numbers, stage, gain_ppm):
    points, mass_ug, shot_seq = [], 0, 0
    for set_nl in DOSES:
        volumes = []
        for no in range(11):
            if no:
                volumes.append(set_nl * 1_000 + set_nl * gain_ppm // 1_000 + rng.randint(-2, 2) * set_nl)
                mass_ug, shot_seq = mass_ug + volumes[-1] // 1_003, shot_seq + 1
            records.append(
                Reading(
                    run=RUN, no=next(numbers), stage=stage, use=Use.DOSE if no else Use.BASE,
                    raw=f"S S {mass_ug / 1e6:12.5f} g", value=mass_ug, unit="ug", digit=10,
                    target=set_nl if no else 0, shots=1 if no else 0, shot_seq=shot_seq,
                    zone=1 + (no - 1) // 4 if no else 0,
                )
            )  # fmt: skip
        if set_nl == DOSES[1] and stage is Stage.AS_FOUND:
            records.append(Excluded(run=RUN, no=records[-1].no, reason="table_bumped"))
            volumes.pop()
        points.append(_dose_point(set_nl, volumes))
    order = ["pass", "conditional_pass", "conditional_fail", "fail"]
    judged = DoseJudged(
        run=RUN, stage=stage, verdict=max((point.verdict for point in points), key=order.index), rule=Rule.FOUR.wording,
        gain_error_ppm=gain_ppm, points=tuple(points),
    )  # fmt: skip
    records.append(judged)
    return judged


def _dose_point(set_nl, volumes):
    mean, s = round(fmean(volumes)), round(stdev(volumes))
    u = round(s / len(volumes) ** 0.5)
    expanded, limit = 2_200_000 * u // 1_000_000 + set_nl, max(set_nl * 10, 50_000)
    return DosePoint(
        set_nl=set_nl, volumes_pl=tuple(volumes), mean_pl=mean, s_pl=s, error_pl=mean - set_nl * 1_000,
        evaporation_ng=2_000, zone_means_pl=((1, mean), (2, mean), (3, mean)),
        budget=(
            Line(name="repeatability", u=u, degrees=len(volumes) - 1), Line(name="balance", u=12_000),
            Line(name="water temperature", u=900), Line(name="evaporation", u=1_500, degrees=1),
        ),
        expanded_pl=expanded, k_ppm=2_200_000, degrees_milli=11_200, limit_pl=limit,
        verdict=judge(mean - set_nl * 1_000, limit=limit, expanded=expanded),
        tolerance_k_ppm=3_393_430, tolerance_low_nl=(mean - 3 * s) // 1_000, tolerance_high_nl=(mean + 3 * s) // 1_000,
        single_limit_nl=set_nl // 20, singles_within=True,
        trumpet=tuple(
            WindowFigures(shots=one.shots, largest_ppm=one.largest_ppm, smallest_ppm=one.smallest_ppm)
            for one in trumpet(volumes, set_nl * 1_000)
        ),
    )  # fmt: skip


def depth_story(seed=1, *, simulated=True):
    """Return a run of nine travels, five cycles each way; nothing is adjusted."""
    rng = random.Random(seed)
    targets = tuple(range(500, 5_000, 500))
    records, numbers, points = [_begun(What.DEPTH, "depth", targets, 5)], iter(range(1, 1_000)), []
    for target in targets:
        sums = {}
        for cycle in range(1, 6):
            for direction, offset in (("up", 9_000), ("down", -6_000)):
                value = target * 1_000 + offset + target * 4 + rng.randint(-2, 2) * 1_000
                sums.setdefault(direction, []).append(value - target * 1_000)
                records.append(
                    Reading(
                        run=RUN, no=next(numbers), stage=Stage.AS_FOUND, use=Use.GAUGE, raw=f"{value / 1e6:.3f} mm",
                        value=value, unit="nm", digit=1_000, target=target, direction=direction, cycle=cycle,
                    )
                )  # fmt: skip
        up, down = sums["up"], sums["down"]
        points.append(
            DepthPoint(
                target_um=target, up_nm=round(fmean(up)), down_nm=round(fmean(down)), s_up_nm=round(stdev(up)),
                s_down_nm=round(stdev(down)),
            )
        )  # fmt: skip
    records.append(
        DepthJudged(
            run=RUN, stage=Stage.AS_FOUND, verdict="pass", rule=Rule.FOUR.wording, gain_error_ppm=4_000,
            offset_nm=1_500, residual_s_nm=900, residual_max_nm=1_700, gain_se_ppm=210, offset_se_nm=600, linear=True,
            backlash_mean_nm=15_000, backlash_max_nm=16_800, error_nm=21_400, expanded_nm=5_200, k_ppm=2_050_000,
            degrees_milli=41_000, limit_nm=100_000,
            budget=(Line(name="gauge", u=1_200), Line(name="repeatability", u=700, degrees=8)),
            positioning_nm={"reversal": 16_800, "repeatability": 24_000, "accuracy": 41_000},
            points=tuple(points),
        )
    )  # fmt: skip
    return story([*records, *_closing("pass")], simulated=simulated)
