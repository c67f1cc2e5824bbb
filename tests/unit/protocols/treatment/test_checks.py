"""Rules beyond the shape: each is broken by one change of a good file and named by its refusal."""

import pytest

from protocols.treatment.limits import HostLimits
from protocols.treatment.loader import parse_treatment

FOREHEAD_DEPTH = 'depth = "1 mm"'
FOREHEAD_DOSE = 'dose = "0.01 mL"\n'


def test_unknown_areas_get_the_nearest_name(the_problem):
    assert the_problem(('"cheek_left"', '"cheek_lefft"'))[2] == (
        "unknown area 'cheek_lefft': did you mean 'cheek_left'?"
    )


@pytest.mark.hazard("HZ-52")
@pytest.mark.invariant("I-59")
def test_the_eye_is_refused_in_every_file(the_problem):
    what = the_problem(('"cheek_left"', '"eye_zone"'))[2]
    assert what == "Eye itself, inside the bony rim: nothing may ever be injected here"


@pytest.mark.hazard("HZ-52")
def test_the_eye_is_never_suggested(the_problem):
    assert "eye_zone" not in the_problem(('"cheek_left"', '"eye_zon"'))[2]


@pytest.mark.parametrize("depth", ["2.05 mm", "13 mm", "0.5 cm"])
@pytest.mark.hazard("HZ-50")
@pytest.mark.invariant("I-59")
def test_deeper_than_the_area_allows_is_refused(problems, depth):
    found = problems((FOREHEAD_DEPTH, f'depth = "{depth}"'))
    assert any("is deeper than area forehead allows, 2 mm" in problem.what for problem in found)


def test_the_deepest_that_the_area_allows_is_accepted(edit):
    text = edit((FOREHEAD_DEPTH, 'depth = "2 mm"'))
    assert parse_treatment(text.encode(), "f").plan().areas[0].depth_um == 2_000


@pytest.mark.parametrize("depth", ["1.01 mm", "1001 um", "1.049 mm"])
@pytest.mark.hazard("HZ-08")
@pytest.mark.invariant("I-27")
def test_a_depth_off_the_grid_is_refused_and_not_rounded(the_problem, depth):
    assert "is off the grid: multiples of 0.05 mm" in the_problem((FOREHEAD_DEPTH, f'depth = "{depth}"'))[2]


@pytest.mark.hazard("HZ-08")
@pytest.mark.invariant("I-27")
def test_a_depth_beyond_every_gun_is_refused(the_problem):
    assert "out of range: 0 mm to 13 mm is allowed" in the_problem((FOREHEAD_DEPTH, 'depth = "13.05 mm"'))[2]


def test_a_depth_of_nothing_is_refused(the_problem):
    assert the_problem((FOREHEAD_DEPTH, 'depth = "0 mm"'))[2] == "0 mm would not reach the skin"


def test_a_depth_beyond_the_needle_is_refused(problems):
    change = ('"neck_front"\ndepth = "2 mm"', '"lower_back"\nrate = "1 /s"\nspacing = "20 mm"\ndepth = "4.5 mm"')
    assert [problem.what for problem in problems(change)] == ["4.5 mm is more than the needle 30g_4mm is long, 4 mm"]


@pytest.mark.hazard("HZ-07")
def test_a_tenfold_dose_is_refused(problems):
    found = problems((FOREHEAD_DOSE, 'dose = "0.1 mL"\n'))
    assert any("0.1 mL is more than" in problem.what for problem in found)


@pytest.mark.parametrize("dose", ["0.00099 mL", "0.21 mL", "1 nL", "1 mL"])
@pytest.mark.invariant("I-27")
def test_a_dose_beyond_every_gun_is_refused(the_problem, dose):
    assert "out of range: 0.001 mL to 0.2 mL, or 0" in the_problem((FOREHEAD_DOSE, f'dose = "{dose}"\n'))[2]


@pytest.mark.hazard("HZ-46")
@pytest.mark.invariant("I-55")
def test_a_dose_that_the_syringe_cannot_resolve_is_refused(the_problem):
    what = the_problem((FOREHEAD_DOSE, 'dose = "5 uL"\n'))[2]
    assert what == "0.005 mL is below the smallest dose of syringe bd_5ml, 0.005712 mL"


@pytest.mark.hazard("HZ-46")
@pytest.mark.invariant("I-55")
def test_a_dose_off_the_syringes_grid_is_refused(the_problem):
    what = the_problem((FOREHEAD_DOSE, 'dose = "0.010001 mL"\n'))[2]
    assert what == "0.010001 mL is off the grid of syringe bd_5ml: multiples of 0.00005 mL are allowed"


def test_a_dose_above_the_files_own_limit_is_refused(problems):
    found = problems(('per_point = "0.02 mL"', 'per_point = "0.015 mL"'))
    assert {problem.what for problem in found} == {"0.02 mL is more than limits.per_point of this file, 0.015 mL"}


@pytest.mark.parametrize("key", ["per_point", "per_cm2", "per_area", "per_session", "per_day", "per_course_interval"])
@pytest.mark.hazard("HZ-58")
@pytest.mark.invariant("I-27")
def test_a_file_can_only_lower_the_hosts_limits(problems, key):
    change = ("[limits]\n", f'[limits]\n{key} = "21 mL"\n')
    unset = {"per_point": "0.02", "per_cm2": "0.1", "per_area": "0.5", "per_session": "2"}
    changes = [(f'{key} = "{unset[key]} mL"\n', ""), change] if key in unset else [change]
    found = problems(*changes)
    assert any("a file can only lower it" in problem.what for problem in found)


def test_more_points_than_the_area_cap_bears_are_refused(the_problem):
    what = the_problem(("points = 20", "points = 31"))[2]
    assert what == "31 points x 1 x 0.01 mL = 0.31 mL is more than its cap, 0.3 mL"


def test_passes_count_against_the_area_cap(the_problem):
    what = the_problem(("points = 20", "points = 20\npasses = 2"))[2]
    assert what == "20 points x 2 x 0.01 mL = 0.4 mL is more than its cap, 0.3 mL"


def test_a_cap_above_what_the_area_allows_is_refused(the_problem):
    what = the_problem(('cap = "0.3 mL"', 'cap = "0.51 mL"'))[2]
    assert what.startswith("0.51 mL is more than ")


def test_all_areas_together_stay_below_the_session_cap(problems):
    found = problems(('per_session = "2 mL"', 'per_session = "0.9 mL"'))
    assert [problem.what for problem in found] == [
        "all areas together plan 1 mL, more than limits.per_session of this file, 0.9 mL"
    ]


@pytest.mark.parametrize("key", ["per_day", "per_course_interval", "per_lot"])
def test_all_areas_together_stay_below_the_other_caps(problems, key):
    found = problems(("[limits]\n", f'[limits]\n{key} = "0.9 mL"\n'))
    assert f"limits.{key} of this file" in found[0].what


def test_the_products_must_hold_what_is_planned(the_problem):
    what = the_problem(('volume = "3 mL"', 'volume = "0.9 mL"'))[2]
    assert what == "all areas together plan 1 mL, but the products hold 0.9 mL"


@pytest.mark.hazard("HZ-47")
def test_dose_and_spacing_stay_below_the_cap_of_a_square_centimetre(the_problem):
    what = the_problem(('per_cm2 = "0.1 mL"', 'per_cm2 = "0.015 mL"'), ('dose = "0.02 mL"', 'dose = "0.01 mL"'),
                       ("points = 15", 'points = 15\nspacing = "8 mm"'))[2]  # fmt: skip
    assert what == "dose, spacing and passes give 0.015625 mL per cm2; 0.015 mL is allowed"


def test_points_closer_than_the_area_allows_are_refused(the_problem):
    what = the_problem(("points = 20", 'points = 20\nspacing = "4 mm"'))[2]
    assert what == "4 mm is closer than area forehead allows, 5 mm"


@pytest.mark.hazard("HZ-47")
def test_an_area_named_twice_is_refused(problems):
    found = problems(('"cheek_right"', '"cheek_left"'))
    assert any("area cheek_left is there already" in problem.what for problem in found)


@pytest.mark.hazard("HZ-47")
def test_the_whole_face_and_a_part_of_it_are_refused_together(problems):
    found = problems(('"cheek_right"', '"face_whole"'))
    assert [problem.what for problem in found] == [
        "area forehead lies inside face_whole: it would be treated twice",
        "area cheek_left lies inside face_whole: it would be treated twice",
    ]


@pytest.mark.parametrize("head", ["five_pin", "nine_pin"])
@pytest.mark.hazard("HZ-53")
@pytest.mark.invariant("I-27")
def test_a_head_with_several_needles_needs_the_clinics_leave(the_problem, head):
    what = the_problem(('head = "single"', f'head = "{head}"'))[2]
    assert what.endswith("needles is not permitted on this host; permitted: 1")


@pytest.mark.hazard("HZ-53")
def test_a_clinic_may_permit_a_head_with_several_needles(edit):
    data = edit(('head = "single"', 'head = "nine_pin"')).encode()
    plan = parse_treatment(data, "f", HostLimits(pins=frozenset({1, 9}))).plan()
    assert {area.pins for area in plan.areas} == {9}


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ('syringe = "bd_5ml"', 'syringe = "bd_5m"', "unknown syringe 'bd_5m': did you mean 'bd_5ml'?"),
        ('needle = "30g_4mm"', 'needle = "30g_4m"', "unknown needle '30g_4m': did you mean '30g_4mm'?"),
        ('head = "single"', 'head = "singel"', "unknown head 'singel': did you mean 'single'?"),
        ('course = "general"', 'course = "genral"', "unknown course 'genral': did you mean 'general'?"),
    ],
)
def test_unknown_names_get_the_nearest_one(the_problem, old, new, what):
    assert the_problem((old, new))[2] == what


@pytest.mark.hazard("HZ-46")
def test_a_syringe_of_unknown_bore_is_refused(the_problem):
    what = the_problem(('"bd_5ml"', '"plain_2_5ml"'))[2]
    assert what == "the bore of syringe plain_2_5ml is not known: measure it before it is used"


@pytest.mark.hazard("HZ-49")
@pytest.mark.invariant("I-58")
def test_a_flow_that_the_needle_does_not_pass_is_refused_with_one_that_it_does(problems, edit):
    thick = ('viscosity = "1 mPas"', 'viscosity = "100 mPas"')
    found = problems(thick)
    assert len(found) == 1
    assert "Water for practice through 30g_4mm at 0.4 mL/s takes" in found[0].what
    fastest = found[0].what.split("at most ")[1].removesuffix(" is feasible")
    slower = (('flow = "0.4 mL/s"', f'flow = "{fastest}"'), ('rate = "9 /s"', 'rate = "30 /min"'))
    assert parse_treatment(edit(thick, *slower).encode(), "f")


def test_without_a_viscosity_the_flow_is_not_judged_and_that_is_said(edit):
    treatment = parse_treatment(edit(('viscosity = "1 mPas"\n', "")).encode(), "f")
    assert "without a viscosity" in treatment.remarks[0]


def test_a_rate_that_dose_and_travel_do_not_leave_time_for_is_refused(the_problem, edit):
    slow = ("points = 10", 'points = 10\ndwell = "50 ms"')
    what = the_problem(slow)[2]
    assert what == "needle travel, dose and dwell take 140 ms, but this rate leaves 111 ms: at most 428 /min fits"
    slower = edit(slow, ('"9 /s"', '"428 /min"'))
    assert parse_treatment(slower.encode(), "f").plan().areas[3].interval_ms == 140


@pytest.mark.parametrize(
    ("rate", "interval_ms"), [("9 /s", 111), ("1 /s", 1_000), ("540 /min", 111), ("60 /min", 1_000), ("1 /min", 60_000)]
)
def test_a_rate_is_kept_as_an_interval(edit, rate, interval_ms):
    text = edit(("points = 20", f'points = 20\nrate = "{rate}"'))
    assert parse_treatment(text.encode(), "f").plan().areas[0].interval_ms == interval_ms


@pytest.mark.parametrize("rate", ["10 /s", "0 /s", "541 /min", "0 /min", "1.5 /s", "9 /h", "9", "9 Hz", "/s", "9/sec"])
@pytest.mark.hazard("HZ-09")
def test_a_rate_faster_than_nine_a_second_or_in_another_form_is_refused(the_problem, rate):
    assert the_problem(('"9 /s"', f'"{rate}"'))[2].startswith("defaults.rate: rate ")


MODE = 'mode = "continuous"'


@pytest.mark.parametrize(
    ("new", "what"),
    [
        ('mode = "burst"', "burst mode needs burst_shots, 1 to 50"),
        (f"{MODE}\nburst_shots = 5", "burst_shots is for burst mode alone"),
        (f'{MODE}\nsuction = "start"', "suction and suction_threshold belong together: both or neither"),
        (
            f'{MODE}\nsuction_threshold = "20 kPa"',
            "suction and suction_threshold belong together: both or neither",
        ),
        (f'{MODE}\ntrigger = ["suction"]', "trigger 'suction' and suction = 'trigger' belong together"),
        (f'{MODE}\ntrigger = ["hand", "hand"]', "a trigger is named twice"),
        (f'{MODE}\nantidrip = "0.05 mL"', "0.05 mL is more than the dose itself, 0.02 mL"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(problems, new, what):
    assert what in {problem.what for problem in problems((MODE, new))}


def test_settings_that_go_together_are_carried_over(edit):
    settings = 'mode = "burst"\nburst_shots = 5\nsuction = "trigger"\nsuction_threshold = "20 kPa"\n'
    text = edit((MODE, f'{settings}trigger = ["pedal", "suction"]\ncontact = "start"'))
    area = parse_treatment(text.encode(), "f").plan().areas[0]
    assert (area.mode, area.burst_shots, area.suction_mode, area.suction_threshold_pa) == (2, 5, 2, 20_000)
    assert (area.trigger_mask, area.contact_gate) == (6, 1)


def test_a_dose_that_takes_minutes_has_no_rate(the_problem):
    slow = 'id = "lower_back"\ndose = "0.2 mL"\nflow = "1 uL/s"\nrate = "1 /min"\nspacing = "20 mm"\n'
    what = the_problem(
        ('per_point = "0.02 mL"', 'per_point = "0.2 mL"'), ('id = "neck_front"\n', slow), ("points = 10", "points = 1")
    )[2]
    assert (
        what
        == "needle travel, dose and dwell take 200050 ms, but this rate leaves 60000 ms: no rate fits, raise the flow"
    )


def test_no_dose_outside_dry_mode(problems):
    found = problems((FOREHEAD_DOSE, 'dose = "0 mL"\n'))
    assert [problem.what for problem in found] == ["0 mL is for dry mode alone"]


def test_no_standing_flow_outside_dry_mode(the_problem):
    assert the_problem(("points = 20", 'points = 20\nflow = "0 mL/s"'))[2] == "0 mL/s is for dry mode alone"


def test_no_dose_and_no_flow_in_dry_mode(problems, edit):
    dry = ("points = 20", 'points = 20\nmode = "dry"')
    assert {problem.what.split(" must")[0] for problem in problems(dry)} == {"dose", "flow"}
    still = (FOREHEAD_DOSE, 'dose = "0 mL"\nflow = "0 mL/s"\n')
    slow = ("points = 20", 'points = 20\nneedle_speed = "10 mm/s"')
    assert "at most 285 /min fits" in problems(dry, still, slow)[0].what
    text = edit(dry, still)
    assert parse_treatment(text.encode(), "f").plan().areas[0].volume_nl == 0


def test_a_value_below_the_range_seen_is_a_remark(edit):
    treatment = parse_treatment(edit((FOREHEAD_DEPTH, 'depth = "0.4 mm"')).encode(), "f")
    assert treatment.remarks == ("forehead: 0.4 mm is below the range seen, from 0.5 mm",)
    treatment = parse_treatment(edit((FOREHEAD_DOSE, 'dose = "0.008 mL"\n')).encode(), "f")
    assert treatment.remarks == ("forehead: 0.008 mL is below the range seen, from 0.01 mL",)


def test_an_area_cap_above_the_hosts_is_refused(problems):
    found = problems(limits=HostLimits(per_area_nl=200_000))
    assert any(problem.what == "0.3 mL is more than this host allows an area, 0.2 mL" for problem in found)
