"""The look-back over all consoles gives what each console gives, each injection once, and sees guns that went round."""

import random
from contextlib import closing

import pytest
from msgspec.structs import replace

from meso_device.accounting.materials import Actor, Filling, cartridge_fitted
from meso_device.audit.database import open_for_reading
from meso_device.cli import patient_due
from meso_device.cli.collector_due import due_document, due_lines
from meso_device.collector.fleet import gather
from meso_device.records import calibration_state
from meso_device.records.amending import amended
from meso_device.records.lookback import Question, look_back
from meso_device.records.unsettled import unsettled
from protocols.treatment.courses import courses
from protocols.units import DAY_US, day_of
from tests.unit.audit import history
from tests.unit.audit.clinic import START_US, commit, stamp
from tests.unit.audit.history import History
from tests.unit.collector.logs import clinic_of, enrolled, open_log, send_all
from tests.unit.records.test_calibration_state import calibrate

pytestmark = pytest.mark.hazard("HZ-43")


def bring(owner, db, home):
    console = enrolled(owner, db, home, home.name, home.name.encode().ljust(32, b"."))
    send_all(db, console, home)


def own_answer(home, question):
    with closing(open_for_reading(home / "audit.db")) as log:
        return look_back(log, question)


def answer(owner, question):
    fleet = gather(owner)
    with closing(fleet):
        assert fleet.lacking == []
        assert look_back(fleet.real, question) == ()
        return look_back(fleet.simulated, question), fleet.console_of


def test_of_one_console_it_gives_what_that_console_gives_whatever_its_history(owner, db, tmp_path):
    home = tmp_path / "room-1"
    store = open_log(home)
    made = History(store, random.Random(4))
    made.run(200)
    made.amend_lots()
    store.close(stamp())
    bring(owner, db, home)
    questions = [
        *(Question(lot=lot) for lot in (*history.LOTS, history.NEVER_LISTED)),
        *(Question(product=product) for product in history.PRODUCTS),
        *(Question(gun_uid=uid) for uid in history.UIDS),
        *(Question(head=serial) for serial in history.SERIALS),
        *(Question(op=op) for op in history.OPS),
    ]
    found = 0
    fleet = gather(owner)
    with closing(fleet):
        assert fleet.lacking == []
        for question in questions:
            own = own_answer(home, question)
            assert look_back(fleet.simulated, question) == own
            found += len(own)
    assert found > 20


def test_two_consoles_on_one_gun_are_seen_together_and_no_injection_twice(owner, db, tmp_path):
    """A loses the gun before it has released its last shots; B reads them again, not knowing whose they were."""
    first, second = tmp_path / "room-1", tmp_path / "room-2"
    one, store = clinic_of(1), open_log(first)
    commit(store, one.link_up(), one.opened(), at_us=1)
    store.commit([one.grant()], stamp(2))
    told = [one.shot() for _ in range(5)]
    commit(store, *told, one.grant_state("closed"), one.closed(), at_us=3)
    store.close(stamp(4))

    other = replace_session(clinic_of(1), 50)
    store = open_log(second)
    commit(store, other.link_up(base_seq=3), at_us=10)
    unknown = [replace(shot, session="", alias="") for shot in told[3:]]
    commit(store, *unknown, at_us=11)
    other.shot_seq, other.prev = one.shot_seq, one.prev
    commit(store, other.opened(), at_us=12)
    # The gun never heard of a grant of A's that it did not answer: B numbers its own alike.
    store.commit([other.grant()], stamp(13))
    commit(store, *(other.shot() for _ in range(2)), other.grant_state("closed"), other.closed(), at_us=14)
    store.close(stamp(15))

    # B's log comes first.
    bring(owner, db, second)
    bring(owner, db, first)
    exposures, console_of = answer(owner, Question(lot="L1"))
    assert [(found.session, sum(part.shots for part in found.given)) for found in exposures] == [
        (one.session, 5),
        (other.session, 2),
    ]
    assert console_of == {one.session: "room-1", other.session: "room-2"}
    # B alone cannot know that somebody was treated with the gun and nobody has cleaned it since.
    assert [found.was_clean for found in exposures] == [True, False]
    assert all(found.alias for found in exposures)


COURSE = min(courses())


def test_a_lot_that_was_misread_at_one_console_is_found_though_another_has_a_record_at_the_same_place(
    owner, db, tmp_path
):
    by = Actor(op=history.OPS[0], role="clinician", utc_us=1)
    for number, lot in ((1, "L7"), (2, "L8")):
        one, home = clinic_of(number), tmp_path / f"room-{number}"
        store = open_log(home)
        for filling in (f"{number:031x}1", f"{number:031x}2"):
            fitted = Filling(
                cartridge=filling, syringe="bd_5ml", geometry_id=7, product="HA mix", lot="L1", loaded_nl=4_000_000
            )
            commit(store, cartridge_fitted(fitted, one.gun.gun_uid, by), at_us=number)
            if filling.endswith("1"):
                commit(store, one.link_up(), one.opened(), one.shot(), at_us=number)
        [(seq,)] = store._db.execute("SELECT seq FROM cartridge WHERE removed_seq IS NOT NULL").fetchall()
        commit(store, amended(store._db, seq, "lot", lot, reason="misread", by=by), at_us=number)
        store.close(stamp(number))
        bring(owner, db, home)
    for number, lot in ((1, "L7"), (2, "L8")):
        [found], _ = answer(owner, Question(lot=lot))
        assert found.session == clinic_of(number).session
        assert [(part.lot, part.lot_amended) for part in found.given] == [("L1", lot)]
    assert len(answer(owner, Question(lot="L1"))[0]) == 2
    seen = owner.execute("SELECT console, target_kind, field, recorded, amended_to FROM meso.amendments ORDER BY 1")
    assert seen.fetchall() == [
        ("room-1", "lot.loaded", "lot", "L1", "L7"),
        ("room-2", "lot.loaded", "lot", "L1", "L8"),
    ]


def treat(store, clinic, shots, given, at_us):
    """A session of a course; of its shots so many were read from the gun, and nobody knows of the rest."""
    plan = {"plan": {"course": COURSE, "product_name": clinic.product}, "title": "t"}
    commit(store, replace(clinic.opened(), payload=plan), at_us=at_us)
    store.commit([clinic.grant(max_shots=shots, max_nl=shots * 20_000)], stamp(at_us))
    commit(store, *(clinic.shot() for _ in range(given)), at_us=at_us + 1)
    if given == shots:
        commit(store, clinic.grant_state("closed"), clinic.closed(), at_us=at_us + 2)
    else:
        commit(store, clinic.grant_state("unknown"), at_us=at_us + 2)


@pytest.mark.hazard("HZ-20")
def test_what_is_due_is_what_each_console_says_with_the_strokes_of_all(owner, db, tmp_path):
    """A gun is calibrated in one room and used in two; in the second one the link is lost in the middle."""
    first, second = tmp_path / "room-1", tmp_path / "room-2"
    one, store = clinic_of(1), open_log(first)
    commit(store, one.link_up())
    calibrate(store, "ab" * 16, gun=one.gun, issued_day=day_of(START_US))
    treat(store, one, 5, 5, 10)
    store.close(stamp(20))
    other, store = replace_session(clinic_of(1), 50), open_log(second)
    commit(store, other.link_up(base_seq=one.shot_seq), at_us=30)
    treat(store, other, 10, 4, 40)
    store.close(stamp(50))
    for home in (second, first):
        bring(owner, db, home)

    today, later_us = day_of(START_US) + 400, START_US + 400 * DAY_US
    fleet = gather(owner)
    with closing(fleet), closing(open_for_reading(first / "audit.db")) as log:
        assert fleet.lacking == []
        [own], [told] = calibration_state.due_rows(log, today), calibration_state.due_rows(fleet.simulated, today)
        assert (own.shots_since, told.shots_since) == (5, 9)
        assert (told.state, told.days_left, told.checks) == ("overdue", own.days_left, own.checks)
        expected = {row.alias: row for row in patient_due.due_rows(log, later_us)}
        found = {row.alias: row for row in patient_due.due_rows(fleet.simulated, later_us)}
        assert set(found) == {one.alias, other.alias}
        assert found[one.alias] == expected[one.alias]
        [left] = unsettled(fleet.simulated)
        assert (left.session, left.shots_max, left.nl_max, left.lost) == (other.session, 6, 120_000, True)
        assert unsettled(log) == unsettled(fleet.real) == ()

        document = due_document(fleet, later_us)
        assert [(row["alias"], row["consoles"]) for row in document["courses"]] == [
            (one.alias, ["room-1"]),
            (other.alias, ["room-2"]),
        ]
        assert [(row["state"], row["console"]) for row in document["calibrations"]] == [("overdue", "room-1")]
        assert [(row["console"], row["shots_max"]) for row in document["unsettled"]] == [("room-2", 6)]
        lines = due_lines(fleet, later_us)
        assert all("SIMULATED" in line for line in lines if not line.startswith("  "))
        assert "up to 6 injections, 0.12 mL" in lines[0]
        assert "settled at room-2" in lines[1]


def test_a_reader_with_psql_sees_sessions_injections_and_calibrations(owner, db, tmp_path):
    home, again = tmp_path / "room-1", tmp_path / "room-2"
    one, store = clinic_of(1), open_log(home)
    commit(store, one.link_up())
    calibrate(store, "ab" * 16, gun=one.gun, issued_day=day_of(START_US))
    treat(store, one, 5, 5, 10)
    store.close(stamp(20))
    other, store = replace_session(clinic_of(1), 50), open_log(again)
    commit(store, other.link_up(), *(other.shot() for _ in range(2)))
    store.close(stamp(30))
    for place in (home, again):
        bring(owner, db, place)

    def rows(statement):
        return owner.execute(statement).fetchall()

    assert rows("SELECT name, revoked FROM meso.consoles ORDER BY 1") == [("room-1", False), ("room-2", False)]
    assert rows("SELECT console, session, alias, ended, course, simulated FROM meso.sessions") == [
        ("room-1", one.session, one.alias, "complete", COURSE, True)
    ]
    counted = "SELECT console, count(*), sum(dose_hi_nl) FROM meso.injections WHERE {} GROUP BY 1 ORDER BY 1"
    assert rows(counted.format("counted")) == [("room-1", 5, 100_000)]
    assert rows(counted.format("true")) == [("room-1", 5, 100_000), ("room-2", 2, 40_000)]
    [(run, signed, what, due_on)] = rows("SELECT run, signed, what, due_on FROM meso.calibrations")
    assert (run, signed, what, due_on.toordinal() - 719_163) == ("ab" * 16, True, "dose", day_of(START_US) + 365)
    assert rows("SELECT DISTINCT console FROM meso.records WHERE body ->> 'kind' = 'shot' ORDER BY 1") == [
        ("room-1",),
        ("room-2",),
    ]


def replace_session(clinic, number):
    clinic.session, clinic.alias = f"{number:032x}", f"{number + 100:032x}"
    return clinic


def test_a_record_that_is_not_as_it_should_be_is_told_and_hides_no_other(owner, db, tmp_path):
    home = tmp_path / "room-1"
    clinic, store = clinic_of(1), open_log(home)
    commit(store, clinic.link_up(), clinic.opened(), clinic.shot(), clinic.closed())
    store.close(stamp())
    bring(owner, db, home)
    # As a console with other software would have signed it.
    [(origin, leaf, body)] = owner.execute("SELECT origin, leaf, body FROM meso.record WHERE kind = 'shot'").fetchall()
    changes = [
        (b"dose_lo_nl", b"dose_no_nl"), (b':"HA mix"', b":[]"), (b'_nl":20000', b'_nl":' + b"9" * 30),
        (b'"grant_no":0', b'"grant_no":[]'), (b'"simulated":true', b'"simulated":false'), (body, b"[]"),
    ]  # fmt: skip
    for seq, (words, others) in enumerate(changes, 1_000):
        assert words in body
        owner.execute(
            "INSERT INTO meso.record VALUES (%s, %s, 'shot', NULL, 0, %s, %s)",
            (origin, seq, leaf, body.replace(words, others)),
        )
    fleet = gather(owner)
    with closing(fleet):
        [found] = look_back(fleet.simulated, Question(gun_uid=clinic.gun.gun_uid))
        assert found.session == clinic.session
        assert fleet.lacking == [
            f"record {1_000 + number} of room-1 is not as such a record is" for number in range(len(changes))
        ]
