"""Corrections and late reactions at the host: who may, what is refused before a PIN is looked at, what is recorded."""

import random

import pytest
from msgspec.structs import replace

from meso_device.accounting.entries import Committed
from meso_device.audit import canonical
from meso_device.audit.keys import SigningKey, VerifyKey
from meso_device.audit.pages import record_of
from meso_device.audit.rotation import rotated_entry
from meso_device.audit.store import Store
from meso_device.host.console_afterwards import ConsoleAfterwards, offers
from meso_device.host.console_facts import ConsoleFacts
from meso_device.host.console_may import Seen, why_not
from meso_device.host.errands import Errands
from meso_device.host.owed import Owed
from meso_device.host.screen_answers import ScreenAnswers
from meso_device.host.upkeep import SeenTo, Upkeep, ask_upkeep, seen_to
from meso_device.people.refusals import NotAllowed
from meso_device.people.roles import Person, Role
from meso_device.session.contract import Instant, Phase
from protocols.errors import MesoError, UsageError
from protocols.treatment.areas import catalogue
from protocols.units import DAY_US
from tests.unit.audit.clinic import SESSION, START_US, Clinic, batch, commit, stamp
from tests.unit.people.clinic import PINS, People

NOW = Instant(20_000_000, 20_000_000)
CORRECTION = {"field": "answer", "new": "yes", "reason": "misheard", "pin": PINS["cleo"], "login2": "", "pin2": ""}
REACTION = {
    "code": "nodule", "severity": "mild", "onset_day": "20", "reporter": "patient",
    "areas": "", "shots": "", "text": "",
}  # fmt: skip


class AtOnce:
    """The people's desk without its thread: each question is answered before the next is asked."""

    def __init__(self, people, owe):
        self._people, self._owe = people, owe

    def ask(self, job, then, now):
        try:
            result = job(self._people.office, self._people.now)
        except MesoError as error:
            result = error
        self._owe(self._people.owed())
        then(result, now)


class Room:
    """A data directory with a session of a patient, somebody at the screen, and what was answered."""

    def __init__(self, home):
        randomness = random.Random(7).randbytes
        self.store = Store.open(home, software="0.1.0", stamp=stamp(), randomness=randomness)
        self.people = People(home, randomness)
        self.people.enrol("ada", "cleo", "carl", "theo", "abel")
        self.patient = self.people.patient()
        self.said, self._number, self._no = [], 0, 0
        answers = ScreenAnswers(lambda _kind, number, body: self.said.append((number, body)))
        self._owed = Owed(lambda number, why: answers.refused(number, "audit", why))
        errands = Errands(home, AtOnce(self.people, self._owe), answers)
        self.afterwards = ConsoleAfterwards(errands=errands, answers=answers, owe=self._owe)
        self._upkeep = lambda number, _body, _person, now: ask_upkeep(number, errands, answers, now)
        self._clinic = Clinic(alias=self.patient.alias, area_code=catalogue()["forehead"].code)

    def _owe(self, entries, durable=None, number=None):
        if entries:
            self._owed.put(entries, durable, number)

    def settle(self):
        """Make durable what is owed, as the loop does between two turns."""
        while self._owed:
            self._no -= 1
            [result] = self.store.commit([batch(*self._owed.take().entries, no=self._no)], stamp(30))
            assert isinstance(result, Committed)
            self._owed.heard(result, NOW)

    def treats(self, *, op, closed=True):
        """Record a session by somebody: an answer, and four shots."""
        clinic, answer = self._clinic, {"item": "pregnancy", "answer": "no", "note_hash": ""}
        commit(self.store, clinic.link_up(), clinic.opened())
        commit(self.store, clinic.entry("checklist", "checklist/1", answer, op=op))
        commit(self.store, *(clinic.shot() for _ in range(4)))
        if closed:
            commit(self.store, clinic.closed())

    def seq(self, kind):
        return self.bodies(kind)[-1]["seq"]

    def bodies(self, kind):
        rows = self.store._db.execute("SELECT body FROM record WHERE kind = ? ORDER BY seq", (kind,))
        return [canonical.decode(body) for (body,) in rows]

    def offers(self, kind, login):
        found = record_of(self.store._db, self.seq(kind), VerifyKey.parse(self.store.verify_key))
        return offers(found, None if login is None else self.people.who[login])

    def asks(self, act, body, login="cleo", *, settle=True):
        """Ask as whoever is signed in; returns outcome and line."""
        self._number += 1
        try:
            act(self._number, body, self.people.who[login], NOW)
        except MesoError as error:
            return "refused", str(error)
        if settle:
            self.settle()
        return next(((one["outcome"], one["text"]) for number, one in self.said if number == self._number), None)

    def amends(self, login="cleo", *, settle=True, **changes):
        body = {**CORRECTION, "seq": self.seq("checklist"), "pin": PINS[login], **changes}
        return self.asks(self.afterwards.amend, body, login, settle=settle)

    def reacts(self, login="cleo", **changes):
        return self.asks(self.afterwards.reaction, {"seq": self.seq("shot"), **REACTION, **changes}, login)

    def upkeep(self):
        assert self.asks(self._upkeep, {}) == ("done", "")
        return {name: self.said[-1][1][name] for name in ("years", "expired", "key_since_us", "key_changes")}

    def rotates(self):
        old = VerifyKey.parse(self.store.verify_key)
        new = SigningKey(old.name, bytes(32))
        entry = rotated_entry(old, new.verify_key, "yearly", op="ada", role="administrator")
        self.store.rotate(new, entry, stamp(50))

    def close(self):
        self.people.office.close()
        self.store.close(stamp(40))


@pytest.fixture
def room(tmp_path):
    opened = Room(tmp_path)
    yield opened
    opened.close()


@pytest.mark.hazard("HZ-42")
@pytest.mark.invariant("I-62")
def test_ones_own_record_is_amended_with_one_signature_and_done_is_said_when_both_are_in_the_log(room):
    room.treats(op=room.people.who["cleo"].op)
    before = room.bodies("checklist")
    assert room.offers("checklist", "cleo")["amend"] == {
        "why": "",
        "fields": [{"field": "answer", "now": "no", "takes": ["no", "yes"]}],
        "by_two": False,
    }
    assert room.amends(settle=False) is None
    room.settle()
    assert room.said[-1][1]["outcome"] == "done"
    [correction] = room.bodies("amend")
    assert (correction["old"], correction["new"], correction["op"]) == ("no", "yes", room.people.who["cleo"].op)
    assert [(one["target_seq"], one["meaning"], one["sess"]) for one in room.bodies("sign")] == [
        (correction["seq"], "performed", SESSION)
    ]
    assert room.bodies("checklist") == before
    assert room.offers("checklist", "cleo")["amend"]["fields"][0]["now"] == "yes"


@pytest.mark.hazard("HZ-42")
def test_what_somebody_else_recorded_takes_two_different_people(room):
    room.treats(op=room.people.who["cleo"].op)
    assert room.offers("checklist", "carl")["amend"]["by_two"]
    for second, names in (
        ({}, "a second person"),
        ({"login2": "carl", "pin2": PINS["carl"]}, "takes two different people"),
        ({"login2": "cleo", "pin2": "000000"}, "not accepted"),
        ({"login2": "abel", "pin2": PINS["abel"]}, "may not be the second person"),
    ):
        outcome, text = room.amends("carl", **second)
        assert outcome == "refused"
        assert names in text
    assert room.bodies("amend") == []
    assert room.amends("carl", login2="theo", pin2=PINS["theo"]) == ("done", "")
    [correction] = room.bodies("amend")
    signed = {(one["op"], one["meaning"]) for one in room.bodies("sign")}
    assert signed == {(room.people.who["carl"].op, "performed"), (room.people.who["theo"].op, "authorised")}
    assert {one["target_seq"] for one in room.bodies("sign")} == {correction["seq"]}


def test_what_the_command_refuses_is_refused_here_before_a_pin_is_looked_at(room):
    room.treats(op=room.people.who["cleo"].op)
    for changes, names in (
        ({"seq": room.seq("shot")}, "account of gun and host"),
        ({"seq": 10**9}, "no record"),
        ({"field": "item"}, "no field"),
        ({"new": "perhaps"}, "no answer to pregnancy"),
        ({"new": "no"}, "already"),
        ({"reason": "Mrs Smith said so"}, "reason"),
    ):
        outcome, text = room.amends(pin="000000", **changes)
        assert outcome == "refused"
        assert names in text
    outcome, text = room.amends("theo")
    assert (outcome, "may not amend own record" in text) == ("refused", True)
    assert room.bodies("login.failed") == room.bodies("amend") == []
    assert room.amends(pin="000000")[0] == "refused"
    assert len(room.bodies("login.failed")) == 1


def test_while_its_session_is_open_nothing_is_offered_and_nothing_taken(room):
    room.treats(op=room.people.who["cleo"].op, closed=False)
    offered = room.offers("checklist", "cleo")["amend"]
    assert ("still open" in offered["why"], offered["fields"]) == (True, [])
    outcome, text = room.amends()
    assert (outcome, text) == ("refused", offered["why"])


def test_two_corrections_at_once_are_one_and_the_other_is_told(room):
    room.treats(op=room.people.who["cleo"].op)
    assert room.amends(settle=False) is None
    outcome, text = room.amends(settle=False)
    assert (outcome, "a moment ago" in text) == ("refused", True)
    room.settle()
    assert (len(room.bodies("amend")), len(room.bodies("sign"))) == (1, 1)
    assert room.amends(new="no") == ("done", "")


def test_a_late_reaction_is_tied_to_what_the_session_gave(room):
    room.treats(op=room.people.who["cleo"].op)
    room.people.now = replace(room.people.now, utc_us=START_US + 30 * DAY_US)
    assert room.offers("shot", "cleo")["reaction"] == {
        "why": "this was practice: nobody was treated",
        "session": SESSION,
    }
    assert room.offers("checklist", "cleo")["reaction"] == {"why": "", "session": SESSION}
    assert room.reacts(code=" Nodule", areas="f2", shots="2, 3-4", text="under the skin") == ("done", "")
    told = room.said[-1][1]
    [event] = room.bodies("adverse_event")
    assert (told["event"], told["session"]) == (event["event"], SESSION)
    assert (event["code"], event["onset_day"], event["shot_seqs"], event["alias"]) == (
        "nodule", 20, [2, 3, 4], room.patient.alias,
    )  # fmt: skip
    assert event["lots"] == [{"product": "HA mix", "lot": "L1"}]
    assert len(event["text"]) == 64  # the vault has the words, the log a commitment to them
    for changes, names in (
        ({"code": "rash"}, "one of bruise"),
        ({"severity": "bad"}, "one of mild"),
        ({"reporter": "neighbour"}, "one of patient"),
        ({"onset_day": "x"}, "days from the session"),
        ({"onset_day": "40"}, "the session was"),
        ({"shots": "9"}, "not all of these shots"),
        ({"areas": "F8R"}, "gave nothing"),
        ({"seq": 0}, "belongs to no session"),
    ):
        outcome, text = room.reacts(**changes)
        assert outcome == "refused"
        assert names in text
    assert room.reacts("theo")[0] == "refused"
    assert len(room.bodies("adverse_event")) == 1


def test_nobody_whom_the_vault_does_not_know_has_a_reaction(room):
    room._clinic.alias = "0f" * 16
    room.treats(op=room.people.who["cleo"].op)
    outcome, text = room.reacts()
    assert (outcome, "not in the vault" in text) == ("refused", True)


def test_whoever_may_not_is_told_and_offered_nothing(room):
    room.treats(op=room.people.who["cleo"].op)
    for login, names in ((None, "sign in first"), ("theo", "may not")):
        told = room.offers("checklist", login)
        assert names in told["amend"]["why"]
        assert names in told["reaction"]["why"]
        assert told["amend"]["fields"] == []


def test_what_is_due_is_counted_by_the_rules_of_its_commands_and_names_nobody(room):
    begun = {"years": 10, "expired": 0, "key_since_us": START_US, "key_changes": 0}
    assert room.upkeep() == begun
    room.people.now = replace(room.people.now, utc_us=room.patient.enrolled_us + 10 * 366 * DAY_US)
    assert room.upkeep() == begun
    room.people.now = replace(room.people.now, utc_us=room.people.now.utc_us + 1)
    assert room.upkeep() == {**begun, "expired": 1}
    room.treats(op=room.people.who["cleo"].op, closed=False)  # while a session is open no period ends
    room.rotates()
    assert room.upkeep() == {**begun, "key_since_us": START_US + 50, "key_changes": 1}


@pytest.mark.parametrize(("phase", "signed_in", "why"), [
    (Phase.NO_SESSION, True, ""), (Phase.READY, True, ""), (Phase.ARMED, True, "disarm first"),
    (Phase.NO_SESSION, False, "sign in first: F9, then S"),
])  # fmt: skip
def test_it_needs_somebody_and_no_gun_and_never_happens_while_armed(make_view, phase, signed_in, why):
    seen = Seen(
        view=make_view(phase=phase), facts=ConsoleFacts(), signed_in=signed_in, enrolled=True, locked=False,
        session=False, left_open=None,
    )  # fmt: skip
    assert why_not(seen)["afterwards"] == why


@pytest.mark.parametrize(("phase", "session", "why"), [
    (Phase.ARMED, True, "disarm first"),
    (Phase.READY, True, "a session is open"),
    (Phase.CLOSED, True, ""),
    (Phase.NO_SESSION, False, ""),
])  # fmt: skip
def test_a_console_is_not_ended_for_upkeep_while_a_session_is_open(make_view, phase, session, why):
    seen = Seen(
        view=make_view(phase=phase), facts=ConsoleFacts(), signed_in=True, enrolled=True, locked=False,
        session=session, left_open=None,
    )  # fmt: skip
    assert why_not(seen)["see_to"] == why


@pytest.mark.parametrize("what", [*Upkeep])
@pytest.mark.parametrize("role", [*Role])
def test_only_an_administrator_begins_what_ends_something(what, role):
    person = Person(op="c2" * 16, login="somebody", name="Somebody", roles=frozenset({role}))
    if role is Role.ADMINISTRATOR:
        assert seen_to(what, person) == SeenTo(what, "somebody")
    else:
        with pytest.raises(NotAllowed):
            seen_to(what, person)


def test_nothing_else_ends_a_console():
    with pytest.raises(UsageError, match="names, key, end"):
        seen_to("everything", Person(op="", login="", name="", roles=frozenset(Role)))


def test_a_person_is_compared_by_the_pseudonym_and_not_by_the_name():
    fields = {"seq": 3, "kind": "aftercare", "given": True, "op": "c1" * 16, "sess": SESSION, "alias": "a1" * 16}
    found = {"seq": 3, "fields": fields, "amendments": [], "over": True}
    person = Person(op="c2" * 16, login="c1" * 16, name="c1" * 16, roles=frozenset({Role.CLINICIAN}))
    assert offers(found, person)["amend"]["by_two"]
