import stat
import threading

import pytest

from meso_device.people.database import VAULT_NAME
from meso_device.people.lockout import PAUSES_US
from meso_device.people.office import Office, read_operators
from meso_device.people.pins import PEPPER_NAME
from meso_device.people.proofs import PROOF_US_MAX
from meso_device.people.refusals import LockedOut, NotAllowed, PeopleRefused, PinRefused
from meso_device.people.register import Purpose
from meso_device.people.roles import Role
from protocols.errors import InvariantError, UsageError
from tests.unit.people.clinic import CHEAP, PINS


def kinds(entries):
    return [entry.kind for entry in entries]


# --- enrolling --------------------------------------------------------------------------------------


@pytest.mark.invariant("I-62")
@pytest.mark.hazard("HZ-35")
def test_there_is_no_account_to_begin_with(people):
    assert people.register.operators() == ()
    for login in ("admin", "root", "meso", "ada"):
        with pytest.raises(PinRefused):
            people.register.check(login, "918273", people.now, purpose=Purpose.SIGN_IN)


@pytest.mark.hazard("HZ-35")
def test_the_first_operator_is_an_administrator_and_there_is_only_one_first(people):
    fields = {"name": "N", "pin": "918273", "now": people.now}
    with pytest.raises(UsageError, match="administrator"):
        people.register.enrol_first(login="cleo", roles={Role.CLINICIAN}, **fields)
    people.register.enrol_first(login="ada", roles={Role.ADMINISTRATOR, Role.CLINICIAN}, **fields)
    with pytest.raises(PeopleRefused, match="already"):
        people.register.enrol_first(login="eve", roles={Role.ADMINISTRATOR}, **fields)
    people.reopen()
    with pytest.raises(PeopleRefused, match="already"):
        people.register.enrol_first(login="eve", roles={Role.ADMINISTRATOR}, **fields)
    [enrolled] = people.owed()
    assert enrolled.kind == "operator.enrolled"
    assert enrolled.payload["first"] is True
    assert enrolled.payload["roles"] == ["clinician", "administrator"]
    assert enrolled.op == enrolled.payload["operator"]


@pytest.mark.invariant("I-62")
@pytest.mark.parametrize("login", ["cleo", "theo", "abel"])
def test_only_an_administrator_changes_the_register(people, login):
    people.enrol("ada", login)
    by = people.who[login]
    people.owed()
    fields = {"login": "eve", "name": "N", "roles": {Role.AUDITOR}, "pin": "918273", "now": people.now}
    for change in (
        lambda: people.register.enrol(**fields, by=by),
        lambda: people.register.disable("ada", by=by),
        lambda: people.register.set_roles(login, set(Role), by=by),
        lambda: people.register.set_pin("ada", "778812", by=by),
    ):
        with pytest.raises(NotAllowed):
            change()
    assert people.owed() == []
    assert {one.person for one in people.register.operators()} == set(people.who.values())


@pytest.mark.invariant("I-62")
def test_the_last_active_administrator_stays_one(people):
    ada, _, alma = people.enrol("ada", "cleo", "alma")
    people.register.disable("alma", by=alma)
    with pytest.raises(PeopleRefused, match="last active administrator"):
        people.register.disable("ada", by=ada)
    with pytest.raises(PeopleRefused, match="last active administrator"):
        people.register.set_roles("ada", {Role.CLINICIAN}, by=ada)
    people.register.set_roles("cleo", {Role.CLINICIAN, Role.ADMINISTRATOR}, by=ada)
    people.register.set_roles("ada", {Role.CLINICIAN}, by=ada)
    with pytest.raises(PeopleRefused, match="last active administrator"):
        people.register.disable("cleo", by=people.proof("cleo").person)


def test_a_change_of_roles_keeps_old_and_new_and_asking_twice_is_asking_once(people):
    ada, cleo = people.enrol("ada", "cleo")
    people.owed()
    for _ in range(2):
        people.register.set_roles("cleo", {Role.TECHNICIAN, Role.CLINICIAN}, by=ada)
    [changed] = people.owed()
    assert changed.payload == {
        "operator": cleo.op,
        "roles_old": ["clinician"],
        "roles_new": ["clinician", "technician"],
    }
    assert (changed.op, changed.role) == (ada.op, "administrator")


def test_somebody_who_was_disabled_is_let_in_no_more_and_the_name_is_free_for_another(people):
    ada, cleo = people.enrol("ada", "cleo")
    people.register.disable("cleo", by=ada)
    with pytest.raises(PinRefused):
        people.proof("cleo")
    again = people.register.enrol(
        login="cleo", name="Other", roles={Role.CLINICIAN}, pin=PINS["cleo"], now=people.now, by=ada
    )
    assert again.op != cleo.op
    assert people.proof("cleo").person == again
    assert [one.active for one in people.register.operators()] == [True, True, False]


@pytest.mark.parametrize("login", ["", "a", "1cleo", "cleo marx", "cléo", "a" * 33, "cleo\n2", "271828", "../x"])
def test_a_login_name_is_plain_and_never_looks_like_a_pin(people, login):
    [ada] = people.enrol("ada")
    with pytest.raises(UsageError, match="login name"):
        people.register.enrol(login=login, name="N", roles={Role.AUDITOR}, pin="918273", now=people.now, by=ada)


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "A\x00B", "A\x1b[2J"])
def test_a_name_is_printable(people, name):
    [ada] = people.enrol("ada")
    with pytest.raises(UsageError, match="name is refused"):
        people.register.enrol(login="cleo", name=name, roles={Role.AUDITOR}, pin="918273", now=people.now, by=ada)


def test_a_login_name_that_is_taken_in_any_case_is_refused(people):
    [ada] = people.enrol("ada")
    with pytest.raises(PeopleRefused, match="taken"):
        people.register.enrol(login=" ADA ", name="N", roles={Role.AUDITOR}, pin="918273", now=people.now, by=ada)


@pytest.mark.invariant("I-63")
@pytest.mark.hazard("HZ-41")
def test_no_record_holds_a_login_name_a_name_or_a_pin(people):
    ada, _ = people.enrol("ada", "cleo")
    people.proof("cleo", purpose=Purpose.SIGN_IN)
    with pytest.raises(PinRefused):
        people.proof("cleo", pin="550055")
    with pytest.raises(PinRefused):
        people.register.check("917263", "cleo", people.now, purpose=Purpose.SIGN_IN)
    people.register.set_pin("cleo", "778812", by=ada)
    people.register.sign_out(people.who["cleo"], "asked")
    people.register.disable("cleo", by=ada)
    text = repr(people.owed())
    for marker in ("cleo", "Person", "550055", "917263", "778812", *PINS.values()):
        assert marker not in text


# --- PINs and pauses --------------------------------------------------------------------------------


@pytest.mark.invariant("I-62")
@pytest.mark.hazard("HZ-35")
def test_a_wrong_pin_an_unknown_name_and_a_disabled_operator_get_one_answer(people):
    ada, _, _ = people.enrol("ada", "cleo", "carl")
    people.register.disable("carl", by=ada)
    said = set()
    for login, pin in (("cleo", "918274"), ("nobody", "918273"), ("carl", PINS["carl"]), ("cleo", ""), ("", "")):
        with pytest.raises(PinRefused) as refused:
            people.register.check(login, pin, people.now, purpose=Purpose.SIGN_IN)
        said.add(str(refused.value))
    assert said == {"name or PIN not accepted"}


def test_a_right_pin_clears_the_wrong_ones_before_it(people):
    people.enrol("ada")
    for _ in range(3):
        for _ in range(4):
            with pytest.raises(PinRefused):
                people.proof("ada", pin="550055")
        assert people.proof("ada").person.login == "ada"


@pytest.mark.invariant("I-62")
@pytest.mark.hazard("HZ-35")
def test_pauses_grow_outlast_restarts_and_clock_steps_and_keep_even_the_right_pin_waiting(people):
    people.enrol("ada")
    for _ in range(4):
        with pytest.raises(PinRefused):
            people.proof("ada", pin="550055")
    for pause_us in (*PAUSES_US, PAUSES_US[-1]):
        with pytest.raises(LockedOut) as locked:
            people.proof("ada", pin="550055")
        assert locked.value.remaining_us == pause_us
        people.reopen()
        people.later(seconds=0, wall_seconds=10**7)
        with pytest.raises(LockedOut):
            people.proof("ada")
        people.later(seconds=pause_us // 1_000_000 - 1, wall_seconds=-(10**7))
        with pytest.raises(LockedOut) as locked:
            people.proof("ada")
        assert locked.value.remaining_us == 1_000_000
        people.later(seconds=1)
    assert people.proof("ada").person.login == "ada"
    assert people.register.operators()[0].lockout.failures == 0


def test_after_a_reboot_the_whole_pause_is_waited_for_again_and_then_it_is_over(people):
    people.enrol("ada")
    for _ in range(5):
        with pytest.raises(PinRefused):
            people.proof("ada", pin="550055")
    people.later(seconds=10**4, boot="boot-2")
    with pytest.raises(LockedOut) as locked:
        people.proof("ada")
    assert locked.value.remaining_us == PAUSES_US[0]
    people.later(seconds=60)
    people.proof("ada")


def test_one_operators_pause_is_no_other_operators(people):
    people.enrol("ada", "cleo")
    for _ in range(5):
        with pytest.raises(PinRefused):
            people.proof("cleo", pin="550055")
    assert people.proof("ada").person.login == "ada"


def test_an_administrator_ends_a_pause_with_a_new_pin(people):
    ada, _ = people.enrol("ada", "cleo")
    for _ in range(5):
        with pytest.raises(PinRefused):
            people.proof("cleo", pin="550055")
    people.register.set_pin("cleo", "778812", by=ada)
    assert people.proof("cleo", pin="778812").person.login == "cleo"
    with pytest.raises(PinRefused):
        people.proof("cleo")


def test_the_fifth_wrong_pin_records_the_failure_and_the_pause(people):
    ada, *_ = people.enrol("ada")
    people.owed()
    for _ in range(5):
        with pytest.raises(PinRefused):
            people.proof("ada", pin="550055")
    with pytest.raises(LockedOut):
        people.proof("ada")
    entries = people.owed()
    assert kinds(entries) == ["login.failed"] * 5 + ["lockout"]
    assert entries[-1].payload["operator"] == ada.op
    assert entries[-1].payload["pause_s"] == 60
    assert [entry.payload["failures"] for entry in entries[:5]] == [1, 2, 3, 4, 5]
    assert all(entry.op == "system" for entry in entries)


@pytest.mark.hazard("HZ-35")
def test_a_program_that_is_ended_while_it_looks_at_a_pin_has_used_up_the_try(people, monkeypatch):
    people.enrol("ada")

    class Killed(BaseException):
        pass

    def killed(*_):
        raise Killed

    with monkeypatch.context() as dying:
        dying.setattr(people.register._hasher, "fits", killed)
        for _ in range(5):
            with pytest.raises(Killed):
                people.proof("ada", pin="550055")
    people.reopen()
    with pytest.raises(LockedOut):
        people.proof("ada")


@pytest.mark.hazard("HZ-35")
def test_tries_side_by_side_are_not_more_tries(people):
    people.enrol("ada")
    looked_at = []

    def guess(office, first):
        for number in range(first, first + 10):
            try:
                office.register.check("ada", f"55{number:04}", people.now, purpose=Purpose.SIGN_IN)
            except LockedOut:
                continue
            except PinRefused:
                looked_at.append(number)

    # A connection belongs to its thread, so each opens its own.
    def work(index):
        with Office.open(people.home, cost=CHEAP) as office:
            guess(office, index * 10)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    failed = [entry for entry in people.owed() if entry.kind == "login.failed"]
    assert len(failed) == 5
    assert len(looked_at) <= 5
    assert people.register.operators()[0].lockout.failures == 5


def test_somebody_disabled_while_the_pin_is_looked_at_is_not_let_in(people, monkeypatch):
    ada, _ = people.enrol("ada", "cleo")
    hasher = people.register._hasher
    fits = hasher.fits

    def disabled_meanwhile(*arguments):
        right = fits(*arguments)
        people.register.disable("cleo", by=ada)
        return right

    monkeypatch.setattr(hasher, "fits", disabled_meanwhile)
    with pytest.raises(PinRefused):
        people.proof("cleo")


def test_a_proof_is_good_once_for_a_minute_and_on_its_boot(people):
    people.enrol("ada")
    proof = people.proof("ada")
    assert proof.spend(people.now).login == "ada"
    with pytest.raises(InvariantError):
        proof.spend(people.now)
    old = people.proof("ada")
    people.later(seconds=PROOF_US_MAX // 1_000_000 + 1)
    with pytest.raises(PinRefused, match="too long ago"):
        old.spend(people.now)
    rebooted = people.proof("ada")
    people.later(boot="boot-2")
    with pytest.raises(PinRefused, match="too long ago"):
        rebooted.spend(people.now)


def test_ones_own_pin_can_be_changed_but_not_into_the_old_one(people):
    _, cleo = people.enrol("ada", "cleo")
    people.owed()
    with pytest.raises(UsageError, match="old one"):
        people.register.set_pin("cleo", PINS["cleo"], by=cleo)
    people.register.set_pin("cleo", "778812", by=cleo)
    [changed] = people.owed()
    assert changed.payload == {"operator": cleo.op, "own": True}
    assert people.proof("cleo", pin="778812").person == cleo


def test_signing_in_is_recorded_with_its_purpose_and_a_signature_by_its_own_record_alone(people):
    ada, *_ = people.enrol("ada")
    people.owed()
    people.proof("ada", purpose=Purpose.SIGNATURE)
    assert people.owed() == []
    people.proof("ada", purpose=Purpose.SIGN_IN)
    people.register.sign_out(ada, "idle")
    signed_in, signed_out = people.owed()
    assert (signed_in.kind, signed_in.op, signed_in.payload) == ("login", ada.op, {"purpose": "sign_in"})
    assert (signed_out.kind, signed_out.op, signed_out.payload) == ("logout", ada.op, {"cause": "idle"})


# --- files ------------------------------------------------------------------------------------------


def test_files_are_for_their_owner_alone_and_the_vault_is_refused_when_they_are_not(people):
    people.enrol("ada")
    for name in (VAULT_NAME, PEPPER_NAME):
        assert stat.S_IMODE((people.home / name).stat().st_mode) == 0o600
    (people.home / VAULT_NAME).chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        Office.open(people.home, cost=CHEAP)


def test_operators_without_their_pepper_are_refused(people):
    people.enrol("ada")
    (people.home / PEPPER_NAME).unlink()
    with pytest.raises(UsageError, match="restore it from a backup"):
        people.reopen()
    assert not (people.home / PEPPER_NAME).exists()


def test_reading_the_register_asks_for_no_pin_and_writes_nothing(people, tmp_path):
    people.enrol("ada")
    people.office.close()
    before = (people.home / VAULT_NAME).read_bytes()
    assert [one.person.login for one in read_operators(people.home)] == ["ada"]
    assert (people.home / VAULT_NAME).read_bytes() == before
    empty = tmp_path / "empty"
    empty.mkdir()
    assert read_operators(empty) == ()
    assert list(empty.iterdir()) == []


def test_a_file_of_another_program_is_refused(tmp_path):
    import sqlite3

    other = sqlite3.connect(tmp_path / VAULT_NAME)
    other.execute("CREATE TABLE x(y)")
    other.close()
    (tmp_path / VAULT_NAME).chmod(0o600)
    with pytest.raises(UsageError, match="not a vault"):
        Office.open(tmp_path, cost=CHEAP)
