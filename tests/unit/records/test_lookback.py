"""Who was exposed, beside a plain look at every record of the log."""

import random

import pytest
from msgspec.structs import replace

from meso_device.accounting.materials import Actor, Filling, cartridge_fitted
from meso_device.cli.lookback_text import exposure_document, exposure_lines
from meso_device.records.amending import amended
from meso_device.records.lookback import EVER_US, Question, look_back, near_session, sessions_beginning, unknown_in
from tests.unit.audit.clinic import ALIAS, GUN, SESSION, START_US, Clinic, commit, stamp
from tests.unit.audit.history import LOTS, NEVER_LISTED, OPS, PRODUCTS, SERIALS, UIDS, History, bodies, said_lots

OTHER = "77" * 16
DAY_US = 86_400_000_000
BY = Actor(op="c1" * 16, role="clinician", utc_us=1)


def scanned(rows, question):
    """Return shots and volumes by session, alias, gun, area, product and both lots, from reading every record."""
    said = said_lots(rows)
    opened = {row["sess"]: row for row in rows if row["kind"] == "session.opened"}
    heads = {(row["sess"], row["serial"]) for row in rows if row["kind"] == "head.changed"}
    sums, times = {}, {}
    for row in rows:
        if row["kind"] != "shot" or row["shot_kind"] not in {"TREAT", "DRY"}:
            continue
        wanted = (
            question.product in {"", row["product"]}
            and question.lot in {"", row["lot"], said[row["seq"]]}
            and question.gun_uid in {"", row["gun"]["gun_uid"]}
            and (not question.head or (row["sess"], question.head) in heads)
            and (not question.op or opened[row["sess"]]["op"] == question.op)
        )
        if wanted:
            who = (row["sess"], row["alias"], row["gun"]["gun_uid"])
            place = sums.setdefault((*who, row["area_code"], row["product"], row["lot"], said[row["seq"]]), [0, 0, 0])
            for index, more in enumerate((1, row["dose_lo_nl"], row["dose_hi_nl"])):
                place[index] += more
            latest_us = row["at_us"] + row["at_err_us"]
            first, last = times.get(who, (opened[row["sess"]]["ts_us"], 0))
            times[who] = (min(first, latest_us), max(last, latest_us))
    return {
        place: tuple(numbers)
        for place, numbers in sums.items()
        if times[place[:3]][0] <= question.to_us and times[place[:3]][1] >= question.from_us
    }


def summed(exposures):
    return {
        (one.session, one.alias, one.gun_uid, part.area_code, part.product, part.lot, part.lot_amended): (
            part.shots,
            part.dose_lo_nl,
            part.dose_hi_nl,
        )
        for one in exposures
        for part in one.given
        if part.shots
    }


@pytest.mark.hazard("HZ-42")
@pytest.mark.hazard("HZ-43")
@pytest.mark.parametrize("seed", range(6))
def test_every_exposure_is_found_and_no_other(store, seed):
    rng = random.Random(seed)
    history = History(store, rng)
    history.run(250)
    history.amend_lots()
    rows = bodies(store)
    assert any(row["kind"] == "amend" for row in rows)
    for _ in range(25):
        question = Question(
            product=rng.choice(["", "", *PRODUCTS]),
            lot=rng.choice(["", *LOTS, NEVER_LISTED]),
            gun_uid=rng.choice(["", *UIDS]),
            head=rng.choice(["", "", SERIALS[0]]),
            op=rng.choice(["", "", OPS[0]]),
        )
        assert summed(look_back(store._db, question)) == scanned(rows, question)


@pytest.mark.hazard("HZ-43")
@pytest.mark.parametrize("seed", range(3))
def test_a_session_is_left_out_only_when_all_of_it_was_at_another_time(store, seed):
    rng = random.Random(seed)
    history = History(store, rng)
    history.run(150)
    for clinic in history.clinics:
        for number in range(1, clinic.grant_no + 1):
            clinic.grant_no = number
            commit(store, clinic.grant_state("closed"))
    rows = bodies(store)
    for _ in range(20):
        from_us = START_US + rng.randrange(10**8)
        question = Question(from_us=from_us, to_us=from_us + rng.randrange(10**8))
        assert summed(look_back(store._db, question)) == scanned(rows, question)


@pytest.fixture
def treated(store, clinic):
    """Two patients, the gun cleaned between them with a lot of its own."""
    other = Clinic(session=OTHER, alias="b2" * 16, lot="L2", area_code=4)
    commit(store, clinic.link_up(), clinic.opened())
    commit(store, cleaned(clinic, 1, "before"), at_us=1)
    commit(store, clinic.shot(5_000), clinic.shot(6_000, dose_lo_nl=0, phase="INTERRUPTED"))
    commit(store, cleaned(clinic, 2, "the head alone", part="head"), cleaned(clinic, 3, "between"), at_us=2)
    commit(store, cleaned(clinic, 4, "the head alone", part="head"), at_us=3)
    other.shot_seq, other.prev = clinic.shot_seq, clinic.prev
    commit(store, other.opened(), at_us=90 * DAY_US)
    commit(store, other.shot(7_000, at_us=START_US + 90 * DAY_US))
    return store, clinic, other


def cleaned(clinic, number, agent, part="gun"):
    payload = {
        "gun_uid": GUN.gun_uid, "part": part, "product": agent, "lot": "A1", "rinse_medium": "saline", "method": "x"
    }  # fmt: skip
    return clinic.entry("reprocessing", f"reprocessing/{number}", payload, session="", alias="", gun=None)


@pytest.mark.hazard("HZ-42")
def test_the_cleaning_before_and_after_is_told(treated):
    store, _, _ = treated
    first, second = look_back(store._db, Question(gun_uid=GUN.gun_uid))
    assert (first.alias, second.alias) == (ALIAS, "b2" * 16)
    assert [(part.shots, part.dose_lo_nl, part.dose_hi_nl) for part in first.given] == [(2, 5_000, 11_000)]
    assert (first.cleaned_before.agent, first.cleaned_after.agent, first.was_clean) == ("before", "between", True)
    assert (second.cleaned_before.agent, second.cleaned_after, second.was_clean) == ("between", None, True)


@pytest.mark.hazard("HZ-42")
def test_a_gun_that_was_not_cleaned_between_two_patients_stands_out(treated):
    store, clinic, other = treated
    third = Clinic(session="88" * 16, alias="c3" * 16)
    third.shot_seq, third.prev = other.shot_seq, other.prev
    commit(store, third.opened(), third.shot())
    found = look_back(store._db, Question())
    assert [(one.session, one.was_clean) for one in found] == [
        (clinic.session, True),
        (other.session, True),
        (third.session, False),
    ]
    assert found[2].cleaned_before.agent == "between"


@pytest.mark.hazard("HZ-43")
@pytest.mark.hazard("HZ-26")
def test_a_grant_whose_end_is_not_proven_counts_as_exposure(store, clinic):
    """Nobody knows yet whether this patient got the lot: the look-back names the patient, as unknown."""
    commit(store, clinic.link_up(), clinic.opened())
    store.commit([clinic.grant(max_shots=4, max_nl=80_000)], stamp())
    [one] = look_back(store._db, Question(lot="L1", from_us=START_US + DAY_US))
    [part] = one.given
    assert (one.alias, part.shots, part.unknown_shots, part.unknown_nl) == (ALIAS, 0, 4, 80_000)
    commit(store, clinic.shot(15_000))
    [part] = look_back(store._db, Question(lot="L1"))[0].given
    assert (part.shots, part.dose_hi_nl, part.unknown_shots, part.unknown_nl) == (1, 15_000, 3, 65_000)
    commit(store, clinic.grant_state("closed"))
    [part] = look_back(store._db, Question(lot="L1"))[0].given
    assert (part.unknown_shots, part.unknown_nl) == (0, 0)
    assert look_back(store._db, Question(lot="L1", from_us=START_US + DAY_US)) == ()


@pytest.mark.hazard("HZ-43")
def test_shots_that_no_session_accounts_for_are_there_without_a_patient(store, clinic):
    commit(store, clinic.link_up(), replace(clinic.shot(), session="", alias=""))
    [one] = look_back(store._db, Question(gun_uid=GUN.gun_uid))
    assert (one.session, one.alias, one.op, one.opened_us) == ("", "", "", 0)


def test_priming_exposes_nobody(store, clinic):
    commit(store, clinic.link_up(), clinic.opened(), clinic.shot(shot_kind="PRIME"))
    assert look_back(store._db, Question()) == ()


@pytest.mark.hazard("HZ-42")
@pytest.mark.hazard("HZ-44")
def test_near_a_session_are_all_that_share_its_gun_lot_or_head(store, clinic):
    gun = replace(GUN, gun_uid="ff" * 12)
    same_lot = Clinic(session="71" * 16, alias="b1" * 16, gun=gun)
    same_head = Clinic(session="72" * 16, alias="b2" * 16, gun=gun, lot="L9")
    stranger = Clinic(session="73" * 16, alias="b3" * 16, gun=gun, lot="L8")
    late = Clinic(session="74" * 16, alias="b4" * 16)
    commit(store, clinic.link_up(), same_lot.link_up())
    for where in (clinic, same_head):
        head = {"part": "head", "serial": "H 7", "type_id": 5}
        commit(store, where.opened(), where.entry("head.changed", f"head/{where.session}", head))
    commit(store, same_lot.opened(), stranger.opened(), clinic.shot(5_000))
    for where in (same_lot, same_head, stranger):
        where.shot_seq = max(one.shot_seq for one in (same_lot, same_head, stranger))
        commit(store, where.shot())
    late.shot_seq = clinic.shot_seq
    commit(store, late.opened(), at_us=100 * DAY_US)
    commit(store, late.shot(at_us=START_US + 100 * DAY_US), at_us=100 * DAY_US)
    found = near_session(store._db, SESSION, 0, START_US + DAY_US)
    assert {one.session: one.shared for one in found} == {
        SESSION: ("gun", "lot", "head"),
        same_lot.session: ("lot",),
        same_head.session: ("head",),
    }
    mine = next(one for one in found if one.session == SESSION)
    assert [(part.shots, part.dose_hi_nl) for part in mine.given] == [(1, 5_000)]
    assert late.session in {one.session for one in near_session(store._db, SESSION, 0, EVER_US)}
    assert sessions_beginning(store._db, "7") == tuple(f"7{digit}" * 16 for digit in "1234")


def filling(number, gun_uid=GUN.gun_uid, lot="L1"):
    return cartridge_fitted(
        Filling(
            cartridge=f"{number:032x}", syringe="bd_5ml", geometry_id=7, product="HA mix", lot=lot, loaded_nl=4_000_000
        ),
        gun_uid,
        BY,
    )


def amend_lot(store, number, lot):
    [(seq,)] = store._db.execute("SELECT seq FROM cartridge WHERE cartridge = ?", (f"{number:032x}",)).fetchall()
    commit(store, amended(store._db, seq, "lot", lot, reason="misread", by=BY))


@pytest.fixture
def misread(store, clinic):
    """One session out of two fillings: of the first, whose lot was misread, a grant is still unproven."""
    commit(store, clinic.link_up(), filling(1), clinic.opened(), clinic.shot(5_000))
    store.commit([clinic.grant(max_shots=4, max_nl=80_000)], stamp())
    commit(store, filling(2), clinic.shot(6_000))
    return store


@pytest.mark.hazard("HZ-43")
def test_whoever_got_a_lot_that_was_misread_is_found_by_both(misread):
    db = misread._db
    assert unknown_in(db, Question(lot="L7")) == "lot L7"
    amend_lot(misread, 1, "L7")
    assert unknown_in(db, Question(lot="L7")) == ""
    [found] = look_back(db, Question(lot="L7"))
    assert [(part.lot, part.lot_amended, part.shots, part.unknown_shots) for part in found.given] == [
        ("L1", "L7", 1, 3)
    ]
    [found] = look_back(db, Question(lot="L1"))
    assert {(part.lot_amended, part.shots) for part in found.given} == {("L7", 1), ("", 1)}
    # Taken back: the lot that it was for a while has to do with nobody.
    amend_lot(misread, 1, "L8")
    assert look_back(db, Question(lot="L7")) == ()
    assert unknown_in(db, Question(lot="L7")) == "lot L7"


@pytest.mark.hazard("HZ-44")
def test_near_a_session_are_those_who_got_the_lot_that_its_own_should_have_been(misread):
    other = Clinic(session=OTHER, alias="b2" * 16, gun=replace(GUN, gun_uid="ff" * 12), lot="L7")
    commit(misread, other.link_up(), other.opened(), other.shot())
    assert [one.session for one in near_session(misread._db, SESSION, 0, EVER_US)] == [SESSION]
    amend_lot(misread, 1, "L7")
    found = near_session(misread._db, SESSION, 0, EVER_US)
    assert {one.session: one.shared for one in found} == {SESSION: ("gun", "lot"), OTHER: ("lot",)}


def test_lines_and_document_of_an_exposure_say_both_lots(misread):
    amend_lot(misread, 1, "L7")
    [found] = look_back(misread._db, Question(lot="L7"))
    assert "HA mix, lot L1, amended to L7" in "\n".join(exposure_lines(found, {}))
    [given] = exposure_document(found, {})["given"]
    assert (given["lot"], given["lot_amended"]) == ("L1", "L7")
