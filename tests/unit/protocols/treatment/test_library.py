import re
import tomllib

import pytest

from protocols.errors import UsageError
from protocols.treatment.areas import catalogue
from protocols.treatment.courses import courses
from protocols.treatment.library import PRACTICE, library, library_bytes, load_library

USES = {
    "mesolift", "hydration", "wrinkles", "stretch_marks", "scars", "pigment", "cellulite", "mesolipo", "hair_loss",
    "sweating", "circulation", "pain_back", "pain_joint", "pain_neck", "pain_headache", "pain_tendon",
    "pain_myofascial",
}  # fmt: skip


def test_there_is_a_file_for_each_use():
    assert set(library()) == USES | {PRACTICE}


@pytest.mark.parametrize("name", library())
def test_every_file_is_an_unapproved_example_under_its_own_name_with_sources(name):
    head = load_library(name).file.treatment
    assert (head.id, head.status) == (name, "example, unapproved")
    assert head.sources
    assert head.note


@pytest.mark.parametrize("name", library())
def test_no_file_mentions_an_amount_of_a_drug(name):
    text = library_bytes(name).decode()
    assert re.search(r"\d\s*(mg|µg|mcg|IU|units?\b|%|mmol)", text) is None


@pytest.mark.parametrize("name", library())
def test_every_file_states_its_limits_and_its_course_fits_its_areas(name):
    treatment = load_library(name)
    limits = treatment.file.limits
    assert None not in (limits.per_point_nl, limits.per_cm2_nl, limits.per_area_nl, limits.per_session_nl)
    groups = {catalogue()[area.id].group for area in treatment.file.area}
    course = courses()[treatment.file.treatment.course]
    near_the_face = {"face", "neck", "decollete", "hands"}
    assert course.area_group == "any" or course.area_group in groups
    if course.area_group == "face":
        assert groups <= near_the_face


@pytest.mark.parametrize("name", library())
def test_what_lacks_a_published_range_says_so_in_its_note(name):
    treatment = load_library(name)
    if any("no published range" in remark for remark in treatment.remarks):
        assert "Nobody was seen to give figures" in treatment.file.treatment.note


def test_the_practice_treatment_is_sixty_points_on_three_or_four_areas_at_full_rate():
    plan = load_library(PRACTICE).plan()
    assert plan.shots == 60
    assert 3 <= len(plan.areas) <= 4
    assert {area.interval_ms for area in plan.areas} == {111}
    assert {area.dose_nl for area in plan.areas} <= set(range(10_000, 20_001))
    assert {area.depth_um for area in plan.areas} <= set(range(1_000, 2_001))


def test_every_file_is_plain_toml_of_modest_size():
    for name in library():
        data = library_bytes(name)
        assert tomllib.loads(data.decode())
        assert len(data) < 4_096


@pytest.mark.parametrize("name", ["", "none", "../practice", "practice.toml", "/etc/passwd"])
def test_a_name_that_is_not_in_the_library_is_refused(name):
    with pytest.raises(UsageError, match=r"no treatment protocol .* it holds cellulite, "):
        load_library(name)
