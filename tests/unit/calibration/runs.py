"""A calibration run as records, for tests that need one and do not care how it came about."""

from msgspec.structs import replace

from meso_device.accounting.entries import GunStamp
from meso_device.calibration.decision import Verdict
from meso_device.calibration.record import (
    Adjusted,
    Begun,
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
    entry_of,
)

GUN = GunStamp(gun_uid="00112233445566778899aabb", log_epoch=7, boot_id=3, firmware="1.2.3", cal_id=5, simulated=True)


def dose_run(run, *, as_found=Verdict.FAIL, as_left=Verdict.PASS, due_day=20_800):
    """Return the records of a whole dose run that was adjusted, with few readings."""
    begun = Begun(
        run=run, what=What.DOSE, serial="SIM-1", cal_hash8="00" * 8, geometry_id=7, pl_per_um=114_231,
        travel_um=43_000, needle_type_id=4, head_type_id=1,
        in_force={"dose_gain_ppm": 0, "cal_id": 1}, profile="field",
        targets=(20_000,), readings_each=2,
        water_mdegc=20_000, air_mdegc=20_500, pressure_pa=101_300, humidity_permille=450, place="bench 1",
        references=(
            Reference(what="balance", serial="B1", certificate="C 1", due_day=21_000, u=10, unit="ug"),
            Reference(what="thermometer", serial="T1", certificate="C 2", due_day=21_000, u=100, unit="mk"),
        ),
        limits=Limits(),
    )  # fmt: skip
    first = Reading(
        run=run, no=1, stage=Stage.AS_FOUND, use=Use.BASE, raw="S S 0.00000 g", value=0, unit="ug", digit=10
    )
    readings = [
        replace(first, no=no, use=Use.DOSE, raw=f"S S 0.0{value} g", value=value, target=20_000, shots=1, shot_seq=no)
        for no, value in ((2, 20_410), (3, 40_790))
    ]
    point = DosePoint(
        set_nl=20_000, volumes_pl=(20_470_000, 20_440_000), mean_pl=20_455_000, s_pl=21_213, error_pl=455_000,
        evaporation_ng=2_000, zone_means_pl=((1, 20_455_000),),
        budget=(Line(name="repeatability", u=15_000, degrees=1),),
        expanded_pl=60_000, k_ppm=2_000_000, degrees_milli=-1, limit_pl=200_000, verdict=as_found,
    )  # fmt: skip
    judged = DoseJudged(
        run=run, stage=Stage.AS_FOUND, verdict=as_found, rule="stated", gain_error_ppm=22_750, points=(point,)
    )
    left = replace(judged, stage=Stage.AS_LEFT, verdict=as_left, gain_error_ppm=0)
    adjusted = Adjusted(run=run, old={"dose_gain_ppm": 0}, new={"dose_gain_ppm": -22_244}, cal_hash8="11" * 8)
    ended = Ended(
        run=run, state="complete", verdict=as_left, cal_hash8="11" * 8, issued_day=due_day - 365, due_day=due_day
    )
    return [
        begun, first, *readings, Excluded(run=run, no=3, reason="bumped"), judged, adjusted, left, ended,
        Signed(run=run, technician="01" * 16, second="02" * 16),
    ]  # fmt: skip


def entries(records, gun=GUN):
    """Return the entries of records, as a host commits them."""
    return [entry_of(record, gun, op="01" * 16, role="technician") for record in records]
