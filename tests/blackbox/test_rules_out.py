"""The clinic's black-box tests are run again on a product whose rules were taken out: each of them must fail.

What runs is the real ``meso``; a rule is taken out inside its process when it starts. Here a few of them are shown;
``MESO_RULES_OUT=all`` shows every one. That each single rule matters, the others being there, is shown by
``tests/world/test_rules_matter.py``.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
WITHOUT = HERE / "without"
# Test of test_clinic.py, and what is taken out. A test's session breaks no other rule than its own, so all of them are
# taken out together. Where a rule is kept twice, both are out: when a file is read, and when it is carried out.
CASES = {
    "answer_that_forbids_treatment_refuses_the_session[wrong-patient]": "identity",
    "answer_that_forbids_treatment_refuses_the_session[not-asked]": "checklist",
    "answer_that_forbids_treatment_refuses_the_session[allergy]": "allergy",
    "answer_that_forbids_treatment_refuses_the_session[no-consent]": "consent",
    "answer_that_forbids_treatment_refuses_the_session[infection]": "infection",
    "answer_that_forbids_treatment_refuses_the_session[bleeding]": "anticoagulants_note,anticoagulants",
    "answer_that_forbids_treatment_refuses_the_session[old-needle]": "needle_new",
    "allergy_of_the_vault_counts_even_where_today_none_is_told": "allergy",
    "who_may_not_treat_or_has_the_wrong_pin_opens_no_session[tom-": "roles",
    "who_may_not_treat_or_has_the_wrong_pin_opens_no_session[cleo-": "pin",
    "real_gun_gets_no_session_without_a_screen[True": "real_guns,approval",
    "real_gun_gets_no_session_without_a_screen[False": "real_guns,practice_gun",
    "another_product_in_the_gun_is_refused": "product",
    "nothing_is_permitted_that_the_syringe_may_not_hold": "content",
    "syringe_that_the_gun_saw_taken_out_gives_nothing": "cartridge",
    "blocked_lot_is_refused_until_it_is_released": "lot_blocked",
    "session_waits_for_a_copy_outside_where_the_clinic_asks_for_one": "outside",
    "no_needle_or_one_of_another_type_is_refused[--": "needle",
    "no_needle_or_one_of_another_type_is_refused[N-1": "needle",
    "next_patient_waits_for_a_clean_gun_a_new_needle_and_a_new_head": "reprocessing,needle,head",
    "syringe_that_is_not_that_of_the_treatment_is_refused": "geometry",
    "calibration_is_expired_or_another_than_it_names_is_refused[expired]": "calibration",
    "calibration_is_expired_or_another_than_it_names_is_refused[foreign]": "calibration",
    "product_too_thick_for_needle_and_flow_is_refused": "flow",
    "file_that_asks_for_what_must_not_be_is_refused[too-deep]": "depth,file_checks",
    "file_that_asks_for_what_must_not_be_is_refused[eye]": "area,file_checks",
    "file_that_asks_for_what_must_not_be_is_refused[too-fine]": "smallest_dose,dose_grid,file_checks",
    "file_that_asks_for_what_must_not_be_is_refused[pins]": "pins_permitted",
    "file_that_asks_for_what_must_not_be_is_refused[tenfold]": "point_dose,caps,file_checks",
    "file_that_asks_for_what_must_not_be_is_refused[no-unit]": "unit",
    "lid_takes_a_signed_reason_of_its_own": "sensitive_area",
    "interval_skin_and_day_keep_what_an_earlier_process_gave": "too_early,caps",
    "depth_is_only_ever_commanded_and_likely_never_reached": "advice",
    "late_reaction_is_tied_to_the_lot_and_the_gun_and_changes_no_old_record": "tied",
    "patient_gets_nothing_from_a_second_gun_while_a_session_runs": "one_host",
    "derived_table_that_was_damaged_opens_no_cap_and_no_lot_and_is_made_anew": "derived",
}
FEW = ("another_product_in", "who_may_not", "is_refused[expired]", "[too-deep]")
CHOSEN = (
    CASES
    if os.environ.get("MESO_RULES_OUT") == "all"
    else [name for name in CASES if name.startswith(FEW) or name.endswith(FEW)]
)


@pytest.mark.timeout(900)
def test_the_tests_of_the_clinic_fail_on_a_product_without_its_rules():
    listed = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "--collect-only", str(HERE / "test_clinic.py")],
        check=True, capture_output=True, text=True, cwd=HERE.parents[1],
    ).stdout.split("\n")  # fmt: skip
    chosen = [line for name in CHOSEN for line in listed if name in line]
    assert len(chosen) == len(CHOSEN), "a name of the table is not the name of one test"
    out = ",".join(sorted({rule for name in CHOSEN for rule in CASES[name].split(",")}))
    path = os.pathsep.join(filter(None, (str(WITHOUT), os.environ.get("PYTHONPATH", ""))))
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:cacheprovider", "--tb=line", "-rA", *chosen],
        env={**os.environ, "PYTHONPATH": path, "MESO_WITHOUT": out},
        check=False, capture_output=True, text=True, cwd=HERE.parents[1],
    ).stdout  # fmt: skip
    failed = set(re.findall(r"(?m)^FAILED (\S+)", ran))
    passed = set(re.findall(r"(?m)^PASSED (\S+)", ran))
    assert not passed, f"not noticed: {sorted(passed)}"
    assert len(failed) == len(chosen), ran[-3_000:]
    assert "ERROR " not in ran
