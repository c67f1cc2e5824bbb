"""What may be signed away, and what the signature says was gone over."""

import pytest

from meso_device.session.checklist import ITEMS
from meso_device.session.interlocks import RULES
from meso_device.session.overrides import SOFT_CODES, check_code, terms
from protocols.errors import UsageError
from protocols.treatment.library import load_library

PLAN = load_library("practice").plan()
AREA = PLAN.areas[0]


def full(name):
    """The code as a refusal names it."""
    return f"{name}.{AREA.area}" if name in RULES and RULES[name].by_area else name


@pytest.mark.parametrize("name", RULES)
def test_soft_rules_and_no_others_can_be_gone_over(name):
    if RULES[name].soft:
        check_code(full(name))
    else:
        with pytest.raises(UsageError, match="nobody may go over"):
            check_code(full(name))


@pytest.mark.parametrize(
    "code", ["", "too early", "TOO_EARLY", "second_pass", "day_cap.forehead", "cap", "too_early.x"]
)
def test_a_code_that_no_refusal_names_is_refused(code):
    with pytest.raises(UsageError, match="override"):
        check_code(code)


@pytest.mark.parametrize("name", SOFT_CODES)
def test_every_override_says_limit_and_value(name):
    limit, value = terms(full(name), PLAN, dict.fromkeys(ITEMS, "yes"), "2026-11-22")
    assert limit
    assert value
    assert limit != value


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("pregnancy", ("no", "yes")),
        ("anticoagulants", ("none", "yes")),
        ("day_cap", ("20 mL in 24 hours", "1 mL more")),
        ("second_pass.forehead", ("20 injections", "40 injections")),
        ("too_early", ("interval of course general", "2026-11-22")),
    ],
)
def test_limit_and_value_carry_their_units(code, expected):
    assert terms(code, PLAN, {"pregnancy": "yes", "anticoagulants": "yes"}, "2026-11-22") == expected


def test_an_area_that_is_not_treated_cannot_be_signed_for():
    with pytest.raises(UsageError, match="abdomen"):
        terms("second_pass.abdomen", PLAN, {}, "2026-11-22")
