"""Corrections and late reactions by real commands: what was recorded stays, what it should say is shown beside it."""

import json

import pytest
from support.checks import assert_one_clear_line
from support.clinic import CHART, alias_of, copied
from support.records import log_bodies, newest_body

pytestmark = [pytest.mark.usefixtures("warm"), pytest.mark.timeout(180)]


@pytest.fixture
def treated(bench, founding):
    """A clinic after one session with a patient."""
    clinic = copied(bench, founding)
    clinic.session(alias_of(founding, CHART)).ok()
    clinic.gun.kill()
    return clinic


def refused(clinic, *words, by=("cleo",), status, names):
    before = log_bodies(clinic.bench.home)
    process = clinic.bench.meso("audit", "amend", *words, "--as", by[0], "--pin-file", clinic.pins(*by))
    process.wait()
    assert_one_clear_line(process, status=status, names=names)
    kinds = [body["kind"] for body in log_bodies(clinic.bench.home)[len(before) :]]
    assert "amend" not in kinds


@pytest.mark.hazard("HZ-42")
@pytest.mark.invariant("I-62")
def test_a_correction_is_signed_stays_beside_what_it_corrects_and_proves_itself(treated, founding):
    bench, home = treated.bench, treated.bench.home
    answer = newest_body(home, "checklist", item="pregnancy")
    session, seq = answer["sess"], str(answer["seq"])
    treated.act("audit", "amend", seq, "answer", "yes", "--reason", "misheard")
    amendment = newest_body(home, "amend")
    assert (amendment["old"], amendment["new"], amendment["target_seq"]) == ("no", "yes", answer["seq"])
    assert [body["target_seq"] for body in log_bodies(home) if body["kind"] == "sign"][-1] == amendment["seq"]
    # A reaction that shows weeks later, and its own correction.
    told = treated.act(
        "patient", "event", alias_of(founding, CHART), "--code", "bruise", "--severity", "mild", "--onset-day", "0",
        "--reporter", "patient", "--area", "forehead", "--json",
    ).json()  # fmt: skip
    event = newest_body(home, "adverse_event", event=told["event"])
    assert event["sess"] == session
    # Somebody else's record takes a second person.
    words = ("audit", "amend", event["seq"], "severity", "severe", "--reason", "seen_again", "--as", "dora")
    bench.meso(*words, "--second", "cleo", "--pin-file", treated.pins("dora", "cleo")).ok()
    shown = bench.meso("session", "show", session).ok().out
    assert "no -> yes" in shown
    assert "mild -> severe" in shown
    rows = [json.loads(line) for line in bench.meso("audit", "export", "--kind", "amendment").ok().out.splitlines()]
    assert [(row["field"], row["old"], row["new"]) for row in rows] == [
        ("answer", "no", "yes"), ("severity", "mild", "severe"),
    ]  # fmt: skip
    report = bench.path / "report.html"
    bench.meso("session", "report", session, "--out", report).ok()
    assert "Amended afterwards" in report.read_text()
    bundle = bench.path / "bundle.json"
    bench.meso("session", "fhir", session, "--out", bundle).ok()
    resources = [entry["resource"] for entry in json.loads(bundle.read_text())["entry"]]
    [reaction] = [one for one in resources if one["resourceType"] == "AdverseEvent"]
    assert reaction["severity"]["coding"][0]["code"] == "severe"
    bench.meso("audit", "verify").ok()
    assert log_bodies(home)[answer["seq"]] == answer


@pytest.mark.hazard("HZ-43")
def test_a_lot_that_was_misread_is_amended_and_its_recall_finds_the_patient(bench, founding):
    home, clinic = bench.home, copied(bench, founding)
    clinic.session(alias_of(founding, CHART)).ok()
    loaded, alias = newest_body(home, "lot.loaded"), alias_of(founding, CHART)
    words = (loaded["seq"], "lot", "L-RIGHT", "--reason", "misread")
    refused(clinic, *words, status=1, names=["is in the gun"])
    refused_lookback = bench.meso("lookback", "--lot", "L-RIGHT")
    refused_lookback.wait()
    assert_one_clear_line(refused_lookback, status=2, names=["L-RIGHT"])
    clinic.load(left="3.9 mL")
    clinic.act("audit", "amend", *words)
    for lot in ("L-RIGHT", loaded["lot"]):
        [found] = bench.meso("lookback", "--lot", lot, "--json").ok().json()["exposures"]
        assert found["alias"] == alias
        assert {(one["lot"], one["lot_amended"]) for one in found["given"]} == {(loaded["lot"], "L-RIGHT")}
    rows = [json.loads(line) for line in bench.meso("audit", "export", "--kind", "shot").ok().out.splitlines()]
    given = [row for row in rows if row["kind"] == "TREAT"]
    assert {(row["lot"], row["lot_amended"]) for row in given} == {(loaded["lot"], "L-RIGHT")}
    assert f"lot: {loaded['lot']} -> L-RIGHT" in bench.meso("session", "show", given[0]["session"]).ok().out
    bench.meso("audit", "verify").ok()


def test_what_nobody_may_amend_is_refused_in_one_line(treated):
    home = treated.bench.home
    answer, shot = newest_body(home, "checklist", item="pregnancy"), newest_body(home, "shot")
    why = ("--reason", "typing_error")
    refused(treated, shot["seq"], "dose_hi_nl", "1", *why, status=1, names=["account of gun and host"])
    refused(treated, answer["seq"], "answer", "perhaps", *why, status=2, names=["no answer to pregnancy"])
    refused(treated, answer["seq"], "item", "x", *why, status=2, names=["no field", "answer"])
    refused(treated, answer["seq"], "answer", "no", *why, status=2, names=["already"])
    refused(treated, 10**9, "answer", "no", *why, status=2, names=["no record"])
    refused(treated, answer["seq"], "answer", "yes", *why, by=("tom",), status=1, names=["may not amend"])
    other = ("--second", "dora")
    refused(treated, answer["seq"], "answer", "yes", *why, *other, by=("dora", "dora"), status=1, names=["two"])
