"""Caps against a plain model that adds up a list of shots and grants."""

import random

import pytest
from msgspec.structs import replace

from meso_device.accounting.entries import Cap, CapExceeded, Committed
from meso_device.audit import caps
from tests.unit.audit.clinic import ALIAS, GUN, SESSION, START_US, Clinic, batch, commit, stamp

FIELDS = ("session", "alias", "area_code", "product", "lot")


class Model:
    def __init__(self):
        self.shots, self.grants = [], {}

    def against(self, cap):
        def fits(row):
            return all(getattr(cap, field) in {"", 0, row[field]} for field in FIELDS)

        used = [
            shot for shot in self.shots if shot["counts"] and fits(shot) and shot["latest_us"] > (cap.since_us or -1)
        ]
        held = [grant for grant in self.grants.values() if grant["state"] != "closed" and fits(grant)]
        left = []
        for grant in held:
            own = [shot for shot in self.shots if shot["grant"] == grant["grant"]]
            left.append((max(0, grant["max_shots"] - len(own)), max(0, grant["max_nl"] - sum(s["hi"] for s in own))))
        return (
            sum(shot["hi"] for shot in used),
            sum(volume for _, volume in left),
            len(used),
            sum(shots for shots, _ in left),
        )


@pytest.mark.invariant("I-24")
@pytest.mark.invariant("I-25")
@pytest.mark.parametrize("seed", range(15))
def test_used_and_held_are_those_of_a_plain_sum(store, seed):
    rng, model = random.Random(seed), Model()
    clinics = [
        Clinic(),
        Clinic(gun=replace(GUN, gun_uid="ff" * 12), session="77" * 16),
        Clinic(gun=replace(GUN, gun_uid="ee" * 12), session="66" * 16, alias="b2" * 16),
    ]
    for clinic in clinics:
        commit(store, clinic.link_up())
    for step in range(150):
        clinic = rng.choice(clinics)
        clinic.lot = rng.choice(["L1", "L2"]) if rng.random() < 0.1 else clinic.lot
        where = {"session": clinic.session, "alias": clinic.alias, "area_code": clinic.area_code}
        where |= {"product": clinic.product, "lot": clinic.lot}
        if rng.random() < 0.7 and clinic.grant_no:
            high, at_us, kind = (
                rng.randrange(30_000),
                START_US + rng.randrange(1_000_000),
                rng.choice(["TREAT", "DRY", "PRIME"]),
            )
            commit(store, clinic.shot(high, at_us=at_us, at_err_us=7, shot_kind=kind))
            shot = {
                "counts": kind != "PRIME",
                "hi": high,
                "latest_us": at_us + 7,
                "grant": (clinic.where, clinic.grant_no),
            }
            model.shots.append(where | shot)
        elif rng.random() < 0.3 and (clinic.where, clinic.grant_no) in model.grants:
            commit(store, clinic.grant_state("closed"))
            model.grants[clinic.where, clinic.grant_no]["state"] = "closed"
        else:
            clinic.area_code = rng.choice([3, 4])
            where["area_code"] = clinic.area_code
            cap = Cap(
                name="cap",
                limit_nl=rng.choice([0, rng.randrange(2_000_000)]),
                limit_shots=rng.choice([0, rng.randrange(1, 80)]),
                since_us=rng.choice([0, START_US + rng.randrange(1_000_000)]),
                **{field: where[field] for field in FIELDS if rng.random() < 0.4},
            )
            max_shots, max_nl = rng.randrange(1, 10), rng.randrange(200_000)
            used_nl, held_nl, used_shots, held_shots = model.against(cap)
            grant = clinic.grant(max_shots, max_nl, (cap,))
            [result] = store.commit([grant], stamp(step))
            over = bool(cap.limit_nl) and used_nl + held_nl + max_nl > cap.limit_nl
            over = over or (bool(cap.limit_shots) and used_shots + held_shots + max_shots > cap.limit_shots)
            if over:
                assert isinstance(result, CapExceeded)
                got = (result.used_nl, result.held_nl, result.used_shots, result.held_shots)
                assert got == (used_nl, held_nl, used_shots, held_shots)
                clinic.grant_no -= 1
            else:
                assert isinstance(result, Committed)
                mine = {
                    "grant": (clinic.where, clinic.grant_no),
                    "max_shots": max_shots,
                    "max_nl": max_nl,
                    "state": "open",
                }
                model.grants[clinic.where, clinic.grant_no] = where | mine


def stray(clinic, dose_nl):
    return replace(clinic.shot(dose_nl), session="", alias="")


@pytest.mark.invariant("I-23")
@pytest.mark.hazard("HZ-25")
def test_what_comes_home_for_no_session_counts_for_the_one_that_is_open_and_for_its_patient(store, clinic):
    """A backup made in the middle of a session has forgotten what came after it; one grant straddles the opening."""
    commit(store, clinic.link_up(), stray(clinic, 1_000), clinic.opened(), stray(clinic, 20_000))
    clinic.area_code = 4
    commit(
        store,
        stray(clinic, 7_000),
        stray(
            clinic,
            500,
        ),
        clinic.shot(3_000, shot_kind="TREAT"),
    )
    commit(store, replace(clinic.shot(9_000, shot_kind="PRIME"), session="", alias=""))
    found = {"code": "orphan", "detail": "of no grant here"}
    commit(store, clinic.entry("finding.orphan", "finding/orphan/1", found, session="", alias=""))

    def used(**cap):
        [result] = store.commit([clinic.grant(1, 2, (Cap(name="cap", limit_nl=1, **cap),))], stamp())
        clinic.grant_no -= 1
        return result.used_nl, result.used_shots

    assert used(session=SESSION) == (31_500, 5)
    assert used(session=SESSION, area_code=4) == (10_500, 3)
    assert used(alias=ALIAS) == (31_500, 5)
    assert used(alias=ALIAS, since_us=1, area_code=4) == (10_500, 3)
    # Settled meanwhile: it was open within the session.
    commit(store, clinic.entry("finding.closed", "closed/1", {"finding": "finding/orphan/1"}, session="", alias=""))
    assert used(session=SESSION) == (31_500, 5)
    assert used(session="77" * 16) == (0, 0)
    assert used(alias="b2" * 16) == (0, 0)
    commit(store, clinic.closed())
    assert used(session=SESSION) == used(alias=ALIAS) == (3_000, 1)


def test_what_others_gave_for_no_session_is_not_gone_through_at_each_grant(store, clinic):
    """A bench gives for no session year after year, and a cap must not cost more for it."""
    commit(store, clinic.link_up(), clinic.opened())
    for number in range(40):
        clinic.grant_no = number
        commit(store, replace(clinic.shot(shot_kind="BENCH"), session="", alias=""))
    looked = []
    store._db.exec_trace = lambda _cursor, sql, _bindings: looked.append(sql) or True
    assert caps.strays(store._db, session=SESSION) == (0, 0)
    store._db.exec_trace = None
    assert looked
    assert not any("FROM given" in sql for sql in looked)


@pytest.mark.invariant("I-25")
def test_of_two_grants_for_the_last_room_one_wins(store, clinic):
    other = Clinic(gun=replace(GUN, gun_uid="ff" * 12))
    commit(store, clinic.link_up(), other.link_up())
    cap = Cap(name="patient", alias=ALIAS, limit_nl=200_000)
    first, second = store.commit([clinic.grant(caps=(cap,)), other.grant(caps=(cap,))], stamp())
    assert isinstance(first, Committed)
    assert isinstance(second, CapExceeded)


@pytest.mark.invariant("I-26")
def test_priming_neither_counts_nor_is_checked_against_the_patient(store, clinic):
    commit(store, clinic.link_up())
    cap = Cap(name="session", session=SESSION, limit_nl=1)
    grant = clinic.grant(caps=(cap,))
    prime = replace(
        grant,
        grant=replace(grant.grant, kind=3),
        entries=(replace(grant.entries[0], payload={**grant.entries[0].payload, "shot_kind": "PRIME"}),),
    )
    assert isinstance(store.commit([prime], stamp())[0], Committed)
    commit(store, clinic.shot(shot_kind="PRIME"))
    [result] = store.commit([clinic.grant(max_nl=2, caps=(cap,))], stamp())
    assert (result.used_nl, result.held_nl) == (0, 0)


@pytest.mark.invariant("I-24")
def test_caps_outlive_a_restart(store, clinic):
    commit(store, clinic.link_up())
    store.commit([clinic.grant(max_nl=100_000)], stamp())
    commit(store, clinic.shot(60_000))
    again = store.restarted(stamp(5, boot="boot-2"))
    cap = Cap(name="patient", alias=ALIAS, limit_nl=100_000)
    [result] = again.commit([clinic.grant(max_nl=1, caps=(cap,))], stamp(6, boot="boot-2"))
    assert (result.used_nl, result.held_nl) == (60_000, 40_000)


def test_shots_in_the_same_batch_count_before_the_grant(store, clinic):
    commit(store, clinic.link_up())
    shot = clinic.shot(60_000, grant_no=0)
    grant = clinic.grant(max_nl=50_000, caps=(Cap(name="patient", alias=ALIAS, limit_nl=100_000),))
    [result] = store.commit([replace(batch(shot, *grant.entries), grant=grant.grant)], stamp())
    assert isinstance(result, CapExceeded)
    assert result.used_nl == 60_000


@pytest.mark.invariant("I-35")
def test_an_uncertain_shot_counts_while_it_may_be_inside_the_window(store, clinic):
    commit(store, clinic.link_up())
    for at_us, error_us in ((100, 50), (140, 10), (149, 2), (149, 1), (200, 0)):
        commit(store, clinic.shot(1_000, at_us=at_us, at_err_us=error_us))
    for since_us, used_shots in ((149, 5), (150, 2), (151, 1), (199, 1), (200, 0)):
        cap = Cap(name="window", alias=ALIAS, since_us=since_us, limit_shots=1)
        [result] = store.commit([clinic.grant(max_shots=2, caps=(cap,))], stamp())
        clinic.grant_no -= 1
        assert (since_us, result.used_shots, result.used_nl) == (since_us, used_shots, used_shots * 1_000)
