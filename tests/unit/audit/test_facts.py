"""What the clinic's rules are judged by, beside a plain look at every record of the log."""

import random

import pytest
from msgspec.structs import replace

from meso_device.accounting.clinic import ClinicFacts, LastGiven
from meso_device.accounting.entries import Cap, CapExceeded, CommitFailed, Entry
from meso_device.audit.facts import approved_files, clinic_facts, fitted_cartridge, fitted_now, reprocessing_of
from meso_device.audit.stock import stock_lots
from protocols.errors import UsageError
from tests.unit.audit.clinic import ALIAS, GUN, SESSION, START_US, Clinic, batch, commit, stamp
from tests.unit.audit.history import ALIASES, DIGESTS, PRODUCTS, UIDS, History, bodies, entry_of
from tests.unit.audit.test_projections import rebuilt_difference

PATIENT = {"TREAT", "DRY"}


def facts(store, **changes):
    asked = {"session": SESSION, "alias": ALIAS, "gun_uid": GUN.gun_uid, "digest": DIGESTS[0], "products": ()}
    return clinic_facts(store._db, **(asked | changes))


KINDS = {"TREAT", "DRY", "PRIME", "BENCH", "SERVICE"}


class Scan:
    """The same answers from reading all records in order, as slow and plain as can be."""

    def __init__(self, rows):
        self.rows = rows

    def of(self, *kinds, **fields):
        return [
            row
            for row in self.rows
            if row["kind"] in kinds and all(row.get(name) == value for name, value in fields.items())
        ]

    def newest(self, *kinds, **fields):
        return (self.of(*kinds, **fields) or [None])[-1]

    def shots(self, gun_uid=None, kinds=PATIENT, **fields):
        return [
            row
            for row in self.of("shot", **fields)
            if row["shot_kind"] in kinds and gun_uid in {None, row["gun"]["gun_uid"]}
        ]

    def cartridge(self, gun_uid):
        row = self.newest("lot.loaded", gun_uid=gun_uid)
        if row is None:
            return None
        later = [shot for shot in self.shots(gun_uid, PATIENT | {"PRIME", "BENCH"}) if shot["seq"] > row["seq"]]
        patient = [shot for shot in later if shot["shot_kind"] in PATIENT]
        return (
            row["cartridge"],
            row["product"],
            row["lot"],
            sum(shot["dose_lo_nl"] for shot in patient),
            sum(shot["dose_hi_nl"] for shot in patient),
            sum(shot["dose_hi_nl"] for shot in later if shot not in patient),
        )

    def lots(self, products):
        found = {}
        for row in self.of("lot.listed"):
            if row["product"] in products:
                found[row["product"], row["lot"]] = [row["expiry_day"], tuple(row["ingredients"]), ""]
        for key, lot in found.items():
            last = self.newest("lot.blocked", "lot.unblocked", product=key[0], lot=key[1])
            lot[2] = last["reason"] if last is not None and last["kind"] == "lot.blocked" else ""
        return found

    def part(self, part, session):
        fitted = self.newest(f"{part}.changed", sess=session)
        if fitted is None:
            return None
        same = self.of(f"{part}.changed", serial=fitted["serial"])
        shots = 0
        for row in same:
            ends = [other["seq"] for other in self.of(f"{part}.changed", sess=row["sess"]) if other["seq"] > row["seq"]]
            made = self.shots(None, PATIENT | {"PRIME", "BENCH"}, sess=row["sess"])
            shots += sum(row["seq"] < shot["seq"] < min(ends, default=2**62) for shot in made)
        aliases = tuple(dict.fromkeys(row["alias"] for row in same))
        return (fitted["serial"], aliases, fitted["type_id"], same[0]["ts_us"], shots)

    def cleaned_last(self, gun_uid):
        """Whether the newest cleaning is after the newest contact; None without a contact."""
        contacts = [shot["seq"] for shot in self.shots(gun_uid) if shot.get("alias")]
        contacts += [
            row["seq"] for row in self.of("link.up") if row["gun"]["gun_uid"] == gun_uid and row["base_seq"] > 0
        ]
        cleanings = [row["seq"] for row in self.of("reprocessing", gun_uid=gun_uid, part="gun")]
        return max(cleanings, default=-1) > max(contacts) if contacts else None

    def last_given(self, alias, session):
        found = {}
        for shot in self.shots(alias=alias):
            if shot["sess"] != session:
                place = found.setdefault((shot["area_code"], shot["product"]), {})
                place[shot["sess"]] = max(place.get(shot["sess"], 0), shot["at_us"] + shot["at_err_us"])
        return {place: tuple(sorted(times.values())) for place, times in found.items()}

    def calibrations(self, uid):
        """Newest judged run of each kind: verdict, hash, adjusted, complete, signed, shots since."""
        found = {}
        for begun in self.of("calibration.begun"):
            steps = {row["kind"]: row for row in self.rows if row.get("run") == begun["run"]}
            if begun["gun"]["gun_uid"] != uid or "calibration.judged" not in steps:
                continue
            adjusted, ended, signed = (steps.get(f"calibration.{kind}") for kind in ("adjusted", "ended", "signed"))
            found[begun["what"]] = (
                begun["run"], steps["calibration.judged"]["verdict"], (adjusted or begun)["cal_hash8"],
                adjusted is not None, ended is not None, signed is not None,
                sum(row["seq"] > signed["seq"] for row in self.shots(uid, KINDS)) if signed else 0,
            )  # fmt: skip
        return found

    def given(self, session):
        found = {}
        for shot in self.shots(sess=session):
            totals = found.setdefault((shot["product"], shot["lot"]), [0, 0, 0])
            for at, more in enumerate((1, shot["dose_lo_nl"], shot["dose_hi_nl"])):
                totals[at] += more
        return found


@pytest.mark.invariant("I-44")
@pytest.mark.invariant("I-53")
@pytest.mark.invariant("I-54")
@pytest.mark.invariant("I-57")
@pytest.mark.parametrize("seed", range(8))
def test_facts_are_those_of_a_plain_look_at_every_record(store, seed):
    rng = random.Random(seed)
    history = History(store, rng)
    for _ in range(6):
        history.run(40)
        scan = Scan(bodies(store))
        for session, alias in history.sessions[-4:]:
            uid, digest = rng.choice(UIDS), rng.choice(DIGESTS)
            compare(facts(store, session=session, alias=alias, gun_uid=uid, digest=digest, products=PRODUCTS[:2]), scan,
                    session, alias, uid, digest)  # fmt: skip
    assert rebuilt_difference(store) == ""


def compare(found: ClinicFacts, scan, session, alias, uid, digest):
    approval = scan.newest("protocol.approved", digest=digest)
    assert (found.approval and (found.approval.op, found.approval.at_us)) == (
        approval and (approval["op"], approval["ts_us"])
    )
    fitted = found.cartridge
    assert (
        fitted
        and (
            *(fitted.cartridge, fitted.product, fitted.lot, fitted.patient_lo_nl, fitted.patient_hi_nl),
            fitted.prime_nl,
        )
    ) == scan.cartridge(uid)
    products = {*PRODUCTS[:2], *([fitted.product] if fitted else [])}
    assert {key: [lot.expiry_day, lot.ingredients, lot.blocked] for key, lot in found.lots.items()} == scan.lots(
        products
    )
    for part, use in (("needle", found.needle), ("head", found.head)):
        assert (use and (use.serial, use.aliases, use.type_id, use.fitted_us, use.shots)) == scan.part(part, session)
    last = found.reprocessing
    assert (last.cleaned_us > last.contact_us if last.contact_us else None) == scan.cleaned_last(uid)
    assert {(one.area_code, one.product): one.sessions_us for one in found.last_given} == scan.last_given(
        alias, session
    )
    assert {(one.product, one.lot): [one.shots, one.dose_lo_nl, one.dose_hi_nl] for one in found.given} == scan.given(
        session
    )
    answers = {}
    for row in scan.of("checklist", "consent", sess=session):
        answers[row.get("item", "consent")] = row
    assert found.checks == {item: row.get("answer", "yes") for item, row in answers.items()}
    assert found.notes == {item for item, row in answers.items() if row.get("note_hash")}
    assert found.allergies == tuple(answers.get("allergy", {}).get("ingredients", ()))
    assert {
        one.what: (*(one.run, one.verdict, one.cal_hash8, one.adjusted, one.complete, one.signed, one.shots_since),)
        for one in found.calibrations
    } == scan.calibrations(uid)
    codes = {row["code"] for row in scan.of("limit.override", sess=session)}
    assert {override.code for override in found.overrides} == codes


def test_a_clinic_without_records_has_no_facts(store):
    empty = facts(store)
    assert (empty.approval, empty.cartridge, empty.needle, empty.head, empty.lots) == (None, None, None, None, {})
    assert (empty.reprocessing.cleaned_us, empty.reprocessing.contact_us, empty.last_given) == (0, 0, ())


# --- cleaning ---------------------------------------------------------------------------------------


def cleaned(clinic, number, **changes):
    payload = {
        "gun_uid": GUN.gun_uid, "part": "gun", "product": "agent", "lot": "A1", "rinse_medium": "saline", "method": "x"
    }  # fmt: skip
    return clinic.entry("reprocessing", f"reprocessing/{number}", payload | changes, session="", alias="", gun=None)


def is_clean(store):
    last = reprocessing_of(store._db, GUN.gun_uid)
    return last.cleaned_us > last.contact_us


@pytest.mark.invariant("I-53")
@pytest.mark.hazard("HZ-42")
@pytest.mark.hazard("HZ-27")
def test_a_clock_that_was_set_back_makes_no_used_gun_clean(store, clinic):
    """The gun is cleaned, then the clock falls back by a year, then a patient is treated: by time it looks clean."""
    commit(store, clinic.link_up(), at_us=5)
    commit(store, cleaned(clinic, 1), at_us=10**15)
    commit(store, clinic.shot(at_us=START_US), at_us=10)
    assert not is_clean(store)
    last = reprocessing_of(store._db, GUN.gun_uid)
    assert (last.contact_alias, last.contact_session) == (ALIAS, SESSION)


@pytest.mark.invariant("I-53")
@pytest.mark.hazard("HZ-42")
def test_a_cleaning_after_the_contact_counts_whatever_the_clocks_say(store, clinic):
    commit(store, clinic.link_up(), clinic.shot(at_us=START_US + 10**15))
    commit(store, cleaned(clinic, 1), at_us=10)
    assert is_clean(store)


@pytest.mark.invariant("I-53")
@pytest.mark.hazard("HZ-42")
@pytest.mark.parametrize("change", [{"part": "head"}, {"rinse_medium": "tap_water"}, {"gun_uid": "ff" * 12}])
def test_what_is_no_cleaning_of_this_gun_does_not_count(store, clinic, change):
    commit(store, clinic.link_up(), clinic.shot())
    commit(store, cleaned(clinic, 1, **change), at_us=10**12)
    assert not is_clean(store)
    commit(store, cleaned(clinic, 2), at_us=10**12)
    assert is_clean(store)


@pytest.mark.hazard("HZ-42")
def test_a_gun_that_others_used_before_counts_as_used(store, clinic):
    commit(store, clinic.link_up(base_seq=40))
    last = reprocessing_of(store._db, GUN.gun_uid)
    assert (last.contact_us, last.contact_alias) == (START_US, "")
    commit(store, cleaned(clinic, 1), at_us=1)
    assert is_clean(store)


def test_priming_is_no_contact(store, clinic):
    commit(store, clinic.link_up(), clinic.shot(shot_kind="PRIME"), clinic.shot(shot_kind="BENCH"))
    assert reprocessing_of(store._db, GUN.gun_uid).contact_us == 0


# --- materials --------------------------------------------------------------------------------------


def loaded(clinic, number, lot="L1", gun=None):
    payload = {
        "cartridge": f"{number:032x}", "syringe": "bd_5ml", "geometry_id": 7, "product": "HA mix", "lot": lot,
        "loaded_nl": 4_000_000,
    }  # fmt: skip
    payload |= {"gun_uid": GUN.gun_uid} if gun is None else {}
    return clinic.entry("lot.loaded", f"cartridge/{number}", payload, session="", alias="", gun=gun)


@pytest.mark.invariant("I-29")
@pytest.mark.hazard("HZ-17")
def test_shots_of_one_grant_count_against_the_cartridge_that_they_came_from(store, clinic):
    commit(store, clinic.link_up(), loaded(clinic, 1))
    store.commit([clinic.grant()], stamp())
    commit(store, clinic.shot(7_000), clinic.shot(1_000, shot_kind="PRIME"))
    commit(store, loaded(clinic, 2, gun=clinic.gun))
    commit(store, clinic.shot(9_000, dose_lo_nl=0), clinic.shot(500))
    second = fitted_cartridge(store._db, GUN.gun_uid)
    assert (second.cartridge, second.patient_lo_nl, second.patient_hi_nl, second.prime_nl) == (
        f"{2:032x}",
        500,
        9_500,
        0,
    )
    [(first_nl,)] = store._db.execute(
        "SELECT sum(dose_hi_nl) FROM given JOIN cartridge ON cartridge.seq = given.cartridge WHERE removed_seq > 0"
    )
    assert first_nl == 8_000
    assert rebuilt_difference(store) == ""


@pytest.mark.invariant("I-29")
def test_a_cartridge_that_was_taken_out_gives_nothing_more(store, clinic):
    commit(store, clinic.link_up(), loaded(clinic, 1))
    waste = {"cartridge": f"{1:032x}", "waste_nl": 300, "reason": "spill"}
    commit(store, clinic.entry("waste", "waste/1", waste))
    assert fitted_cartridge(store._db, GUN.gun_uid).left_nl == 4_000_000 - 300
    changed = {"cartridge": f"{1:032x}", "left_nl": 0, "waste_nl": 300, "difference_nl": 0, "ok": True}
    commit(store, clinic.entry("cartridge.changed", "changed/1", changed))
    assert fitted_cartridge(store._db, GUN.gun_uid) is None
    commit(store, clinic.shot())
    assert store._db.execute("SELECT cartridge FROM given").fetchall() == [(0,)]


@pytest.mark.hazard("HZ-17")
def test_what_the_gun_notices_of_its_syringe_holds_for_the_one_recorded_before(store, clinic):
    def noticed(number, alarm="CARTRIDGE_CHANGED"):
        commit(store, clinic.entry("alarm.raised", f"alarm/{number}", {"alarm": alarm, "bit": 17, "detail": 0}))

    commit(store, clinic.link_up(), loaded(clinic, 1))
    noticed(1, "HEAD_CHANGED")
    # A gun may tell of it before it has said which one it is.
    commit(store, Entry(kind="alarm.raised", key="alarm/0", payload={"alarm": "CARTRIDGE_CHANGED", "bit": 17}))
    assert not fitted_cartridge(store._db, GUN.gun_uid).noticed
    noticed(2)
    assert fitted_cartridge(store._db, GUN.gun_uid).noticed
    commit(store, loaded(clinic, 2))
    assert not fitted_cartridge(store._db, GUN.gun_uid).noticed
    assert rebuilt_difference(store) == ""


@pytest.mark.parametrize("kind", ["waste", "cartridge.changed"])
def test_what_is_said_of_a_cartridge_that_was_never_fitted_is_refused(store, clinic, kind):
    payload = {"cartridge": "00" * 16, "waste_nl": 1, "reason": "x", "left_nl": 0, "difference_nl": 0, "ok": True}
    [result] = store.commit([batch(clinic.entry(kind, "x/1", payload))], stamp())
    assert isinstance(result, CommitFailed)
    assert "never fitted" in result.reason


def test_a_cartridge_whose_batch_was_undone_is_forgotten(store, clinic):
    commit(store, clinic.link_up(), loaded(clinic, 1))
    commit(store, clinic.shot(50_000))
    over = clinic.grant(max_nl=60_000, caps=(Cap(name="patient", alias=ALIAS, limit_nl=100_000),))
    shot = clinic.shot(1_000)
    undone = replace(over, entries=(loaded(clinic, 2), shot, *over.entries))
    [result] = store.commit([undone], stamp())
    assert isinstance(result, CapExceeded)
    commit(store, shot)
    fitted = fitted_cartridge(store._db, GUN.gun_uid)
    assert (fitted.cartridge, fitted.patient_hi_nl) == (f"{1:032x}", 51_000)


def listed(clinic, number, **changes):
    entry = entry_of("lot.listed", clinic, random.Random(1), number)
    return replace(entry, payload={**entry.payload, "product": "HA mix", "lot": "L1", **changes})


@pytest.mark.hazard("HZ-43")
def test_a_lot_can_be_blocked_before_it_is_listed_and_a_listing_does_not_release_it(store, clinic):
    block = {"product": "HA mix", "lot": "L1", "reason": "recalled"}
    commit(store, clinic.entry("lot.blocked", "b/1", block, session="", alias="", gun=None))
    assert facts(store, products=["HA mix"]).lots == {}
    [row] = stock_lots(store._db)
    assert (row.listed, row.lot.blocked) == (False, "recalled")
    commit(store, listed(clinic, 1))
    assert facts(store, products=["HA mix"]).lots["HA mix", "L1"].blocked == "recalled"
    commit(store, clinic.entry("lot.unblocked", "u/1", block, session="", alias="", gun=None))
    assert facts(store, products=["HA mix"]).lots["HA mix", "L1"].blocked == ""


def test_the_newest_listing_of_a_lot_counts(store, clinic):
    commit(store, listed(clinic, 1, expiry_day=10), listed(clinic, 2, expiry_day=20))
    assert facts(store, products=["HA mix"]).lots["HA mix", "L1"].expiry_day == 20


@pytest.mark.hazard("HZ-43")
def test_the_lot_in_the_gun_is_among_the_lots_even_of_another_product(store, clinic):
    commit(store, clinic.link_up(), loaded(clinic, 1), listed(clinic, 1))
    assert ("HA mix", "L1") in facts(store, products=["other"]).lots


@pytest.mark.invariant("I-54")
@pytest.mark.hazard("HZ-44")
@pytest.mark.hazard("HZ-34")
def test_a_part_remembers_every_patient_that_it_was_fitted_for(store, clinic):
    other = Clinic(session="77" * 16, alias=ALIASES[1])
    for where, number in ((clinic, 1), (other, 2)):
        for part in ("head", "needle"):
            payload = {"part": part, "serial": "H 7", "type_id": 5}
            commit(store, where.entry(f"{part}.changed", f"part/{part}/{number}", payload), at_us=number)
    found = facts(store, session=other.session, alias=other.alias)
    assert found.head.aliases == found.needle.aliases == (ALIAS, ALIASES[1])
    assert (found.head.kind, found.needle.kind, found.head.fitted_us) == ("head", "needle", START_US + 1)
    assert facts(store, session="99" * 16).head is None


# --- approval, course -------------------------------------------------------------------------------


@pytest.mark.hazard("HZ-58")
def test_an_approval_is_of_one_digest(store, clinic):
    payload = {"digest": DIGESTS[0], "protocol_id": "p", "version": "1.0", "name": "P"}
    commit(store, clinic.entry("protocol.approved", "approved/1", payload, op="01" * 16), at_us=7)
    assert (facts(store).approval.op, facts(store).approval.at_us) == ("01" * 16, START_US + 7)
    assert facts(store, digest=DIGESTS[1]).approval is None
    commit(store, clinic.entry("protocol.approved", "approved/2", payload, op="02" * 16), at_us=9)
    assert facts(store).approval.op == "02" * 16
    assert [row.approval.op for row in approved_files(store._db)] == ["02" * 16]


@pytest.mark.invariant("I-57")
@pytest.mark.hazard("HZ-48")
def test_what_this_session_gave_is_not_given_before(store, clinic):
    commit(store, clinic.link_up(), clinic.opened(), clinic.shot(at_us=START_US + 5, at_err_us=2))
    assert facts(store).last_given == ()
    later = facts(store, session="77" * 16)
    assert later.last_given == (
        LastGiven(area_code=3, product="HA mix", latest_us=START_US + 7, sessions_us=(START_US + 7,)),
    )
    assert facts(store, session="77" * 16, alias="b2" * 16).last_given == ()


def test_the_store_takes_the_products_from_the_session(store, clinic):
    opened = clinic.entry("session.opened", "s/1", {"plan": {"product_name": "HA mix + vitamins"}})
    commit(store, opened, listed(clinic, 1), listed(clinic, 2, product="vitamins"), listed(clinic, 3, product="HA"))
    found = store.load_clinic(session=SESSION, alias=ALIAS, gun_uid=GUN.gun_uid, digest=DIGESTS[0])
    assert sorted(found.lots) == [("HA mix", "L1"), ("vitamins", "L1")]


@pytest.mark.invariant("I-54")
@pytest.mark.hazard("HZ-34")
def test_a_needle_that_was_taken_off_in_a_session_is_not_fitted_again(store, clinic):
    assert not fitted_now(store._db, SESSION, "needle", "N-1")
    commit(store, clinic.link_up(), clinic.opened(), part(clinic, "N-1"))
    assert fitted_now(store._db, SESSION, "needle", "N-1")
    assert not fitted_now(store._db, SESSION, "head", "N-1")
    assert not fitted_now(store._db, "77" * 16, "needle", "N-1")
    commit(store, part(clinic, "N-2"))
    assert fitted_now(store._db, SESSION, "needle", "N-2")
    assert not fitted_now(store._db, SESSION, "needle", "N-3")
    with pytest.raises(UsageError, match="taken off"):
        fitted_now(store._db, SESSION, "needle", "N-1")


def part(clinic, serial):
    payload = {"part": "needle", "serial": serial, "type_id": 4}
    return clinic.entry("needle.changed", f"part/needle/{serial}/{SESSION}", payload)
