import hashlib

import pytest

from protocols.errors import UsageError
from protocols.treatment.limits import HostLimits
from protocols.treatment.loader import load_treatment, parse_treatment
from protocols.treatment.problems import PROBLEMS_MAX, TreatmentFileError


def place_of(text, piece):
    """Line and column of a piece of text, counted without the code under test."""
    for number, line in enumerate(text.split("\n"), start=1):
        if piece in line:
            return number, line.index(piece) + 1
    raise AssertionError(piece)


def test_a_file_becomes_exact_integers(practice):
    plan = parse_treatment(practice.encode(), "face.toml").plan()
    forehead, cheek = plan.areas[:2]
    assert (forehead.area, forehead.area_code, forehead.short) == ("forehead", 102, "F2")
    assert (forehead.depth_um, forehead.dose_nl, forehead.spacing_um) == (1_000, 10_000, 10_000)
    assert (forehead.interval_ms, forehead.flow_nl_per_s, forehead.dwell_ms) == (111, 400_000, 10)
    assert (forehead.mode, forehead.contact_gate, forehead.suction_mode, forehead.trigger_mask) == (3, 2, 0, 1)
    assert (cheek.depth_um, cheek.dose_nl) == (1_500, 20_000)
    assert plan.session_cap_nl == 2_000_000
    assert [area.cap_nl for area in plan.areas] == [300_000, 500_000, 500_000, 500_000]


@pytest.mark.hazard("HZ-58")
def test_the_digest_is_that_of_the_files_bytes_and_one_changed_byte_changes_it(practice, tmp_path):
    path = tmp_path / "face.toml"
    path.write_bytes(practice.encode())
    treatment = load_treatment(path)
    assert treatment.digest == hashlib.sha256(path.read_bytes()).hexdigest()
    path.write_bytes(practice.encode() + b"\n")
    assert load_treatment(path).digest != treatment.digest
    assert load_treatment(path).plan().digest == load_treatment(path).digest


def test_an_error_names_file_line_and_column(edit):
    text = edit(('depth = "1.5 mm"', 'depth = "1.5 mL"'))
    with pytest.raises(UsageError) as refused:
        parse_treatment(text.encode(), "face.toml")
    line, column = place_of(text, '"1.5 mL"')
    assert str(refused.value) == (
        f"face.toml:{line}:{column}: defaults.depth: length '1.5 mL' refused: unit 'mL' is not one of um, mm, cm"
    )


def test_a_typo_in_a_key_is_placed_and_the_nearest_key_suggested(edit, the_problem):
    change = ("points = 10", "ponits = 10")
    line, column, what = the_problem(change)
    assert (line, column) == place_of(edit(change), "ponits")
    assert what.startswith("unknown key 'ponits'; did you mean 'points'?; allowed: id, depth, dose,")


def test_a_key_with_a_letter_that_looks_latin_is_refused_by_its_name(the_problem):
    _, _, what = the_problem(('depth = "2 mm"', '"d\u0435pth" = "2 mm"'))
    assert "CYRILLIC SMALL LETTER IE" in what
    assert "did you mean 'depth'" in what


def test_an_unknown_table_is_refused(the_problem):
    _, column, what = the_problem(("[limits]", "[limit]"))
    assert column == 1
    assert what.startswith("unknown key 'limit'; did you mean 'limits'?")


def test_a_key_written_twice_is_refused_and_both_lines_are_named(edit, the_problem):
    change = ("points = 20", "points = 20\npoints = 30")
    line, column, what = the_problem(change)
    first, _ = place_of(edit(change), "points = 20")
    assert (line, column, what) == (first + 1, 1, f"'points' is there already, on line {first}")


def test_a_table_written_twice_is_refused_and_both_lines_are_named(edit, the_problem):
    change = ("[defaults]", "[limits]\n[defaults]")
    _, _, what = the_problem(change)
    assert what == f"'[limits]' is there already, on line {place_of(edit(change), '[limits]')[0]}"


@pytest.mark.parametrize("value", ["1.5", "1500", "1e309", "nan", "inf", "-1", "9223372036854775808"])
@pytest.mark.parametrize(("key", "old"), [("depth", '"1.5 mm"'), ("dose", '"0.02 mL"'), ("rate", '"9 /s"')])
@pytest.mark.hazard("HZ-07")
@pytest.mark.invariant("I-40")
def test_a_number_without_a_unit_is_refused(edit, the_problem, key, old, value):
    table = "[defaults]"
    text_before = edit().split(table)[1]
    assert f"{key} = {old}" in text_before
    change = (f"{key} = {old}\n", f"{key} = {value}\n")
    problem = the_problem(('per_point = "0.02 mL"\n', ""), ("[defaults]", "[defaults]"), change)
    assert "has no unit: write a quantity in quotes" in problem[2]


@pytest.mark.parametrize(
    "value",
    [
        "1,5 mm", "-1 mm", "+1 mm", "1e3 um", ".5 mm", "1. mm", "01.5 mm", "\uff11.5 mm",
        "1.5  mm", " 1.5 mm", "1.5 mm ",
        "1.5 in", "1.5 Mm", "1.5 MM", "NaN mm", "inf mm", "mm", "", "1.5", "1.5 mm 2", "1 000 um", "1_000 um", "0x5 mm",
        "1e309 mm", "99999999999999999999 mm", "1.2345 mm",
    ],
)  # fmt: skip
@pytest.mark.hazard("HZ-07")
@pytest.mark.invariant("I-40")
def test_a_quantity_in_another_form_is_refused_where_it_stands(edit, the_problem, value):
    change = ('depth = "2 mm"', f'depth = "{value}"')
    line, column, what = the_problem(change)
    assert (line, column) == place_of(edit(change), f'"{value}"\npoints'.split("\n", maxsplit=1)[0])
    assert what.startswith("area.depth: ")


@pytest.mark.parametrize("value", ["true", "[1]", '{mm = "1"}', "2021-01-01", "12:00:00"])
def test_a_value_of_another_type_is_refused(the_problem, value):
    _, _, what = the_problem(('depth = "2 mm"', f"depth = {value}"))
    assert what == "area.depth: not a quantity: write it in quotes, such as '1 mm'"


@pytest.mark.parametrize(
    ("value", "what"),
    [
        ("0", "must be at least 1"),
        ("-5", "must be at least 1"),
        ("5001", "must be at most 5000"),
        ('"20"', "must be a whole number without quotes"),
        ("20.0", "must be a whole number without quotes"),
        ("true", "must be a whole number without quotes"),
        ("nan", "must be a whole number without quotes"),
    ],
)
def test_points_are_a_whole_number_in_range(the_problem, value, what):
    assert the_problem(("points = 20", f"points = {value}"))[2] == f"area.points: {what}"


def test_a_missing_key_is_said_at_its_area(edit, the_problem):
    change = ("points = 20\n", "")
    line, column, what = the_problem(change)
    assert (line, column) == place_of(edit(change), "[[area]]")
    assert what == "points is missing: write it here or under [defaults]"


@pytest.mark.parametrize("table", ["treatment", "product", "equipment", "area"])
def test_a_missing_table_is_said(practice, table):
    blocks = [block for block in practice.split("\n\n") if not block.startswith((f"[{table}]", f"[[{table}]]"))]
    with pytest.raises(TreatmentFileError, match=rf"the file needs (an )?\[+{table}\]+"):
        parse_treatment("\n\n".join(blocks).encode(), "face.toml")


def test_a_wrong_default_is_reported_once_and_where_it_stands(edit, the_problem):
    change = ('spacing = "10 mm"', 'spacing = "10 ms"')
    line, column, _ = the_problem(change)
    assert (line, column) == place_of(edit(change), '"10 ms"')


def test_a_default_that_breaks_a_rule_of_an_area_is_placed_at_the_default(edit, problems):
    change = ('depth = "1.5 mm"', 'depth = "2.5 mm"')
    found = problems(change)
    assert {(problem.line, problem.column) for problem in found} == {place_of(edit(change), '"2.5 mm"')}


def test_an_area_may_not_take_its_id_from_the_defaults(the_problem):
    _, _, what = the_problem(('dose = "0.02 mL"', 'id = "forehead"\ndose = "0.02 mL"'))
    assert what.startswith("unknown key 'id'")


def test_defaults_that_are_no_table_are_refused(practice):
    text = "defaults = 5\n" + practice.replace("[defaults]", "[limits.x]")
    with pytest.raises(TreatmentFileError, match=r"^f:1:1: defaults: must be a table$"):
        parse_treatment(text.encode(), "f")


@pytest.mark.parametrize(("value", "what"), [("5", "not a text in quotes"), ('""', "a text of 1 to 400 characters"),
                                             ('"' + "x" * 401 + '"', "a text of 1 to 400 characters"),
                                             ('"a\\nb"', "only printable characters on one line")])  # fmt: skip
def test_a_title_is_one_printable_line(the_problem, value, what):
    assert what in the_problem(('"Practice treatment, face"', value))[2]


def test_several_problems_come_in_the_order_of_the_file(problems):
    found = problems(('title = "', 'tilte = "'), ('"9 /s"', '"10 /s"'), ("points = 10", "points = 0"))
    assert [problem.what.split(":")[0].split(";")[0] for problem in found] == [
        "unknown key 'tilte'", "defaults.rate", "area.points",
    ]  # fmt: skip
    assert [problem.line for problem in found] == sorted(problem.line for problem in found)


def test_a_file_full_of_errors_is_cut_short(practice):
    text = practice + "".join(f'[[area]]\nid = "x{number}"\npoints = 1\n' for number in range(50))
    with pytest.raises(TreatmentFileError) as refused:
        parse_treatment(text.encode(), "face.toml")
    assert len(refused.value.problems) == PROBLEMS_MAX
    assert str(refused.value).splitlines()[-1].endswith("30 more")


def test_a_hostile_name_or_value_cannot_write_to_the_terminal(edit):
    text = edit(('id = "practice"', 'id = "\\u001b[2J\\u202e"'))
    with pytest.raises(TreatmentFileError) as refused:
        parse_treatment(text.encode(), "fa\x1b[2J\nce.toml")
    assert all(line.isprintable() for line in str(refused.value).splitlines())
    assert len(str(refused.value).splitlines()) == len(refused.value.problems)


@pytest.mark.parametrize("status", ["approved", "example", "", "Example, Unapproved"])
@pytest.mark.hazard("HZ-58")
def test_a_file_cannot_call_itself_approved(the_problem, status):
    _, _, what = the_problem(('"example, unapproved"', f'"{status}"'))
    assert what == "treatment.status: must be 'example, unapproved' or 'unapproved'"


@pytest.mark.parametrize("words", ["Mix 5 mg", "Lidocaine 2 %", "HA 16mg/mL", "Toxin 50 IU", "20 units of X", "5 µg"])
def test_an_amount_of_a_drug_is_refused(the_problem, words):
    _, _, what = the_problem(('"Water for practice"', f'"{words}"'))
    assert "looks like an amount of a drug: these files hold volumes only" in what


@pytest.mark.hazard("HZ-58")
def test_a_host_with_lower_limits_refuses_what_the_build_allows(problems):
    found = problems(limits=HostLimits(per_point_nl=15_000))
    assert any("this host's own limit of 0.015 mL; a file can only lower it" in problem.what for problem in found)
    assert any("0.02 mL is more than this host allows a point" in problem.what for problem in found)


def test_the_plan_carries_the_lowest_of_the_limits(practice):
    plan = parse_treatment(practice.encode(), "face.toml", HostLimits(per_day_nl=3_000_000)).plan()
    assert (plan.per_point_cap_nl, plan.per_cm2_cap_nl, plan.per_day_cap_nl) == (20_000, 100_000, 3_000_000)


def test_without_caps_of_its_own_a_file_may_give_what_it_plans_and_no_more(edit):
    text = edit(('per_area = "0.5 mL"\n', ""), ('per_session = "2 mL"\n', ""), ('cap = "0.3 mL"\n', ""))
    plan = parse_treatment(text.encode(), "face.toml").plan()
    assert plan.session_cap_nl == plan.volume_nl == 1_000_000
    assert [area.cap_nl for area in plan.areas] == [area.volume_nl for area in plan.areas]
