"""The caps of a grant: which there are, how low, how soft, and over which window."""

import random
from functools import partial

import pytest
from msgspec.structs import replace

from meso_device.accounting.caps import CapScope, cm2_cap_nl, grant_caps, point_cap_nl, second_pass_code
from protocols.treatment.areas import catalogue
from protocols.treatment.library import library, load_library
from protocols.treatment.limits import BUILD_LIMITS, HostLimits
from protocols.units import DAY_US

PLAN = load_library("practice").plan()
AREA = PLAN.areas[0]
NOW = 20_000 * DAY_US
SCOPE = CapScope(
    session="ab",
    alias="patient",
    product="mix",
    lot="L1",
    now_us=NOW,
    interval_days=7,
    gun_session_nl=20_000_000,
    gun_session_shots=5_000,
)


def caps(plan=PLAN, area=AREA, scope=SCOPE):
    return {cap.name: cap for cap in grant_caps(plan, area, scope)}


def test_every_cap_of_the_table_is_there_and_only_the_plan_and_the_files_windows_are_soft():
    plan = replace(PLAN, per_day_cap_nl=1_000_000, per_course_interval_cap_nl=1_000_000)
    found = caps(plan)
    name = AREA.area
    assert set(found) == {
        f"points of {name} with one pass more",
        f"points of {name}",
        f"area {name}",
        f"1 cm2 of {name}",
        f"1 cm2 of {name} in 24 h",
        "session",
        "24 hours",
        "24 hours, host",
        "course interval of 7 days",
        "course interval of 7 days, host",
        "lot L1",
    }
    soft = {cap.name: cap.code for cap in found.values() if not cap.hard}
    assert soft == {
        f"points of {name}": second_pass_code(AREA),
        "24 hours": "day_cap",
        "course interval of 7 days": "interval_cap",
    }
    assert all(not cap.code for cap in found.values() if cap.hard)


@pytest.mark.hazard("HZ-47")
@pytest.mark.invariant("I-56")
def test_points_are_capped_at_the_plan_and_with_a_signed_reason_at_one_pass_more():
    name = AREA.area
    assert caps()[f"points of {name}"].limit_shots == AREA.shots
    signed = caps(scope=replace(SCOPE, overrides={second_pass_code(AREA)}))
    assert f"points of {name}" not in signed
    assert signed[f"points of {name} with one pass more"].limit_shots == AREA.shots + AREA.points
    other = caps(scope=replace(SCOPE, overrides={second_pass_code(PLAN.areas[1])}))
    assert f"points of {name}" in other


@pytest.mark.invariant("I-27")
@pytest.mark.hazard("HZ-58")
def test_no_override_removes_a_hard_cap_and_each_soft_one_goes_by_its_own_code_alone():
    plan = replace(PLAN, per_day_cap_nl=1_000_000, per_course_interval_cap_nl=1_000_000)
    all_caps = grant_caps(plan, AREA, SCOPE)
    everything = replace(SCOPE, overrides={cap.code or cap.name for cap in all_caps} | {"", "session"})
    assert set(grant_caps(plan, AREA, everything)) == {cap for cap in all_caps if cap.hard}
    for soft in (cap for cap in all_caps if not cap.hard):
        left = grant_caps(plan, AREA, replace(SCOPE, overrides={soft.code}))
        assert set(all_caps) - set(left) == {soft}


@pytest.mark.invariant("I-24")
@pytest.mark.invariant("I-35")
@pytest.mark.hazard("HZ-14")
def test_windows_reach_back_over_sessions_of_the_patient_and_not_by_session():
    found = caps(replace(PLAN, per_day_cap_nl=1_000_000, per_course_interval_cap_nl=1_000_000))
    for name in ("24 hours", "24 hours, host", f"1 cm2 of {AREA.area} in 24 h"):
        assert (found[name].since_us, found[name].alias, found[name].session) == (NOW - DAY_US, "patient", "")
    for name in ("course interval of 7 days", "course interval of 7 days, host"):
        assert (found[name].since_us, found[name].product) == (NOW - 7 * DAY_US, "mix")
    lot = found["lot L1"]
    assert (lot.since_us, lot.alias, lot.product, lot.lot, lot.session) == (0, "patient", "mix", "L1", "")


def test_without_a_lot_or_an_interval_there_is_no_cap_on_them():
    found = caps(scope=replace(SCOPE, lot="", interval_days=0))
    assert not [name for name in found if name.startswith(("lot", "course interval"))]


def test_an_area_that_is_only_punctured_has_caps_on_its_points_and_none_on_its_volume():
    dry = replace(AREA, dose_nl=0, flow_nl_per_s=0, mode=7, cap_nl=0)
    here = [cap for cap in grant_caps(PLAN, dry, SCOPE) if cap.area_code]
    assert here
    assert all(cap.limit_shots and not cap.limit_nl for cap in here)


def test_an_area_that_the_catalogue_gives_no_figures_for_has_the_files_and_the_hosts():
    for name in ("underarm_left", "nowhere"):
        area = replace(AREA, area=name)
        assert caps(area=area)[f"area {name}"].limit_nl == AREA.cap_nl
        assert point_cap_nl(PLAN, area, BUILD_LIMITS, 200_000) == PLAN.per_point_cap_nl


@pytest.mark.invariant("I-27")
def test_a_limit_of_nothing_is_never_taken_for_no_limit():
    none = replace(
        PLAN,
        session_cap_nl=0,
        per_cm2_cap_nl=0,
        per_day_cap_nl=0,
        per_course_interval_cap_nl=0,
        per_lot_cap_nl=0,
    )
    for cap in grant_caps(none, replace(AREA, cap_nl=0), SCOPE):
        assert cap.limit_nl or cap.limit_shots
        if cap.name in ("session", "24 hours", "course interval of 7 days", "lot L1", f"area {AREA.area}"):
            assert cap.limit_nl == 1


@pytest.mark.hazard("HZ-47")
def test_a_square_centimetre_gets_no_more_than_its_cap_when_points_stand_on_a_grid():
    """Four points 5 mm apart stand for exactly 1 cm2."""
    area = replace(AREA, points=4, spacing_um=5_000)
    assert cm2_cap_nl(50_000, area) == 50_000
    assert cm2_cap_nl(50_000, replace(area, points=8)) == 100_000
    assert cm2_cap_nl(50_000, replace(area, spacing_um=10_000)) == 200_000


@pytest.mark.parametrize("name", library())
def test_what_a_library_file_plans_fits_under_all_its_caps(name):
    plan = load_library(name).plan()
    for area in plan.areas:
        for cap in grant_caps(plan, area, SCOPE):
            volume_nl = area.volume_nl if cap.area_code else plan.volume_nl
            shots = area.shots if cap.area_code else plan.shots
            assert not cap.limit_nl or volume_nl <= cap.limit_nl, cap.name
            assert not cap.limit_shots or shots <= cap.limit_shots, cap.name
        assert area.dose_nl <= point_cap_nl(plan, area, BUILD_LIMITS, 200_000)


def some_volume_nl(rng):
    return rng.choice((0, 1, rng.randint(1, 10**6), rng.randint(1, 10**9)))


def assert_lowest(found, seed, name, *bounds_nl):
    assert found[name].limit_nl == max(1, min(bounds_nl)), seed


@pytest.mark.invariant("I-27")
@pytest.mark.hazard("HZ-58")
def test_a_treatment_file_only_ever_lowers_what_host_and_gun_allow():
    for seed in range(300):
        nl = partial(some_volume_nl, random.Random(seed))
        host = HostLimits(
            per_point_nl=nl(), per_cm2_nl=nl(), per_area_nl=nl(), per_session_nl=nl(), per_day_nl=nl(),
            per_course_interval_nl=nl(), per_lot_nl=nl(),
        )  # fmt: skip
        plan = replace(
            PLAN, session_cap_nl=nl(), per_point_cap_nl=nl(), per_cm2_cap_nl=nl(), per_day_cap_nl=nl(),
            per_course_interval_cap_nl=nl(), per_lot_cap_nl=nl(),
        )  # fmt: skip
        area = replace(AREA, cap_nl=nl())
        gun_nl = nl()
        found = caps(plan, area, replace(SCOPE, host=host, gun_session_nl=gun_nl))

        below = partial(assert_lowest, found, seed)
        below("session", plan.session_cap_nl, host.per_session_nl, gun_nl)
        below(f"area {area.area}", area.cap_nl, host.per_area_nl, catalogue()[area.area].session_total_max_nl)
        below(f"1 cm2 of {area.area}", *(cm2_cap_nl(x, area) for x in (plan.per_cm2_cap_nl, host.per_cm2_nl)))
        below("lot L1", plan.per_lot_cap_nl, host.per_lot_nl)
        below("24 hours, host", host.per_day_nl)
        if plan.per_day_cap_nl < host.per_day_nl:
            below("24 hours", plan.per_day_cap_nl)
        else:
            assert "24 hours" not in found
        cap = point_cap_nl(plan, area, host, gun_nl)
        assert cap == min(plan.per_point_cap_nl, host.per_point_nl, gun_nl, catalogue()[area.area].dose_max_nl)


# --- against an oracle that asks each question by itself -----------------------------------------


def matches(cap, shot):
    """What the store selects for a cap: every set field equal, and inside the window."""
    session, alias, area_code, product, lot, latest_us, _ = shot
    return (
        cap.session in ("", session)
        and cap.alias in ("", alias)
        and cap.area_code in (0, area_code)
        and cap.product in ("", product)
        and cap.lot in ("", lot)
        and (not cap.since_us or latest_us > cap.since_us)
    )


def refused(found, shots, ask_shots, ask_nl):
    for cap in found:
        mine = [shot for shot in shots if matches(cap, shot)]
        over_nl = cap.limit_nl and sum(shot[6] for shot in mine) + ask_nl > cap.limit_nl
        over_shots = cap.limit_shots and len(mine) + ask_shots > cap.limit_shots
        if over_nl or over_shots:
            return True
    return False


def total(shots, wanted):
    return sum(shot[6] for shot in shots if wanted(*shot[:6]))


def oracle_refuses(plan, area, shots, ask_shots, ask_nl):
    """The rules of the table as sentences over the whole history of shots."""
    day_ago, week_ago = NOW - DAY_US, NOW - 7 * DAY_US
    code = area.area_code
    in_area = [shot for shot in shots if shot[0] == "ab" and shot[2] == code]
    cells = area.points * area.spacing_um**2
    of_area_nl = ask_nl + sum(shot[6] for shot in in_area)
    of_day_nl = ask_nl + total(shots, lambda s, a, c, p, lot, t: a == "patient" and c == code and t > day_ago)
    return (
        len(in_area) + ask_shots > area.points * area.passes
        or of_area_nl > area.cap_nl
        or of_area_nl * 10**8 > plan.per_cm2_cap_nl * cells
        or of_day_nl * 10**8 > plan.per_cm2_cap_nl * cells
        or ask_nl + total(shots, lambda s, a, c, p, lot, t: s == "ab") > plan.session_cap_nl
        or ask_nl + total(shots, lambda s, a, c, p, lot, t: a == "patient" and t > day_ago) > plan.per_day_cap_nl
        or ask_nl + total(shots, lambda s, a, c, p, lot, t: a == "patient" and p == "mix" and t > week_ago)
        > plan.per_course_interval_cap_nl
        or ask_nl + total(shots, lambda s, a, c, p, lot, t: (a, p, lot) == ("patient", "mix", "L1"))
        > plan.per_lot_cap_nl
    )


@pytest.mark.invariant("I-24")
@pytest.mark.hazard("HZ-14")
@pytest.mark.hazard("HZ-47")
def test_random_histories_are_refused_exactly_when_a_cap_of_the_table_would_be_passed():
    verdicts = []
    for seed in range(1_500):
        rng = random.Random(seed)
        plan = replace(
            PLAN, session_cap_nl=rng.randint(50, 200), per_cm2_cap_nl=rng.randint(10, 60),
            per_day_cap_nl=rng.randint(50, 250), per_course_interval_cap_nl=rng.randint(50, 300),
            per_lot_cap_nl=rng.randint(50, 400),
        )  # fmt: skip
        area = replace(AREA, points=rng.randint(1, 6), spacing_um=10_000, cap_nl=rng.randint(20, 150))
        shots = [
            (
                rng.choice(("ab", "old", "older")),
                rng.choice(("patient", "patient", "other")),
                rng.choice((area.area_code, 999)),
                rng.choice(("mix", "mix", "else")),
                rng.choice(("L1", "L2")),
                NOW - rng.choice((0, DAY_US - 1, DAY_US, 7 * DAY_US - 1, 7 * DAY_US, 30 * DAY_US)),
                rng.randint(1, 20),
            )
            for _ in range(rng.randint(0, 9))
        ]
        ask_shots = rng.randint(1, 3)
        ask_nl = ask_shots * rng.randint(1, 20)
        got = refused(grant_caps(plan, area, SCOPE), shots, ask_shots, ask_nl)
        assert got is oracle_refuses(plan, area, shots, ask_shots, ask_nl), seed
        verdicts.append(got)
    assert 100 < sum(verdicts) < 1_400  # both answers are well represented
