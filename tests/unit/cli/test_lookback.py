"""``meso lookback``: aliases to everybody, names to few and with a record."""

import json

import pytest

from meso_device.audit.store import Store
from meso_device.cli.main import run
from tests.unit.audit.clinic import GUN, SESSION, Clinic, commit, stamp
from tests.unit.cli.test_people import Place, done, refused
from tests.unit.people.clinic import REF

DAY = "2023-11-14"


@pytest.fixture
def place(tmp_path):
    """A patient of the vault and one who is not in it, both treated with the same gun, each with a lot."""
    files = tmp_path / "files"
    files.mkdir()
    place = Place(tmp_path / "home", files)
    people = place.enrol("ada", "cleo", "theo", "abel")
    known = place.patient(people["cleo"])
    first, second = Clinic(alias=known.alias), Clinic(session="77" * 16, lot="L2")
    store = Store.open(place.root, software="0.1.0", stamp=stamp())
    commit(store, first.link_up(), first.opened(), first.shot(), first.shot(5_000, dose_lo_nl=0))
    second.shot_seq, second.prev = first.shot_seq, first.prev
    commit(store, second.opened(), second.shot())
    store.close(stamp())
    return place


def asked(place, *words):
    return json.loads(done(place.meso("lookback", *words, "--json")).stdout)


@pytest.mark.hazard("HZ-43")
def test_everyone_who_got_a_lot_is_listed_by_alias(place):
    both = asked(place, "--gun", GUN.gun_uid.upper())
    assert both["patients"] == 2
    only = asked(place, "--lot", "L1", "--from", DAY, "--to", DAY)
    [one] = only["exposures"]
    [given] = one["given"]
    assert (one["session"], one["simulated"], one["cleaned_before"], one["was_clean"]) == (SESSION, True, {}, True)
    assert (given["injections"], given["dose_lo_nl"], given["dose_hi_nl"], given["lot"]) == (2, 20_000, 25_000, "L1")
    assert "name" not in one
    assert asked(place, "--lot", "L1", "--from", "2023-11-15")["exposures"] == []
    assert asked(place, "--lot", "L1", "--to", "2023-11-13")["exposures"] == []
    for words in (("--lot", "L7"), ("--product", "HB mix"), ("--gun", "00" * 12), ("--head", "H-1")):
        assert refused(place.meso("lookback", *words), 2, "no record here names")
    near = asked(place, "--near", SESSION[:5])["exposures"]
    assert [one["shared"] for one in near] == [["gun", "lot"], ["gun"]]
    lines = done(place.meso("lookback", "--product", "HA mix")).stdout
    assert "cleaned before: NOT RECORDED" in lines
    assert "ANOTHER PATIENT WAS TREATED SINCE" in lines
    assert "2 patients in 2 sessions" in lines
    assert REF.name not in lines


@pytest.mark.invariant("I-63")
@pytest.mark.hazard("HZ-41")
@pytest.mark.hazard("HZ-43")
def test_names_are_shown_to_a_clinician_and_that_is_recorded(place):
    words = ("--gun", GUN.gun_uid, "--names", "--as", "cleo", "--pin-file", place.pins("cleo"))
    exposures = asked(place, *words)["exposures"]
    assert [one.get("name", "") for one in exposures] == [f"{REF.name}, chart {REF.chart}", ""]
    [record] = place.records("disclosure")
    assert (record["purpose"], record["aliases"]) == ("lookback", [exposures[0]["alias"]])
    for by in ("theo", "abel"):
        words = ("--gun", GUN.gun_uid, "--names", "--as", by, "--pin-file", place.pins(by))
        assert refused(place.meso("lookback", *words), 1, "may not")
    assert len(place.records("disclosure")) == 1


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "--lot"),
        (("--lot", "L1", "--near", "5e"), "leave the others out"),
        (("--near", "00"), "no session begins"),
        (("--lot", "L1", "--from", "14.11.2023"), "YYYY-MM-DD"),
        (("--lot", "L1", "--from", "2024-01-01", "--to", "2023-01-01"), "after"),
        (("--gun", "x"), "24 hex digits"),
        (("--operator", "nobody"), "no operator"),
    ],
)
def test_a_question_that_cannot_be_is_refused_in_one_line(capfd, place, words, said):
    assert run(["lookback", *words, "--home", str(place.root)]) == 2
    [line] = capfd.readouterr().err.splitlines()
    assert said in line


def test_an_operator_is_named_by_login_or_by_pseudonym(place):
    assert asked(place, "--operator", "cleo")["exposures"] == []
    assert asked(place, "--operator", "00" * 16)["exposures"] == []
