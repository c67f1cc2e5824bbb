"""A patient at the console: enrolled, asked, treated, signed for, by the product's own host process."""

import json
import sqlite3
from contextlib import closing

import pytest
from support.clinic import cheap_pins
from support.console import (
    ACKNOWLEDGE,
    BEGIN,
    CHECK,
    CLEAN,
    CONFIRM,
    ENROL,
    FINISH,
    FIT,
    LOAD,
    LOCK,
    LOT,
    OPEN,
    OVERRIDE,
    PATIENT_ADD,
    PATIENT_FIND,
    PATIENT_SHOW,
    PREPARE,
    QUIT,
    RESUME,
    SIGN,
    SIGN_IN,
    WASTE,
    Console,
)
from support.treatment import treatment_text, write_treatment

NAME, BORN, CHART = "Anna Musterfrau", "1980-02-03", "K-4711"
PIN = "482915"
ANSWERS = {
    "identity": "yes", "infection_in_area": "none", "anticoagulants": "none", "allergy": "none", "pregnancy": "no",
    "bleeding_disorder": "no", "herpes_history": "no", "implants_near_site": "no", "explained": "yes",
    "consent": "yes", "needle_new": "yes", "aftercare": "yes",
}  # fmt: skip


@pytest.fixture
def gun(bench):
    return bench.gun(seed=5, rate=9)


@pytest.fixture
def console(bench, gun):
    """A console with a signed-in clinician, a patient, and everything in the gun."""
    return prepared(bench, gun.link)


def prepared(bench, port) -> Console:
    """Bring a console on an empty data directory so far that the checklist can begin."""
    console = Console(bench, str(port), env=cheap_pins()).begin()
    console.until("a gun", lambda shot: shot["link"] == "up")
    console.refused(PATIENT_FIND, query="")  # nobody is signed in
    console.do(ENROL, login="cleo", name="Cleo", pin=PIN, roles=["clinician"])
    alias = console.do(PATIENT_ADD, name=NAME, born=BORN, chart=CHART, sex="female", allergies="latex")["alias"]
    assert [one["alias"] for one in console.do(PATIENT_FIND, query=CHART)["patients"]] == [alias]
    console.do(PREPARE, alias=alias, treatment="practice")
    product = console.until("what is prepared", lambda shot: shot["clinic"])["clinic"]["product"]
    lot = {"product": product, "lot": "V-77", "expiry": "2099-12", "ingredients": "water", "viscosity": "", "maker": ""}
    console.refused(LOAD, product=product, lot="V-77", syringe="bd_5ml", volume="4 mL", left="", reason="")
    console.refused(LOT, **{**lot, "expiry": "2001-12"})
    console.do(LOT, **lot)
    console.do(LOAD, product=product, lot="V-77", syringe="bd_5ml", volume="4 mL", left="", reason="")
    return console


def answer(console, **others: str) -> None:
    """Go through the checklist."""
    for item, word in {**ANSWERS, **others}.items():
        console.do(CHECK, item=item, answer=word, note="")
    console.do(FIT, part="needle", serial="N-1", type="30g_4mm")
    console.do(FIT, part="head", serial="H-1", type="single")


def begin(console) -> None:
    console.do(BEGIN)
    console.phase("unconfirmed")
    console.do(CONFIRM)
    console.phase("ready")


def treat(console, area: int = 0) -> None:
    """Give every point of an area."""
    name = console.snapshot["areas"][area]["id"]
    console.arm(name)
    console.until(
        "all points",
        lambda shot: shot["phase"] == "ready" and shot["areas"][area]["given"] == shot["areas"][area]["planned"],
    )


def bodies(bench) -> list[dict]:
    (path,) = (path for path in bench.home.glob("*.db") if path.name != "vault.db")
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as db:
        return [json.loads(body) for (body,) in db.execute("SELECT body FROM record ORDER BY seq")]


@pytest.mark.hazard("HZ-57")
@pytest.mark.hazard("HZ-41")
@pytest.mark.invariant("I-62")
@pytest.mark.invariant("I-63")
@pytest.mark.invariant("I-64")
def test_a_patient_is_asked_treated_and_signed_for_and_no_name_leaves_the_vault(bench, gun, console):
    answer(console)
    assert console.until("all answered", lambda shot: not shot["clinic"]["missing"])
    begin(console)
    treat(console)
    console.do(WASTE, volume="0.1 mL", reason="spilled")
    console.do(FINISH)
    session = console.until("the totals", lambda shot: shot["to_sign"])["to_sign"]
    assert console.snapshot["closing"]["material"]["waste_nl"] == 100_000
    console.refused(SIGN, session=session, pin="999999")
    console.do(SIGN, session=session, pin=PIN)
    console.until("signed", lambda shot: not shot["to_sign"])
    shown = console.do(PATIENT_SHOW, aliases=[console.snapshot["session"]["alias"]])["patients"]
    assert shown[0]["name"] == NAME
    console.do(CLEAN, agent="Steri", lot="S-1", medium="sterile_water", method="wiped")
    console.refused(CLEAN, agent="Steri", lot="S-1", medium="tap_water", method="wiped")
    console.do(QUIT)
    assert console.wait() == 0
    bench.assert_proven(gun)
    log = bodies(bench)
    kinds = [body["kind"] for body in log]
    first_grant = kinds.index("grant.prepared")
    assert kinds[:first_grant].count("checklist") == len(ANSWERS) - 1
    assert {"needle.changed", "head.changed", "lot.loaded"} <= set(kinds[:first_grant])
    assert {"aftercare", "session.closed", "sign", "disclosure", "waste", "reprocessing"} <= set(kinds)
    closed = next(body for body in log if body["kind"] == "session.closed")
    signed = next(body for body in log if body["kind"] == "sign")
    assert (signed["target_seq"], signed["meaning"], signed["sess"]) == (closed["seq"], "performed", session)
    told = console.painted + b"".join(
        path.read_bytes() for path in bench.home.iterdir() if path.is_file() and not path.name.startswith("vault")
    )
    assert not [word for word in (NAME, BORN, CHART, PIN) if word.encode() in told]


@pytest.mark.hazard("HZ-57")
@pytest.mark.hazard("HZ-35")
def test_what_is_missing_locks_arming_and_a_soft_rule_takes_a_reason_and_the_pin(console, gun):
    answer(console, pregnancy="yes")
    console.refused(CHECK, item="identity", answer="perhaps", note="")
    begin(console)
    with pytest.raises(AssertionError, match="pregnan"):
        console.arm()
    assert console.until("what may be gone over", lambda shot: shot["overridable"])["overridable"] == ["pregnancy"]
    console.refused(OVERRIDE, code="pregnancy", reason="discussed", pin="111111", login2="", pin2="")
    console.refused(OVERRIDE, code="identity", reason="discussed", pin=PIN, login2="", pin2="")
    console.do(OVERRIDE, code="pregnancy", reason="discussed with her doctor", pin=PIN, login2="", pin2="")
    assert gun.truth() == []
    treat(console)


@pytest.mark.hazard("HZ-35")
@pytest.mark.hazard("HZ-52")
def test_an_area_of_high_risk_takes_the_pin_and_the_signature_of_a_second_clinician(bench, gun):
    pins = {"cleo": PIN, "dora": "284617"}
    for login, role, asked in (("cleo", "administrator", ()), ("dora", "clinician", ("cleo",))):
        path = bench.path / f"{login}.pins"
        path.write_text("".join(f"{pins[one]}\n" for one in (*asked, login)))
        path.chmod(0o600)
        words = ("--as", *asked) if asked else ("--role", "clinician")
        bench.meso("people", "add", login, "--role", role, "--pin-file", path, *words, env=cheap_pins()).ok()
    text = treatment_text((("eyelid_left", 2),), depth="0.5 mm").replace('spacing = "10 mm"', 'spacing = "5 mm"')
    file = write_treatment(bench.path / "lid.toml", text)
    console = Console(bench, str(gun.link), file).begin()
    console.until("a gun", lambda shot: shot["link"] == "up")
    console.do(SIGN_IN, login="cleo", pin=PIN)
    alias = console.do(PATIENT_ADD, name=NAME, born=BORN, chart=CHART, sex="female", allergies="")["alias"]
    console.do(PREPARE, alias=alias, treatment=str(file))
    begin(console)
    over = {"code": "sensitive_area.eyelid_left", "reason": "asked_for", "pin": PIN}
    assert "second clinician" in console.refused(OVERRIDE, **over, login2="", pin2="")["text"]
    assert "two different" in console.refused(OVERRIDE, **over, login2="cleo", pin2=PIN)["text"]
    console.refused(OVERRIDE, **over, login2="dora", pin2="000001")
    console.do(OVERRIDE, **over, login2="dora", pin2=pins["dora"])
    console.do(FINISH)
    console.do(QUIT)
    assert console.wait() == 0
    log = bodies(bench)
    (override,) = (body for body in log if body["kind"] == "limit.override")
    signs = [body for body in log if body["kind"] == "sign" and body["target_seq"] == override["seq"]]
    assert [(body["meaning"], body["act"]) for body in signs] == [
        ("performed", "high_risk_area"), ("authorised", "high_risk_area"),
    ]  # fmt: skip
    assert len({body["op"] for body in signs}) == 2


@pytest.mark.hazard("HZ-16")
@pytest.mark.invariant("I-45")
def test_a_killed_session_of_a_patient_goes_on_only_by_whoever_signs_in(bench, gun, console):
    answer(console)
    begin(console)
    console.arm()
    bench.wait_shots(gun, 2)
    console.kill()
    again = Console(bench, str(gun.link)).begin()
    again.until("the gun's log", lambda shot: shot["link"] == "up" and shot["log"]["state"] == "SYNCED")
    assert "sign in" in again.refused(RESUME)["text"]
    again.do(SIGN_IN, login="cleo", pin=PIN)
    again.do(RESUME)
    again.phase("unconfirmed")
    again.do(LOCK)
    again.refused(CONFIRM)
    again.do(SIGN_IN, login="cleo", pin=PIN)
    again.do(CONFIRM)
    again.phase("ready")
    again.do(ACKNOWLEDGE, no=0)
    treat(again)
    again.do(FINISH)
    again.do(QUIT)
    assert again.wait() == 0
    bench.assert_proven(gun)
    left = Console(bench, str(gun.link)).begin()
    assert left.until("what is not signed", lambda shot: shot["to_sign"])["to_sign"]


@pytest.mark.hazard("HZ-58")
@pytest.mark.hazard("HZ-36")
@pytest.mark.invariant("I-51")
def test_a_gun_that_may_be_real_gets_no_practice_and_nothing_that_nobody_approved(bench, gun):
    cable = bench.cable(gun)
    cable.real()
    console = prepared(bench, cable.link)
    assert not console.snapshot["simulated"]
    assert "simulated" in console.refused(OPEN, treatment="practice")["text"]
    answer(console)
    begin(console)
    with pytest.raises(AssertionError, match="approved"):
        console.arm()
    assert gun.truth() == []
