"""Each rule and cap of the clinic matters: with it the gun gets no credit, without it the gun fires.

The same session is run twice, on the real engine, store and simulated gun: once as shipped, once with the one rule (or
cap) taken out. Where something else still stands behind a rule, the case names it, and takes that out too.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase as fnmatch
from functools import partial

import pytest
from msgspec.structs import replace

from meso_device.accounting.caps import CapScope, grant_caps
from meso_device.accounting.clinic import CalibrationRun, MeasuredSyringe, PartWear
from meso_device.accounting.entries import Entry
from meso_device.accounting.materials import GunPart, RinseMedium, lot_blocked, reprocessed
from meso_device.audit.outside import REQUIRED
from meso_device.audit.store import Store
from meso_device.calibration.drift import SHOTS_IN_USE_MAX
from meso_device.session import arming
from meso_device.session.contract import Arm, NoticeKind, Phase
from meso_device.session.interlocks import RULES, judge
from protocols.treatment.areas import catalogue
from protocols.treatment.library import load_library
from protocols.treatment.limits import HostLimits
from protocols.treatment.plan import TreatmentPlan
from protocols.treatment.syringes import syringes
from simulator.firmware import calibration as gun_calibration
from simulator.firmware import reports
from simulator.shells.scenario import PlannedFault
from tests.world.clinic_rig import LOT, OTHER, PATIENT, ClinicRig, Visit

WHOLE = load_library("practice").plan()
FOREHEAD = replace(WHOLE.areas[0], points=2)
CHEEK = replace(WHOLE.areas[1], points=2)
PLAN = replace(WHOLE, areas=(FOREHEAD, CHEEK))
DOSE_NL = FOREHEAD.dose_nl


def with_area(**changes):
    return replace(PLAN, areas=(replace(FOREHEAD, **changes),))


def area_of(name, **changes):
    return with_area(area=name, area_code=catalogue()[name].code, **changes)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A session that one rule refuses.

    Attributes:
        before: What was recorded and done before it.
        fill: What is in the gun; None for nothing.
        also: Further rules that stand behind this one, or caps by name.
        world: Changes to the simulated gun, as (object, name, value), so that the host is the only one to refuse.
        real_gun: The gun does not say that it is simulated.
        practice: Nobody is treated.
        last: Makes the refused arming where it is not the first of a session, and says what was given before it.
    """

    plan: TreatmentPlan = PLAN
    visit: Visit = field(default_factory=Visit)
    stock: dict = field(default_factory=dict)
    fill: dict | None = field(default_factory=dict)
    before: Callable[[ClinicRig], None] = lambda rig: None
    scenario: tuple[PlannedFault, ...] = ()
    also: tuple[str, ...] = ()
    world: tuple[tuple[object, str, object], ...] = ()
    real_gun: bool = False
    last: Callable[[ClinicRig], int] = lambda rig: 0


def clean(rig):
    rig.keep(
        reprocessed(
            rig.view.gun_uid, part=GunPart.GUN, agent="Steri", lot="S-1", medium=RinseMedium.STERILE_WATER,
            method="soak", by=rig.actor(),
        )
    )  # fmt: skip


def treated(alias, *, cleaned=True, plan=PLAN):
    """A patient was treated before, with other needle and head."""

    def act(rig):
        rig.visit(Visit(alias=alias, needle="N-0", head="H-0"), plan)
        assert rig.run(rig.ended), rig.notices
        assert rig.view.shots_given == plan.shots
        if cleaned:
            clean(rig)

    return act


def used_needle(rig):
    rig.visit(Visit(alias=OTHER, head="H-0"))
    assert rig.run(rig.ended)
    clean(rig)


def used_head(rig):
    rig.visit(Visit(alias=OTHER, needle="N-0"))
    assert rig.run(rig.ended)
    clean(rig)


def saline(rig):
    rig.stock("S-1", product="Saline")
    rig.fill("S-1", product="Saline")


def block(rig):
    rig.keep(lot_blocked(PLAN.product_name, LOT, "recalled", rig.actor()))


def arm_again(given):
    """The first area is complete with so many injections; somebody arms it once more."""

    def act(rig):
        rig.run(lambda: rig.view.shots_given == given)
        rig.autopilot = None
        rig.run(lambda: rig.view.phase is Phase.READY)
        rig.host(Arm(area_id=FOREHEAD.area))
        end_us = rig.now_us + 2_000_000
        rig.run(lambda: rig.now_us >= end_us)
        return given

    return act


def says(**answers):
    return Scene(visit=Visit(answers=answers))


def expiring(name):
    return Scene(scenario=(PlannedFault(name=name, at_ms=0), PlannedFault(name="gun_reset", at_ms=0, for_ms=1)))


def low_disk(store, **asked):
    return replace(LOAD_CLINIC(store, **asked), disk_low=True)


def judged(**found):
    """What the bench found with the calibration that the gun has now."""
    run = CalibrationRun(
        run="5c" * 16, what="dose", verdict="pass", cal_hash8="", adjusted=False, complete=True, signed=True
    )

    def before(rig):
        hash8 = rig.gun.firmware._board.calibration.active.hash8.hex()
        rig.store.load_clinic = lambda **asked: replace(
            LOAD_CLINIC(rig.store, **asked), calibrations=(replace(run, cal_hash8=hash8, **found),)
        )

    return Scene(before=before)


def measured(*known):
    """Syringes with which the gun was calibrated."""

    def before(rig):
        rig.store.load_clinic = lambda **asked: replace(LOAD_CLINIC(rig.store, **asked), measured=known)

    return Scene(before=before)


def worn(rig):
    part = PartWear(part="seal", serial="S-1", fitted_us=0, strokes=200_000, strokes_max=200_000)
    rig.store.load_clinic = lambda **asked: replace(LOAD_CLINIC(rig.store, **asked), wear=(part,))


def ask_for_a_copy(rig):
    """The clinic wants no session that is more than a record beyond what is kept outside, and nothing is."""
    rig.keep(Entry(kind=REQUIRED, key="outside/00000001", payload={"number": 1, "records_max": 1, "days_max": 0}))


LOAD_CLINIC = Store.load_clinic
BD_10ML = syringes()["bd_10ml"].geometry_id
BORES = tuple((7, 125_681, 5_000_000) if row[0] == 7 else row for row in gun_calibration._SYRINGES)

SCENES = {
    "approval": [Scene(real_gun=True)],
    "role": [Scene(visit=Visit(role=role)) for role in ("technician", "auditor", "administrator")],
    "checklist": [Scene(visit=Visit(leave_out=("pregnancy",))), Scene(visit=Visit(leave_out=("identity",)))],
    "identity": [says(identity="no")],
    "explained": [says(explained="no")],
    "consent": [Scene(visit=Visit(answers={"consent": "no"}, consent=None))],
    "needle_new": [says(needle_new="no")],
    "infection": [says(infection_in_area=["forehead", "cheek_left", "cheek_right"])],
    "anticoagulants_note": [Scene(visit=Visit(answers={"anticoagulants": "yes"}, overrides=("anticoagulants",)))],
    "anticoagulants": [Scene(visit=Visit(answers={"anticoagulants": "yes"}, notes=("anticoagulants",)))],
    "pregnancy": [says(pregnancy="yes")],
    "bleeding_disorder": [says(bleeding_disorder="yes")],
    "herpes_history": [says(herpes_history="yes")],
    "implants_near_site": [says(implants_near_site="yes")],
    "reprocessing": [Scene(before=treated(OTHER, cleaned=False))],
    "cartridge": [Scene(fill=None)],
    "product": [Scene(fill=None, before=saline)],
    "lot_listed": [Scene(fill={"lot": "X-9"})],
    "lot_blocked": [Scene(before=block)],
    "lot_expired": [Scene(stock={"expiry_day": 20_000})],
    "allergy": [says(allergy=["WATER"])],
    "content": [Scene(fill={"loaded_nl": DOSE_NL - 1})],
    "needle": [
        Scene(visit=Visit(needle="")),
        Scene(visit=Visit(needle_type_id=7)),
        Scene(before=used_needle),
    ],
    "head": [Scene(visit=Visit(head="")), Scene(before=used_head)],
    "calibration": [expiring("cal_expired"), Scene(scenario=(PlannedFault(name="cal_foreign", at_ms=0),))],
    "calibration_judged": [judged(verdict="fail"), judged(adjusted=True, signed=False)],
    "calibration_use": [judged(shots_since=SHOTS_IN_USE_MAX + 1)],
    "calibration_impact": [judged(impact_open=True)],
    "wear": [Scene(before=worn)],
    "geometry": [Scene(fill={"syringe": "bd_3ml"})],
    "syringe_measured": [measured(MeasuredSyringe(geometry_id=3))],
    "syringe_lot": [measured(MeasuredSyringe(geometry_id=7, lot="BD-1"))],
    "bore": [Scene(world=((gun_calibration, "_SYRINGES", BORES),))],
    "smallest_dose": [Scene(plan=with_area(dose_nl=5_700), world=((gun_calibration, "_MIN_DOSE_UM", 10),))],
    "dose_grid": [Scene(plan=replace(with_area(dose_nl=10_050), syringe_geometry_id=BD_10ML))],
    "point_dose": [Scene(plan=replace(PLAN, per_point_cap_nl=DOSE_NL - 1))],
    "flow": [Scene(stock={"viscosity_upa_s": 500_000})],
    "area": [Scene(plan=area_of("eye_zone"))],
    "sensitive_area": [Scene(plan=area_of("eyelid_left", depth_um=500, dose_nl=6_000))],
    "depth": [Scene(plan=with_area(depth_um=3_000))],
    "too_early": [Scene(before=treated(PATIENT))],
    "outside": [Scene(before=ask_for_a_copy)],
    "disk_low": [Scene(world=((Store, "load_clinic", low_disk),))],
    "second_pass": [Scene(last=arm_again(2), also=("points of forehead",))],
}
CAPS = {
    "area *": ("HZ-58", Scene(plan=with_area(cap_nl=DOSE_NL))),
    "session": ("HZ-58", Scene(plan=replace(PLAN, session_cap_nl=DOSE_NL))),
    "1 cm2 of forehead": (
        "HZ-47",
        Scene(plan=replace(PLAN, per_cm2_cap_nl=DOSE_NL // FOREHEAD.points), also=("1 cm2 of forehead in 24 h",)),
    ),
    "1 cm2 of forehead in 24 h": (
        "HZ-47",
        Scene(
            plan=replace(PLAN, per_cm2_cap_nl=3 * DOSE_NL // FOREHEAD.points),
            before=treated(PATIENT),
            visit=Visit(overrides=("too_early",)),
        ),
    ),
    "24 hours": (
        "HZ-14",
        Scene(
            plan=replace(PLAN, per_day_cap_nl=7 * DOSE_NL),
            before=treated(PATIENT),
            visit=Visit(overrides=("too_early",)),
        ),
    ),
    "24 hours, host": (
        "HZ-14",
        Scene(
            before=treated(PATIENT),
            visit=Visit(overrides=("too_early",)),
            world=((arming, "CapScope", partial(CapScope, host=HostLimits(per_day_nl=7 * DOSE_NL))),),
        ),
    ),
    "course interval of *": (
        "HZ-48",
        Scene(
            plan=replace(PLAN, per_course_interval_cap_nl=7 * DOSE_NL),
            before=treated(PATIENT),
            visit=Visit(overrides=("too_early",)),
        ),
    ),
    "lot *": (
        "HZ-43",
        Scene(
            plan=replace(PLAN, per_lot_cap_nl=7 * DOSE_NL),
            before=treated(PATIENT),
            visit=Visit(overrides=("too_early",)),
        ),
    ),
    "points of forehead": (
        "HZ-47",
        Scene(last=arm_again(2)),
    ),
    "points of forehead with one pass more": (
        "HZ-47",
        Scene(last=arm_again(4), visit=Visit(overrides=("second_pass.forehead",))),
    ),
}
# Rules that stand in the second line for every session that can be opened; each is proven by cases of its own.
BEHIND = {
    "practice_gun": "a practice session on a real gun is refused when it is opened",
    "pins": "the gun's own permission is asked again when its settings are made",
}


def outcome(scene, monkeypatch, *, without=()):
    """Run the scene; returns the codes that refused, and whether the gun was granted credit for it and fired."""
    for one, name, value in scene.world:
        monkeypatch.setattr(one, name, value)
    rules = {name: rule for name, rule in RULES.items() if name not in without}
    monkeypatch.setattr(arming, "judge", lambda case: judge(case, rules))
    monkeypatch.setattr(
        arming,
        "grant_caps",
        lambda *words: tuple(cap for cap in grant_caps(*words) if not any(fnmatch(cap.name, name) for name in without)),
    )
    if scene.real_gun:
        monkeypatch.setattr(reports, "_SIMULATED", 0)
    rig = ClinicRig(scene.plan, scenario=scene.scenario, seed=5)
    rig.run(rig.up)
    rig.stock(**scene.stock)
    if scene.fill is not None:
        rig.fill(**scene.fill)
    scene.before(rig)
    strokes = len(rig.truth)
    session = rig.visit(scene.visit)
    strokes += scene.last(rig)
    rig.run(lambda: rig.ended() or len(rig.truth) > strokes, within_s=30)
    codes = {row["code"] for row in rig.records("interlock", session=session) if "code" in row}
    return codes, len(rig.truth) - strokes, rig


def scenes():
    return [
        pytest.param(rule, scene, marks=pytest.mark.hazard(RULES[rule].hazard), id=f"{rule}-{number}")
        for rule, of_rule in SCENES.items()
        for number, scene in enumerate(of_rule)
    ]


def test_every_rule_of_the_table_has_its_scene():
    assert set(SCENES) | set(BEHIND) == set(RULES)
    assert not set(SCENES) & set(BEHIND)


@pytest.mark.parametrize(("rule", "scene"), scenes())
def test_with_the_rule_nothing_is_given_and_without_it_the_gun_fires(rule, scene, monkeypatch):
    codes, given, rig = outcome(scene, monkeypatch)
    assert {code.split(".")[0] for code in codes} == {rule}, [notice.text for notice in rig.notices]
    assert given == 0
    codes, given, rig = outcome(scene, monkeypatch, without=(rule, *scene.also))
    assert rule not in {code.split(".")[0] for code in codes}
    assert given > 0, [notice.text for notice in rig.notices]


@pytest.mark.invariant("I-24")
@pytest.mark.parametrize(
    ("cap", "scene"),
    [pytest.param(cap, scene, marks=pytest.mark.hazard(hazard), id=cap) for cap, (hazard, scene) in CAPS.items()],
)
def test_with_the_cap_nothing_is_given_and_without_it_the_gun_fires(cap, scene, monkeypatch):
    behind = ("second_pass",) if cap == "points of forehead" else ()  # the rule says the same before it
    codes, given, rig = outcome(scene, monkeypatch, without=behind)
    assert given == 0
    assert len(codes) == 1, codes
    (refused,) = {notice.text for notice in rig.notices if notice.kind is NoticeKind.REFUSED}
    name = refused.split("'")[1]
    assert refused.startswith("cap ")
    assert fnmatch(name, cap)
    codes, given, rig = outcome(scene, monkeypatch, without=(cap, *scene.also, *behind))
    assert codes == set()
    assert given > 0, [notice.text for notice in rig.notices]
