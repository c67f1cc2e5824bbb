"""A late reaction is tied to what its session gave, and to nothing that it did not."""

import pytest

from meso_device.people.adverse import SHOTS_MAX, Reaction, Reporter, Severity
from meso_device.records.reactions import read_onset_day, session_of, shot_numbers, tied_event
from protocols.errors import MesoError, UsageError
from protocols.treatment.areas import catalogue
from protocols.units import DAY_US
from tests.unit.audit.clinic import ALIAS, GUN, SESSION, START_US, Clinic, commit

WHAT = {"reaction": Reaction.NODULE, "severity": Severity.MILD, "reporter": Reporter.PATIENT}
HERE, THERE = "forehead", "cheek_left"


def treat(store):
    """Record a session of three shots of one lot in one area and two of another in another; return its shots."""
    clinic = Clinic(area_code=catalogue()[HERE].code)
    commit(store, clinic.link_up(), clinic.opened(), *(clinic.shot() for _ in range(3)))
    clinic.area_code, clinic.lot = catalogue()[THERE].code, "L2"
    commit(store, *(clinic.shot() for _ in range(2)), clinic.closed())
    return [seq for (seq,) in store._db.execute("SELECT seq FROM record WHERE kind = 'shot'")]


def tied(store, *, areas=(), shots=(), onset_day=0, days=20):
    return tied_event(
        store._db, session=SESSION, areas=areas, shots=shots, onset_day=onset_day,
        now_utc_us=START_US + days * DAY_US, **WHAT,
    )  # fmt: skip


def test_it_names_areas_lots_and_guns_of_what_was_given_there(store):
    treat(store)
    everything = tied(store)
    assert (everything.areas, everything.gun_uids) == ((HERE, THERE), (GUN.gun_uid,))
    assert everything.lots == (("HA mix", "L1"), ("HA mix", "L2"))
    assert (tied(store, areas=[HERE]).lots, tied(store, areas=[THERE]).lots) == (
        (("HA mix", "L1"),),
        (("HA mix", "L2"),),
    )
    one = tied(store, shots=(2, 3))
    assert (one.areas, one.shot_seqs, one.lots) == ((HERE,), (2, 3), (("HA mix", "L1"),))


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ({"areas": ["cheek_right"]}, "gave nothing in cheek_right"),
        ({"areas": ["F3"]}, "not in the catalogue"),
        ({"shots": (99,)}, "not all of these shots"),
        ({"areas": [THERE], "shots": (2,)}, "gave nothing in"),
        ({"onset_day": 23}, "the session was 20 days ago"),
    ],
)
def test_what_the_session_did_not_give_or_the_future_holds_is_refused(store, words, names):
    treat(store)
    with pytest.raises(MesoError, match=names):
        tied(store, **words)


def test_a_record_leads_to_its_session_unless_it_has_none(store):
    for seq in treat(store):
        assert session_of(store._db, seq) == (SESSION, ALIAS)
    for seq in (0, 10**6):
        with pytest.raises(MesoError, match="belongs to no session"):
            session_of(store._db, seq)


def test_shots_and_days_are_written_one_way():
    assert shot_numbers(["9-12", "7", "10"]) == (7, 9, 10, 11, 12)
    assert (read_onset_day("0"), read_onset_day("3650")) == (0, 3_650)
    for words in (["x"], ["7-"], ["9-7"], ["-1"], [f"1-{SHOTS_MAX + 1}"], ["٣"]):
        with pytest.raises(UsageError, match="shots"):
            shot_numbers(words)
    for text in ("", "-1", "3651", "1.5", "two", "٣"):
        with pytest.raises(UsageError, match="days from the session"):
            read_onset_day(text)
