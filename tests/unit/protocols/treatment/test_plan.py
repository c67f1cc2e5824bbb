import json
import subprocess
import sys

import pytest

from protocols.errors import UsageError
from protocols.treatment.library import library, load_library
from protocols.treatment.plan import AreaPlan, TreatmentPlan


@pytest.mark.parametrize("name", library())
def test_a_plan_comes_back_from_its_json_unchanged(name):
    plan = load_library(name).plan()
    assert TreatmentPlan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_a_plan_holds_integers_and_strings_alone():
    value = load_library("practice").plan().to_json()
    areas = value.pop("areas")
    for flat in [value, *areas]:
        assert {type(item) for item in flat.values()} <= {int, str}


@pytest.mark.parametrize(
    "change",
    [
        {"depth_um": 1.5}, {"depth_um": "1500"}, {"depth_um": True}, {"depth_um": -1}, {"depth_um": None},
        {"area": 5}, {"extra": 1},
    ],
)  # fmt: skip
@pytest.mark.hazard("HZ-58")
def test_a_stored_plan_that_was_changed_in_type_is_refused(change):
    value = load_library("practice").plan().areas[0].to_json() | change
    with pytest.raises(UsageError, match="stored plan refused"):
        AreaPlan.from_json(value)


@pytest.mark.parametrize("areas", [None, 5, "x", [5], {}])
def test_a_stored_plan_without_a_list_of_areas_is_refused(areas):
    value = load_library("practice").plan().to_json() | {"areas": areas}
    with pytest.raises(UsageError, match="areas is not a list"):
        TreatmentPlan.from_json(value)


def test_a_stored_plan_with_a_field_missing_is_refused():
    value = load_library("practice").plan().to_json()
    del value["digest"]
    with pytest.raises(UsageError, match="missing or unknown fields: digest"):
        TreatmentPlan.from_json(value)


def test_totals_count_passes():
    plan = load_library("practice").plan()
    area = AreaPlan.from_json(plan.areas[0].to_json() | {"passes": 3})
    assert (area.shots, area.volume_nl) == (60, 600_000)
    assert (plan.shots, plan.volume_nl) == (60, 1_000_000)


def test_the_plan_needs_neither_pydantic_nor_a_toml_parser():
    code = (
        "import sys, protocols.treatment.plan\n"
        "print([name for name in ('pydantic', 'tomllib', 'csv') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
