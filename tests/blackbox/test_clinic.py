"""The clinic's rules, each proven by a session that it refuses and by one that is right and runs to its end.

Nothing refused reaches skin: the file of what physically happened stays empty.
"""

import contextlib
import json
import re
import shutil
import sqlite3
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from support.checks import assert_one_clear_line
from support.clinic import BORN, CHART, NAME, OTHER, PRODUCT, TWO_POINTS, alias_of, copied
from support.processes import command_of
from support.treatment import treatment_text

pytestmark = [
    pytest.mark.usefixtures("warm"),
    pytest.mark.timeout(180),  # a day at the clinic is many processes, each with a slow look at a PIN
]

ROOT = Path(__file__).parents[2]
LIBRARY = ROOT / "protocols" / "treatment" / "library"


@pytest.fixture
def clinic(bench, founding):
    """The founded clinic, for one scenario to change."""
    return copied(bench, founding)


@pytest.fixture
def patient(founding):
    return alias_of(founding, CHART)


@pytest.fixture
def other(founding):
    return alias_of(founding, OTHER)


def assert_refused(clinic, process, *names, status=1):
    """Require one clear line and that nothing was injected."""
    process.wait()
    assert_one_clear_line(process, status=status, names=names)
    assert clinic.gun.truth() == []


def assert_complete(clinic, process, shots=4):
    """Require that every point was given, and that log and gun agree."""
    told = process.ok().json()
    assert (told["state"], told["given"]) == ("complete", shots)
    clinic.bench.assert_proven(clinic.gun)
    return told["session"]


def records(clinic, *kinds):
    """The records of these kinds, in order, as the log holds them."""
    (path,) = (path for path in clinic.bench.home.glob("*.db") if path.name != "vault.db")
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        bodies = [json.loads(body) for (body,) in db.execute("SELECT body FROM record ORDER BY seq")]
    return [body for body in bodies if body["kind"] in kinds]


# --- all is right ----------------------------------------------------------------------------------------------------


@pytest.mark.invariant("I-64")
@pytest.mark.invariant("I-29")
@pytest.mark.hazard("HZ-57")
@pytest.mark.hazard("HZ-58")
def test_a_right_session_is_recorded_before_its_first_grant_and_ends_with_the_balance_of_the_syringe(clinic, patient):
    session = assert_complete(clinic, clinic.session(patient, checks=clinic.checks(needle="N-7", head="H-7")))
    wanted = (
        "session.opened",
        "checklist",
        "needle.changed",
        "head.changed",
        "grant.prepared",
        "aftercare",
        "session.closed",
    )
    rows = [row for row in records(clinic, *wanted) if row["sess"] == session]
    assert {row["alias"] for row in rows} == {patient}
    assert len({row["op"] for row in rows}) == 1
    assert {row["role"] for row in rows} == {"clinician"}
    kinds = [row["kind"] for row in rows]
    first_grant = kinds.index("grant.prepared")
    assert kinds[:first_grant].count("checklist") == 11
    assert {"needle.changed", "head.changed"} <= set(kinds[:first_grant])
    opened, closed = rows[0], rows[-1]
    assert opened["practice"] is False
    assert opened["status"] == "example, unapproved"
    grants = [row for row in rows if row["kind"] == "grant.prepared"]
    assert {(row["protocol"], row["protocol_status"], row["lot"]) for row in grants} == {
        (opened["protocol"], "example, unapproved", "W-1")
    }
    material = closed["material"]
    assert material["loaded_nl"] == 4_000_000
    assert material["ok"] is True
    assert (material["product"], material["lot"]) == (PRODUCT, "W-1")
    spent = material["patient_hi_nl"] + material["prime_nl"] + material["waste_nl"]
    assert material["loaded_nl"] == spent + material["left_lo_nl"]
    assert material["patient_hi_nl"] == closed["dose_hi_nl"] > 0
    assert kinds[-2:] == ["aftercare", "session.closed"]
    assert [row["given"] for row in rows if row["kind"] == "aftercare"] == [True]


@pytest.mark.hazard("HZ-58")
def test_an_approval_is_in_every_grant_and_ends_with_any_change_of_the_file(clinic, patient, other):
    file = clinic.treatment()
    clinic.act("protocols", "approve", file)
    assert_complete(clinic, clinic.session(patient, file=file))
    clinic.clean()
    changed = clinic.treatment(file.read_text() + "\n# one more line\n")
    checks = clinic.checks(needle="N-2", head="H-2")
    assert_complete(clinic, clinic.session(other, file=changed, checks=checks))
    first, *_, last = records(clinic, "grant.prepared")
    assert first["protocol_status"] == "approved"
    assert first["approved_by"] == records(clinic, "protocol.approved")[0]["op"]
    assert (last["protocol_status"], last["approved_by"]) == ("example, unapproved", "")


# --- what the patient was asked --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "leave_out", "names"),
    [
        pytest.param({"identity": "no"}, (), ("identity",), marks=pytest.mark.hazard("HZ-16"), id="wrong-patient"),
        pytest.param({}, ("pregnancy",), ("checklist", "pregnancy"), marks=pytest.mark.hazard("HZ-57"), id="not-asked"),
        pytest.param({"allergy": ["Water"]}, (), ("allergic",), marks=pytest.mark.hazard("HZ-57"), id="allergy"),
        pytest.param({"consent": "no"}, (), ("consent",), marks=pytest.mark.hazard("HZ-57"), id="no-consent"),
        pytest.param(
            {"infection_in_area": ["forehead"]}, (), ("infection",), marks=pytest.mark.hazard("HZ-57"), id="infection"
        ),
        pytest.param(
            {"anticoagulants": "yes"}, (), ("anticoagulants", "note"), marks=pytest.mark.hazard("HZ-57"), id="bleeding"
        ),
        pytest.param({"needle_new": "no"}, (), ("needle_new",), marks=pytest.mark.hazard("HZ-34"), id="old-needle"),
    ],
)
def test_an_answer_that_forbids_treatment_refuses_the_session(clinic, patient, answers, leave_out, names):
    checks = clinic.checks(answers, leave_out=leave_out)
    assert_refused(clinic, clinic.session(patient, checks=checks), *names)


@pytest.mark.hazard("HZ-57")
def test_an_allergy_of_the_vault_counts_even_where_today_none_is_told(clinic):
    allergic = clinic.enrol("Allergic One", "1970-02-03", "K-9", allergies=("WATER",))
    assert_refused(clinic, clinic.session(allergic), "allergic")
    clinic.bench.meso("audit", "verify").ok()


@pytest.mark.hazard("HZ-57")
def test_anticoagulants_pass_with_the_note_and_a_signed_reason(clinic, patient):
    note = "agreed with Doctor Brandlhuber"
    checks = clinic.checks({"anticoagulants": "yes"}, notes={"anticoagulants": note})
    session = assert_complete(
        clinic, clinic.session(patient, checks=checks, overrides=(("anticoagulants", "discussed"),))
    )
    (override,) = records(clinic, "limit.override")
    signs = [row for row in records(clinic, "sign") if row["target_seq"] == override["seq"]]
    assert (override["sess"], override["reason"], len(signs)) == (session, "discussed", 1)
    log = b"".join(path.read_bytes() for path in clinic.bench.home.rglob("*.db*") if "vault" not in path.name)
    assert b"Brandlhuber" not in log


# --- a gun that does not say that it is simulated ---------------------------------------------------------------------


@pytest.fixture
def real(clinic):
    """A data directory and a port of a gun that may be a real one: a cable takes the mark out of what it says."""
    cable = clinic.bench.cable(clinic.gun)
    cable.real()
    return cable.link


@pytest.mark.hazard("HZ-36")
@pytest.mark.parametrize("with_patient", [True, False])
def test_a_real_gun_gets_no_session_without_a_screen(clinic, patient, real, with_patient):
    elsewhere = {"MESO_HOME": str(clinic.bench.path / "another")}
    process = clinic.session(patient, port=real) if with_patient else clinic.bench.run_session(real, env=elsewhere)
    assert process.wait() in {1, 2}, process.describe()
    assert_one_clear_line(process, status=process.status, names=("not simulated",))
    assert clinic.gun.truth() == []


# --- people ----------------------------------------------------------------------------------------------------------


@pytest.mark.hazard("HZ-35")
@pytest.mark.parametrize(("operator", "pin", "names"), [("tom", "", ("treat",)), ("cleo", "111222", ("PIN",))])
def test_who_may_not_treat_or_has_the_wrong_pin_opens_no_session(clinic, patient, operator, pin, names):
    assert_refused(clinic, clinic.session(patient, operator=operator, pin=pin), *names)
    assert records(clinic, "session.opened") == []


@pytest.mark.hazard("HZ-35")
@pytest.mark.hazard("HZ-16")
def test_a_killed_session_goes_on_for_its_patient_only_when_somebody_signs_in(clinic, patient):
    file = clinic.treatment(treatment_text((("forehead", 10), ("cheek_left", 10)), rate="3 /s"))
    host = clinic.session(patient, file=file)
    clinic.bench.wait_shots(clinic.gun, 3)
    host.kill()
    nobody = clinic.bench.resume(clinic.gun.link)
    nobody.wait()
    assert_one_clear_line(nobody, status=2, names=("name",))
    resumed = clinic.bench.resume(clinic.gun.link, "--operator", "cleo", "--pin-file", clinic.pins("cleo"))
    assert_complete(clinic, resumed, 20)
    rows = records(clinic, "session.opened", "session.confirmed", "session.closed", "grant.prepared")
    assert len({(row["op"], row["role"], row["alias"]) for row in rows}) == 1


# --- what is in the gun and on it ------------------------------------------------------------------------------------


@pytest.mark.hazard("HZ-17")
def test_another_product_in_the_gun_is_refused(clinic, patient):
    clinic.stock("S-1", product="Saline")
    clinic.load("S-1", product="Saline", left="4 mL")
    assert_refused(clinic, clinic.session(patient), "Saline", PRODUCT)


@pytest.mark.hazard("HZ-21")
@pytest.mark.invariant("I-29")
def test_nothing_is_permitted_that_the_syringe_may_not_hold(clinic, patient):
    clinic.load(left="4 mL", volume="0.025 mL")
    process = clinic.session(patient)
    process.wait()
    assert_one_clear_line(process, status=1, names=("the syringe holds", "0.01 mL"))
    assert len(clinic.gun.truth()) == 2


SWAPPED = """
[[fault]]
name = "cartridge_swap"
at_shot = 2
"""


@pytest.mark.hazard("HZ-17")
def test_a_syringe_that_the_gun_saw_taken_out_gives_nothing_until_somebody_says_what_is_in_now(clinic, patient):
    clinic.gun.kill()
    clinic.gun.start("--scenario", clinic.file(".toml", SWAPPED))
    process = clinic.session(patient)
    process.wait()
    assert_one_clear_line(process, status=1, names=("taken out after lot 'W-1'",))
    assert 2 <= len(clinic.gun.truth()) <= 3
    clinic.load(left="3.98 mL")
    assert_complete(
        clinic, clinic.bench.resume(clinic.gun.link, "--operator", "cleo", "--pin-file", clinic.pins("cleo"))
    )


@pytest.mark.hazard("HZ-43")
def test_a_blocked_lot_is_refused_until_it_is_released(clinic, patient):
    clinic.act("stock", "block", PRODUCT, "W-1", "--reason", "recalled")
    assert_refused(clinic, clinic.session(patient), "W-1", "blocked")
    clinic.act("stock", "unblock", PRODUCT, "W-1", "--reason", "cleared")
    assert_complete(clinic, clinic.session(patient))


@pytest.mark.hazard("HZ-25")
def test_a_session_waits_for_a_copy_outside_where_the_clinic_asks_for_one(clinic, patient):
    bench, stick = clinic.bench, clinic.bench.path / "stick"
    stick.mkdir()
    words = ["audit", "require", "--records", "40", "--as", "ada", "--with", "cleo"]
    bench.meso(*words, "--pin-file", clinic.pins("ada", "cleo")).ok()
    assert bench.meso("audit", "status").ok().out.count("NOTHING") == 1
    assert_refused(clinic, clinic.session(patient), "kept outside", "40 are allowed")
    doctor = bench.meso("doctor")
    assert doctor.wait() == 1
    assert "!!  kept outside" in doctor.out
    clinic.act("audit", "copy", stick, by="tom")
    told = bench.meso("audit", "status", "--json").ok().json()
    assert told["outside"]["where"] == "copy"
    assert told["since"]["records"] < 40
    assert_complete(clinic, clinic.session(patient))
    (kept,) = records(clinic, "checkpoint.kept")
    assert (kept["size"], kept["role"]) == (told["outside"]["records"], "technician")
    [required] = records(clinic, "outside.required")
    signers = [row["op"] for row in records(clinic, "sign") if row["target_seq"] == required["seq"]]
    assert len({*signers}) == 2


@pytest.mark.hazard("HZ-34")
@pytest.mark.parametrize(
    ("needle", "needle_type", "names"), [("", "", ("no needle",)), ("N-1", "32g_4mm", ("needle", "type"))]
)
def test_no_needle_or_one_of_another_type_is_refused(clinic, patient, needle, needle_type, names):
    checks = clinic.checks(needle=needle, needle_type=needle_type)
    assert_refused(clinic, clinic.session(patient, checks=checks), *names)


@pytest.mark.hazard("HZ-42")
@pytest.mark.hazard("HZ-34")
@pytest.mark.hazard("HZ-44")
@pytest.mark.hazard("HZ-43")
@pytest.mark.invariant("I-53")
@pytest.mark.invariant("I-54")
def test_the_next_patient_waits_for_a_clean_gun_a_new_needle_and_a_new_head(clinic, patient, other):
    assert_complete(clinic, clinic.session(patient))
    refusals = [
        (clinic.checks(needle="N-2", head="H-2"), "cleaned"),
        (clinic.checks(needle="N-1", head="H-2"), "another patient"),
        (clinic.checks(needle="N-2", head="H-1"), "another patient"),
    ]
    for number, (checks, word) in enumerate(refusals):
        if number == 1:
            tap = clinic.bench.meso(
                "reprocess", "--gun", clinic.gun.link, "--agent", "Steri", "--lot", "S-1", "--medium", "tap_water",
                "--as", "cleo", "--pin-file", clinic.pins("cleo"),
            )  # fmt: skip
            tap.wait()
            assert_one_clear_line(tap, status=2, names=("tap water",))
            clinic.clean()
        process = clinic.session(other, checks=checks)
        process.wait()
        assert_one_clear_line(process, status=1, names=(word,))
        assert len(clinic.gun.truth()) == 4
    assert_complete_again(clinic, clinic.session(other, checks=clinic.checks(needle="N-3", head="H-3")), 8)
    for words in (("--lot", "W-1"), ("--gun", clinic.gun.truth()[0].key[0])):
        found = clinic.bench.meso("lookback", *words).ok().out
        assert patient in found
        assert other in found


def assert_complete_again(clinic, process, strokes):
    assert process.ok().json()["state"] == "complete"
    assert len(clinic.bench.assert_proven(clinic.gun)) == strokes


@pytest.mark.hazard("HZ-45")
def test_a_syringe_that_is_not_that_of_the_treatment_is_refused(clinic, patient):
    text = treatment_text(TWO_POINTS).replace('"bd_5ml"', '"bd_3ml"').replace('"4 mL"', '"2 mL"')
    assert_refused(clinic, clinic.session(patient, file=clinic.treatment(text)), "bd_5ml", "geometry")


EXPIRED = """
[[fault]]
name = "cal_expired"
at_ms = 0
strength = 20600

[[fault]]
name = "gun_reset"
at_ms = 0
for_ms = 1
"""
FOREIGN = """
[[fault]]
name = "cal_foreign"
at_ms = 0
"""


@pytest.mark.hazard("HZ-20")
@pytest.mark.parametrize(
    ("scenario", "names"),
    [
        pytest.param(EXPIRED, ("calibration 1", "due on 2026-05-27"), id="expired"),
        pytest.param(FOREIGN, ("calibration 2", "number 1"), id="foreign"),
    ],
)
def test_a_gun_whose_calibration_is_expired_or_another_than_it_names_is_refused(clinic, patient, scenario, names):
    clinic.gun.kill()
    clinic.gun.start("--scenario", clinic.file(".toml", scenario))
    assert_refused(clinic, clinic.session(patient), *names)


@pytest.mark.hazard("HZ-20")
def test_a_calibration_that_ends_within_days_is_told_and_treats(clinic, patient):
    ends = datetime.now(UTC).date() + timedelta(days=5)
    clinic.gun.kill()
    scenario = EXPIRED.replace("20600", str((ends - date(1970, 1, 1)).days))
    clinic.gun.start("--scenario", clinic.file(".toml", scenario))
    clinic.session(patient).ok()
    told = f"calibration 1 of this gun ends in 5 days, on {ends}: have it calibrated"
    assert told in (clinic.bench.home / "host.log").read_text()


@pytest.mark.hazard("HZ-49")
def test_a_product_too_thick_for_needle_and_flow_is_refused(clinic, patient):
    clinic.stock("W-9", viscosity="500 mPas")
    clinic.load("W-9", left="4 mL")
    assert_refused(clinic, clinic.session(patient), "W-9", "feasible")


# --- what the file asks for ------------------------------------------------------------------------------------------


TENFOLD = [pytest.mark.hazard("HZ-07"), pytest.mark.hazard("HZ-58")]


@pytest.mark.parametrize(
    ("old", "new", "names"),
    [
        pytest.param(
            'dose = "0.01 mL"', 'dose = "0.001 mL"', ("smallest",), marks=pytest.mark.hazard("HZ-46"), id="too-fine"
        ),
        pytest.param(
            'depth = "1.5 mm"',
            'depth = "3 mm"',
            ("deeper", "forehead"),
            marks=pytest.mark.hazard("HZ-50"),
            id="too-deep",
        ),
        pytest.param('id = "forehead"', 'id = "eye_zone"', ("eye",), marks=pytest.mark.hazard("HZ-52"), id="eye"),
        pytest.param(
            'head = "single"',
            'head = "nine_pin"',
            ("9 needles", "permitted"),
            marks=pytest.mark.hazard("HZ-53"),
            id="pins",
        ),
        pytest.param('dose = "0.01 mL"', 'dose = "0.1 mL"', ("point",), marks=TENFOLD, id="tenfold"),
        pytest.param('dose = "0.01 mL"', 'dose = "0.01"', ("unit",), marks=TENFOLD, id="no-unit"),
    ],
)
def test_a_file_that_asks_for_what_must_not_be_is_refused(clinic, patient, old, new, names):
    text = treatment_text(TWO_POINTS)
    assert old in text
    process = clinic.session(patient, file=clinic.treatment(text.replace(old, new)))
    assert process.wait() in {1, 2}, process.describe()
    assert_refused(clinic, process, *names, status=process.status)


@pytest.mark.hazard("HZ-52")
def test_the_lid_takes_a_signed_reason_of_its_own(clinic, patient):
    text = treatment_text((("eyelid_left", 2),), depth="0.5 mm").replace('spacing = "10 mm"', 'spacing = "5 mm"')
    file = clinic.treatment(text)
    assert_refused(clinic, clinic.session(patient, file=file), "sensitive", "override")
    over = (("sensitive_area.eyelid_left", "asked_for"),)
    for second, why in (("cleo", "two different people"), ("tom", "may not be the second person")):
        assert_refused(clinic, clinic.session(patient, file=file, overrides=over, second=second), why)
    session = assert_complete(clinic, clinic.session(patient, file=file, overrides=over, second="dora"), 2)
    (override,) = records(clinic, "limit.override")
    signs = [row for row in records(clinic, "sign") if row["target_seq"] == override["seq"]]
    assert override["sess"] == session
    assert [(row["meaning"], row["act"]) for row in signs] == [
        ("performed", "high_risk_area"), ("authorised", "high_risk_area"),
    ]  # fmt: skip
    assert len({row["op"] for row in signs}) == 2


# --- what was given before -------------------------------------------------------------------------------------------


@pytest.mark.hazard("HZ-48")
@pytest.mark.hazard("HZ-47")
@pytest.mark.hazard("HZ-14")
@pytest.mark.hazard("HZ-09")
@pytest.mark.invariant("I-24")
@pytest.mark.invariant("I-57")
def test_interval_skin_and_day_keep_what_an_earlier_process_gave(clinic, patient):
    limits = '[limits]\nper_cm2 = "0.015 mL"\nper_day = "0.05 mL"\n\n[defaults]'
    file = clinic.treatment(treatment_text(TWO_POINTS).replace("[defaults]", limits))
    assert_complete(clinic, clinic.session(patient, file=file))

    def refuse(*words, **changed):
        process = clinic.session(patient, **changed)
        process.wait()
        assert_one_clear_line(process, status=1, names=words)
        assert len(clinic.gun.truth()) == 4

    clinic.clean()
    early = (("too_early", "wound_review"),)
    refuse("too early", file=file)
    refuse("cm2", "24 h", file=file, overrides=early)
    elsewhere = clinic.treatment(treatment_text((("cheek_right", 2),)).replace("[defaults]", limits))
    refuse("24 hours", "day_cap", file=elsewhere)
    signed = clinic.session(patient, file=elsewhere, overrides=(("day_cap", "split_session"),))
    assert_complete_again(clinic, signed, 6)
    due = clinic.bench.meso("patient", "due", "--json").ok().json()["due"]
    assert [(row["alias"], row["given"]) for row in due] == [(patient, 1)]


@pytest.mark.hazard("HZ-14")
@pytest.mark.hazard("HZ-43")
@pytest.mark.invariant("I-44")
def test_a_derived_table_that_was_damaged_opens_no_cap_and_no_lot_and_is_made_anew(clinic, patient):
    limits = '[limits]\nper_day = "0.05 mL"\n\n[defaults]'
    file = clinic.treatment(treatment_text(TWO_POINTS).replace("[defaults]", limits))
    assert_complete(clinic, clinic.session(patient, file=file))
    clinic.clean()
    elsewhere = clinic.treatment(treatment_text((("cheek_right", 2),)).replace("[defaults]", limits))

    def refuse(*words):
        process = clinic.session(patient, file=elsewhere, overrides=(("too_early", "wound_review"),))
        process.wait()
        assert_one_clear_line(process, status=1, names=words)
        assert len(clinic.gun.truth()) == 4

    def damaged(statement, table, *words):
        with contextlib.closing(sqlite3.connect(clinic.bench.home / "audit.db")) as db, db:
            assert db.execute(statement).rowcount
        refuse(table, "meso audit rebuild")
        assert table in clinic.bench.meso("audit", "rebuild").ok().out
        refuse(*words)

    damaged("UPDATE given SET dose_hi_nl = 0", "given", "24 hours")
    clinic.act("stock", "block", PRODUCT, "W-1", "--reason", "recalled")
    damaged("DELETE FROM lot_block", "lot_block", "W-1", "blocked")
    clinic.bench.meso("audit", "verify").ok()
    assert len(records(clinic, "tables.rebuilt")) == 2


@pytest.mark.hazard("HZ-25")
@pytest.mark.hazard("HZ-42")
@pytest.mark.invariant("I-11")
def test_injections_behind_a_restored_backup_lock_the_gun_until_two_people_looked_and_it_was_cleaned(
    clinic, patient, other
):
    bench, backups, keys = clinic.bench, clinic.bench.path / "backups", clinic.bench.path / "keys"
    assert_complete(clinic, clinic.session(patient))
    clinic.clean()
    made = bench.meso("backup", "create", backups, "--keys", keys, "--json").ok().json()
    clinic.session(other, checks=clinic.checks(needle="N-2", head="H-2")).ok()
    shutil.rmtree(bench.home)
    bench.meso("backup", "restore", made["path"], "--keys", keys).ok()

    def again():
        return clinic.session(other, checks=clinic.checks(needle="N-3", head="H-3"))

    def refused(*words):
        process = again()
        process.wait()
        assert_one_clear_line(process, status=1, names=words)
        assert len(clinic.gun.truth()) == 8

    def settle(first, second, status=0):
        pins = clinic.pins(first, second)
        words = ("--gun", clinic.gun.link, "--reason", "backup_restored", "--as", first, "--second", second)
        process = bench.meso("service", "settle", *words, "--pin-file", pins)
        assert process.wait() == status, process.describe()
        return process

    assert_one_clear_line(settle("cleo", "tom", 1), status=1, names=("nobody has settled",))
    refused("locked", "orphan", "meso service settle")
    assert_one_clear_line(settle("ada", "cleo", 1), status=1, names=("ada", "write off"))
    told = settle("cleo", "tom").out
    assert "4 injections" in told
    assert "NO LIMIT COUNTS what is of no session and no grant here" in told
    # The cleaning in the backup came before these injections.
    refused("not been cleaned")
    clinic.clean()
    assert again().ok().json()["given"] == 4
    bench.meso("audit", "verify").ok()
    [settled] = records(clinic, "service.settled")
    assert (settled["shots"], len(settled["findings"])) == (4, 1)
    assert sum(row["target_seq"] == settled["seq"] for row in records(clinic, "sign")) == 2


@pytest.mark.hazard("HZ-25")
@pytest.mark.invariant("I-23")
def test_what_a_session_gave_after_the_backup_that_was_made_within_it_is_not_given_again(clinic, patient):
    bench, backups, keys = clinic.bench, clinic.bench.path / "backups", clinic.bench.path / "keys"
    areas = (("forehead", 12), ("cheek_left", 12))
    file = clinic.treatment(treatment_text(areas))
    session = clinic.session(patient, file=file)
    bench.wait_shots(clinic.gun, 3)
    made = bench.meso("backup", "create", backups, "--keys", keys, "--json").ok().json()
    session.ok()
    shutil.rmtree(bench.home)
    bench.meso("backup", "restore", made["path"], "--keys", keys).ok()
    resume = ("--operator", "cleo", "--pin-file", clinic.pins("cleo"))
    locked = bench.resume(clinic.gun.link, *resume)
    assert locked.wait() == 1, locked.describe()
    words = ("--gun", clinic.gun.link, "--reason", "backup_restored", "--as", "cleo", "--second", "tom")
    told = bench.meso("service", "settle", *words, "--pin-file", clinic.pins("cleo", "tom")).ok().out
    assert "which is open: it may be its patient's" in told
    assert "NO LIMIT COUNTS" not in told
    clinic.clean()
    again = bench.resume(clinic.gun.link, *resume)
    assert again.wait() == 1, again.describe()
    assert "points of" in again.err
    given = [stroke for stroke in clinic.gun.truth() if stroke.kind == "TREAT"]
    by_area = Counter(stroke.area for stroke in given)
    assert max(by_area.values()) <= 12
    assert len(given) <= 24
    bench.meso("audit", "verify").ok()


# --- secrets and modes -----------------------------------------------------------------------------------------------


@pytest.mark.hazard("HZ-35")
def test_after_a_day_no_file_is_open_to_others_and_no_pin_stands_in_one_or_in_a_command_line(clinic, patient):
    bench, pin = clinic.bench, "590217364815"
    bench.warm = None  # others see the command line of each
    words = ["people", "add", "eve", "--role", "auditor", "--as", "ada", "--pin-file", clinic.pins("ada", pin)]
    adding, seen = bench.meso(*words), b""
    while adding.running:
        seen += b"\n".join(command_of(int(path.name)) for path in Path("/proc").glob("[0-9]*"))
    adding.ok()
    file = clinic.treatment()
    clinic.act("protocols", "approve", file)
    session = assert_complete(clinic, clinic.session(patient, file=file))
    (bench.path / "stick").mkdir()
    for given, status in ((pin, 0), (pin[:-1] + "0", 1)):
        copy = bench.meso("audit", "copy", bench.path / "stick", "--as", "eve", "--pin-file", clinic.pins(given))
        assert copy.wait() == status
    bench.meso("session", "report", session, "--out", bench.path / "report.pdf").ok()
    backups, keys = bench.path / "backups", bench.path / "keys"
    bench.meso("backup", "create", backups, "--keys", keys).ok()
    files = [path for place in (bench.home, backups, keys) for path in (place, *place.rglob("*"))]
    assert len(files) > 20
    # A public key is for everybody.
    opened = [path.name for path in files if path.stat().st_mode & 0o077 and path.suffix != ".vkey"]
    assert opened == []
    said = [path for path in bench.path.iterdir() if path.suffix in {".out", ".err"}]
    holding = [path.name for path in (*files, *said) if path.is_file() and pin[:-1].encode() in path.read_bytes()]
    assert holding == []
    assert b"eve" in seen
    assert pin.encode() not in seen


# --- forgetting ------------------------------------------------------------------------------------------------------


def identity_found(home):
    """Every file under the data directory in which a byte string says who the patient was."""
    words = [NAME, *NAME.split(), BORN, CHART]
    forms = [form for word in words for form in (word.encode(), word.lower().encode(), word.encode("utf-16-le"))]
    files = [path for path in home.rglob("*") if path.is_file()]
    return sorted(
        path.name for path in files if any(form in content for content in [path.read_bytes()] for form in forms)
    )


def erasing(clinic, patient):
    return clinic.bench.meso(
        "patient", "erase", patient, "--as", "ada", "--with", "cleo", "--basis", "subject_request", "--yes",
        "--pin-file", clinic.pins("ada", "cleo"),
    )  # fmt: skip


def test_after_erasure_no_byte_says_who_the_patient_was_and_the_log_still_verifies(clinic, patient):
    checks = clinic.checks({"anticoagulants": "yes"}, notes={"anticoagulants": f"{NAME} takes few"})
    assert_complete(clinic, clinic.session(patient, checks=checks, overrides=(("anticoagulants", "discussed"),)))
    assert any(name.startswith("vault") for name in identity_found(clinic.bench.home))
    erasing(clinic, patient).ok()
    assert identity_found(clinic.bench.home) == []
    clinic.bench.meso("audit", "verify").ok()
    assert patient in clinic.bench.meso("lookback", "--lot", "W-1").ok().out


def test_an_erasure_that_is_killed_anywhere_is_whole_or_not_begun_after_the_next_command(clinic, patient, founding):
    """The kill comes so many writes into the vault's files after its start, until one run gets to its end."""
    home = clinic.bench.home
    kinds = set()
    for writes in range(1, 40, 9):
        shutil.rmtree(home)
        shutil.copytree(founding / "home", home)
        process = erasing(clinic, patient)
        seen, last = 0, None
        while process.running and seen < writes:
            now = vault_now(home)
            seen += last is not None and now != last
            last = now
        process.kill()
        if seen < writes:  # it was through before the kill
            break
        known = clinic.bench.meso("patient", "show", patient, "--as", "cleo", "--pin-file", clinic.pins("cleo"))
        known.wait()
        found = identity_found(home)
        assert (known.status == 0) == bool(found), known.describe()
        assert all(name.startswith("vault") for name in found)
        clinic.bench.meso("audit", "verify").ok()
        kinds.add("whole" if not found else "not begun")
    assert "not begun" in kinds
    assert identity_found(home) == []
    clinic.bench.meso("audit", "verify").ok()


def vault_now(home):
    """The vault's files as they are at this moment."""
    found = []
    for path in sorted(home.glob("vault.db*")):
        with contextlib.suppress(FileNotFoundError):
            there = path.stat()
            found.append((path.name, there.st_size, there.st_mtime_ns))
    return found


# --- what is said, and what is said later -----------------------------------------------------------------------------


@pytest.mark.invariant("I-59")
@pytest.mark.hazard("HZ-51")
def test_a_depth_is_only_ever_commanded_and_likely_never_reached(clinic, patient):
    words = ("--protocol", clinic.treatment(), "--patient", patient, "--checks", clinic.checks(), "--operator", "cleo")
    process = clinic.bench.meso(
        "session", "run", *words, "--pin-file", clinic.pins("cleo"), "--gun", clinic.gun.link
    ).ok()
    depths = [line for line in process.out.splitlines() if re.search(r"\d mm\b", line)]
    assert any("commanded, not achieved" in line for line in depths), process.describe()
    assert all("commanded needle travel" in line for line in depths), depths


@pytest.mark.invariant("I-18")
@pytest.mark.hazard("HZ-56")
def test_a_late_reaction_is_tied_to_the_lot_and_the_gun_and_changes_no_old_record(clinic, patient):
    session = assert_complete(clinic, clinic.session(patient))
    before = records(clinic, "shot", "session.opened", "session.closed")
    words = ("--code", "nodule", "--severity", "mild", "--onset-day", "0", "--text-file", "/dev/null")
    clinic.act("patient", "event", patient, *words)
    (event,) = records(clinic, "adverse_event")
    assert event["lots"] == [{"product": PRODUCT, "lot": "W-1"}]
    assert event["gun_uids"] == [before[0]["gun"]["gun_uid"]]
    assert (event["sess"], event["areas"]) == (session, ["forehead", "cheek_left"])
    assert records(clinic, "shot", "session.opened", "session.closed") == before
    clinic.bench.meso("audit", "verify").ok()


# --- one place for all caps -------------------------------------------------------------------------------------------


@pytest.mark.invariant("I-31")
@pytest.mark.hazard("HZ-15")
def test_a_patient_gets_nothing_from_a_second_gun_while_a_session_runs(clinic, patient):
    file = clinic.treatment(treatment_text((("forehead", 10), ("cheek_left", 10)), rate="3 /s"))
    first = clinic.session(patient, file=file)
    clinic.bench.wait_shots(clinic.gun, 2)
    other_gun = clinic.bench.gun("second", seed=9)
    second = clinic.session(patient, file=file, port=other_gun.link)
    second.wait()
    assert_one_clear_line(second, status=2, names=("in use",))
    assert other_gun.truth() == []
    assert_complete(clinic, first, 20)


# --- the library -----------------------------------------------------------------------------------------------------


@pytest.mark.hazard("HZ-45")
@pytest.mark.parametrize("name", ["cellulite", "scars", "pigment"])
def test_a_bundled_treatment_runs_on_a_gun_that_is_set_up_for_its_syringe_and_on_no_other(bench, name):
    text = re.sub(r"(?m)^points = \d+", "points = 1", (LIBRARY / f"{name}.toml").read_text("utf-8"))
    syringe = re.search(r'(?m)^syringe = "(.*)"', text)[1]
    file = bench.path / f"{name}.toml"
    file.write_text(text, encoding="utf-8")
    other = bench.gun("other")
    refused = bench.run_session(other.link, file)
    refused.wait()
    assert_one_clear_line(refused, status=1, names=(syringe, "bd_5ml", f"meso simulate --syringe {syringe}"))
    assert other.truth() == []
    gun = bench.gun(seed=len(name), extra=("--syringe", syringe))
    told = bench.run_session(gun.link, file).ok().json()
    assert told["state"] == "complete"
    assert told["simulated"] is True
    assert told["given"] == told["planned"] >= text.count("[[area]]")
    bench.assert_proven(gun, planned=told["planned"])
    assert [(row["state"], row["simulated"]) for row in bench.sessions()] == [("complete", True), ("refused", True)]


def test_a_syringe_that_the_simulated_gun_cannot_hold_is_refused_with_those_that_it_can(bench):
    for name in ("bd_7ml", "plain_2_5ml", ""):
        process = bench.meso("simulate", "--link", bench.path / "gun", "--syringe", name)
        process.wait()
        assert_one_clear_line(process, status=2, names=(repr(name), "bd_10ml"))
