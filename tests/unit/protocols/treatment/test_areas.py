import pytest

from protocols.treatment.areas import by_code, catalogue

# Numbers that are in records already: a change here makes old records speak of another place.
CODES = {
    "face_whole": 101, "forehead": 102, "glabella": 103, "temple_left": 104, "temple_right": 105, "eyelid_left": 106,
    "eyelid_right": 107, "eye_zone": 108, "nose": 109, "cheek_left": 110, "cheek_right": 111,
    "submandibular_left": 112, "submandibular_right": 113, "neck_front": 201, "decollete": 301,
    "hand_dorsum_left": 401, "hand_dorsum_right": 402, "scalp_front": 501, "scalp_vertex": 502, "scalp_occipital": 503,
    "scalp_temporal_left": 504, "scalp_temporal_right": 505, "abdomen": 601, "hip_left": 602, "hip_right": 603,
    "thigh_front_left": 604, "thigh_front_right": 605, "thigh_back_left": 606, "thigh_back_right": 607,
    "buttock_left": 608, "buttock_right": 609, "neck_back": 701, "upper_back": 702, "lower_back": 703,
    "shoulder_left": 704, "shoulder_right": 705, "elbow_left": 706, "elbow_right": 707, "knee_left": 708,
    "knee_right": 709, "ankle_left": 710, "ankle_right": 711, "abdomen_pain": 712, "underarm_left": 801,
    "underarm_right": 802, "palm_left": 803, "palm_right": 804,
}  # fmt: skip


@pytest.mark.hazard("HZ-06")
def test_the_numbers_of_areas_never_change():
    assert {area.id: area.code for area in catalogue().values()} == CODES


def test_no_two_areas_share_a_number_or_a_typed_code():
    areas = catalogue().values()
    assert len(by_code()) == len(areas)
    assert len({area.short for area in areas}) == len(areas)
    assert all(0 < area.code < 2**16 for area in areas)
    # Typed to arm: short, and without letters that look like digits.
    assert all(2 <= len(area.short) <= 4 and not set(area.short) & set("OIl") for area in areas)


def test_every_left_has_its_right_with_the_same_figures_and_the_other_letter():
    for area in catalogue().values():
        if area.side == "left":
            twin = catalogue()[area.id.removesuffix("left") + "right"]
            assert twin.side == "right"
            assert (area.short[:-1], area.short[-1], twin.short[-1]) == (twin.short[:-1], "L", "R")
            assert (area.depth_max_um, area.dose_max_nl) == (twin.depth_max_um, twin.dose_max_nl)


@pytest.mark.hazard("HZ-52")
def test_the_eye_alone_is_a_no_go_and_its_surround_asks_twice():
    assert [area.id for area in catalogue().values() if area.no_go] == ["eye_zone"]
    assert catalogue()["eyelid_left"].risk == catalogue()["eyelid_right"].risk == "extra-confirmation"


def test_ranges_are_the_right_way_round_and_have_a_source():
    for area in catalogue().values():
        for low, high in (
            (area.depth_min_um, area.depth_max_um),
            (area.dose_min_nl, area.dose_max_nl),
            (area.spacing_min_um, area.spacing_max_um),
            (area.session_total_min_nl, area.session_total_max_nl),
        ):
            assert low is None or high is None or 0 < low <= high
        assert area.source
        assert area.view in {"front", "back", "side", "hand", "head_front", "head_back", "head_side", "head_top"}


def test_the_catalogue_cannot_be_changed():
    with pytest.raises(TypeError):
        catalogue()["elsewhere"] = catalogue()["nose"]
