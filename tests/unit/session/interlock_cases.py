"""A case in which nothing stands against arming, and how to change one thing of it."""

from msgspec.structs import replace

from meso_device.accounting.clinic import (
    Approval,
    CalibrationRun,
    Cartridge,
    ClinicFacts,
    LastGiven,
    Lot,
    Override,
    PartUse,
    PartWear,
    Reprocessing,
)
from meso_device.session.calibration import parse_calibration
from meso_device.session.checklist import ITEMS
from meso_device.session.contract import Instant
from meso_device.session.interlocks import Case
from protocols.treatment.library import load_library
from protocols.units import DAY_US
from protocols.wire.codes import GunFlag
from protocols.wire.hashes import hash8
from protocols.wire.messages import CalMain, HeadRow, LimitsGetReply, SyringeRow
from tests.world.slots import hello

TODAY = 20_800
NOW_US = TODAY * DAY_US + DAY_US // 2
ALIAS, SESSION = "a1" * 16, "5e" * 16
PLAN = load_library("practice").plan()
AREA = PLAN.areas[0]
PRODUCT, LOT = PLAN.product_name, "L-77"

LIMITS = LimitsGetReply(
    depth_um_max=13_000,
    depth_grid_um=10,
    dose_grid_nl=50,
    dose_nl_min=1_000,
    dose_nl_max=200_000,
    flow_nl_per_s_max=1_000_000,
    interval_ms_min=111,
    grant_shots_max=50,
    grant_nl_max=5_000_000,
    lease_ms_min=200,
    lease_ms_max=2_000,
    session_nl_max=20_000_000,
    session_shots_max=5_000,
    session_idle_s=1_800,
    pins_mask=0b1,
    pressure_pa_max=500_000,
    needle_speed_um_per_s_max=500_000,
    valid_s_max=1_800,
)
BD_5ML = SyringeRow(7, 114_231, 43_000, 5_712)


def calibration_block(*, cal_id=1, issued_day=TODAY - 100, due_day=TODAY + 100, syringes=(BD_5ML,), heads=((1, 1),)):
    block = CalMain(0, 0, 0, 0, cal_id, issued_day, due_day, "C-1").pack()
    block += b"".join(row.pack() for row in syringes)
    block = block.ljust(256, b"\0") + b"".join(HeadRow(*head, 30, 4_000, 159).pack() for head in heads)
    return block.ljust(320, b"\0")


def calibrated(**changes):
    """The changes to a case that make its gun hold another calibration, and name it."""
    block = calibration_block(**changes)
    found = parse_calibration(block)
    told = hello(flags=0, cal_id=found.main.cal_id, cal_due_day=found.main.due_day, cal_hash8=hash8(block))
    return {"hello": told, "calibration": found}


CHECKS = {item: next(iter(entry.answers)) for item, entry in ITEMS.items()}
FACTS = ClinicFacts(
    approval=Approval(digest=PLAN.digest, op="op-1", at_us=NOW_US - DAY_US),
    checks=CHECKS,
    lots={
        (PRODUCT, LOT): Lot(
            product=PRODUCT,
            lot=LOT,
            expiry_day=TODAY + 30,
            ingredients=("Water", "Hyaluronic acid"),
            viscosity_upa_s=1_000,
            blocked="",
        )
    },
    cartridge=Cartridge(
        cartridge="c1",
        syringe="bd_5ml",
        geometry_id=7,
        product=PRODUCT,
        lot=LOT,
        loaded_nl=3_000_000,
        patient_lo_nl=0,
        patient_hi_nl=0,
        prime_nl=200_000,
        waste_nl=0,
    ),
    needle=PartUse(serial="N-1", kind="needle", aliases=(ALIAS,), type_id=4, fitted_us=NOW_US - 60_000_000, shots=3),
    head=PartUse(serial="H-1", kind="head", aliases=(ALIAS,), type_id=1, fitted_us=NOW_US - 60_000_000, shots=3),
    reprocessing=Reprocessing(cleaned_us=NOW_US - 100, contact_us=NOW_US - 200, contact_alias="b2" * 16),
    last_given=(LastGiven(area_code=AREA.area_code, product=PRODUCT, latest_us=NOW_US - 7 * DAY_US),),
)
GOOD = Case(
    plan=PLAN,
    area=AREA,
    facts=FACTS,
    limits=LIMITS,
    session=SESSION,
    alias=ALIAS,
    role="clinician",
    practice=False,
    given_shots=0,
    ask_nl=200_000,
    now=Instant(mono_us=5, utc_us=NOW_US),
    **calibrated(),
)
PRACTICE = replace(
    GOOD,
    practice=True,
    role="practice",
    hello=replace(GOOD.hello, flags=GunFlag.SIMULATED),
    facts=ClinicFacts(checks={}, lots={}, reprocessing=Reprocessing(cleaned_us=0, contact_us=0, contact_alias="")),
)


def with_run(**changes):
    """A case whose gun was calibrated here, and one thing of that run changed."""
    run = CalibrationRun(
        run="5c" * 16, what="dose", verdict="pass", cal_hash8=GOOD.calibration.hash8.hex(), adjusted=True,
        complete=True, signed=True, shots_since=100_000,
    )  # fmt: skip
    return with_facts(calibrations=(replace(run, **changes),))


def with_part(**changes):
    """A case whose gun has one wearing part."""
    part = PartWear(part="seal", serial="S-1", fitted_us=NOW_US - DAY_US, strokes=0, strokes_max=200_000)
    return with_facts(wear=(replace(part, **changes),))


def with_facts(case=GOOD, **changes):
    return replace(case, facts=replace(case.facts, **changes))


def with_checks(case=GOOD, **answers):
    return with_facts(case, checks={**case.facts.checks, **answers})


def with_lot(**changes):
    (key, lot) = next(iter(FACTS.lots.items()))
    return with_facts(lots={key: replace(lot, **changes)})


def with_cartridge(**changes):
    return with_facts(cartridge=replace(FACTS.cartridge, **changes))


def with_needle(**changes):
    return with_facts(needle=replace(FACTS.needle, **changes))


def with_head(**changes):
    return with_facts(head=replace(FACTS.head, **changes))


def with_area(case=GOOD, **changes):
    return replace(case, area=replace(case.area, **changes))


def with_plan(case=GOOD, **changes):
    return replace(case, plan=replace(case.plan, **changes))


def signed(case, *codes):
    return with_facts(case, overrides=tuple(Override(code=code, reason="r", signer="op-1") for code in codes))
