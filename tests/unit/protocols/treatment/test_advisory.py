import pytest

from protocols.treatment.advisory import advise
from protocols.treatment.areas import catalogue

FOREHEAD = catalogue()["forehead"]


@pytest.mark.hazard("HZ-50")
@pytest.mark.hazard("HZ-51")
@pytest.mark.invariant("I-59")
def test_the_text_names_mean_spread_sex_and_commanded_travel():
    assert advise(FOREHEAD, "female", 1_500).text == (
        "skin about 1.06 mm (0.74-1.38, women); 1.5 mm commanded needle travel: likely below the dermis; "
        "commanded, not achieved"
    )


@pytest.mark.parametrize(
    ("depth_um", "layer", "deeper"),
    [
        (200, "epidermis", False),
        (250, "dermis", False),
        (740, "dermis", False),
        (750, "lower edge of the dermis", True),
        (1_380, "lower edge of the dermis", True),
        (1_400, "below the dermis", True),
    ],
)
@pytest.mark.hazard("HZ-50")
def test_the_layer_follows_mean_and_two_standard_deviations(depth_um, layer, deeper):
    advisory = advise(FOREHEAD, "female", depth_um)
    assert (advisory.layer, advisory.deeper_than_wanted) == (layer, deeper)


@pytest.mark.hazard("HZ-50")
def test_men_and_women_have_their_own_figures():
    assert advise(FOREHEAD, "female", 1_500).layer == "below the dermis"
    assert advise(FOREHEAD, "male", 1_500).layer == "lower edge of the dermis"


@pytest.mark.parametrize("area", ["nose", "abdomen", "hand_dorsum_left", "submandibular_left", "palm_right"])
def test_an_area_without_figures_says_no_data_and_borrows_none(area):
    advisory = advise(catalogue()[area], "male", 1_500)
    assert (advisory.layer, advisory.mean_um, advisory.deeper_than_wanted) == ("no data", None, False)
    assert "no data" in advisory.text


@pytest.mark.hazard("HZ-51")
@pytest.mark.invariant("I-59")
def test_every_text_speaks_of_commanded_travel_and_never_of_depth_reached():
    for area in catalogue().values():
        for sex in ("female", "male"):
            for depth_um in range(0, 13_001, 500):
                text = advise(area, sex, depth_um).text
                assert "commanded needle travel" in text
                assert "commanded, not achieved" in text
                assert ("less than half was buried" in text) == (depth_um < 1_000)
