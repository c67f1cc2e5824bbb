"""``meso people`` and ``meso patient``, with PINs and names where they belong."""

import json
import os
import pty
import select
import subprocess
import sys
import time
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import pytest

from meso_device.audit.store import Store
from meso_device.host.home import Home, HomeLock
from meso_device.host.stopper import Stopper
from meso_device.people.lockout import Moment
from meso_device.people.office import Office
from meso_device.people.refusals import PinRefused
from meso_device.people.register import Purpose
from meso_device.people.subject import PatientRef, Sex
from tests.fuzz.commands import Runner
from tests.unit.audit.clinic import Clinic, commit, stamp
from tests.unit.people.clinic import CHEAP, PINS, REF, ROLES
from tests.unit.people.test_vault import NOTE, traces

FORM = f'name = "{REF.name}"\nborn = "{REF.born}"\nchart = "{REF.chart}"\nsex = "female"\nallergies = ["latex"]\n'
WAIT_S = 30


@dataclass(frozen=True)
class Place:
    """A data directory of a test, and the commands that work in it."""

    root: Path
    files: Path

    def meso(self, *words, say=""):
        """Run one command without a terminal; what it is told on standard input is ``say``."""
        ran = Runner(self.root).run(*words, "--home", str(self.root), say=say)
        return subprocess.CompletedProcess(words, ran.status, ran.out, ran.err)

    def process(self, *words, say=""):
        """The same in a process of its own."""
        return subprocess.run(
            [sys.executable, "-m", "meso_device", *words, "--home", self.root],
            input=say,
            capture_output=True,
            text=True,
            timeout=WAIT_S,
            check=False,
            start_new_session=True,
        )

    def pins(self, *logins):
        """Return a file with the PINs of these, in order."""
        path = self.files / "-".join(logins)
        path.write_text("".join(f"{PINS[login]}\n" for login in logins))
        path.chmod(0o600)
        return str(path)

    def enrol(self, *logins):
        """Enrol without processes, at a cost that tests can bear; return the people by login name."""
        self.root.mkdir(mode=0o700, exist_ok=True)
        who = {}
        with Office.open(self.root, cost=CHEAP) as office:
            for login in logins:
                fields = {"login": login, "name": login, "roles": {ROLES[login]}, "pin": PINS[login], "now": now()}
                if who:
                    who[login] = office.register.enrol(**fields, by=who["ada"])
                else:
                    who[login] = office.register.enrol_first(**fields)
        return who

    def patient(self, by, ref=REF):
        with Office.open(self.root, cost=CHEAP) as office:
            return office.vault.enrol(ref, sex=Sex.FEMALE, allergies=("hyaluronidase",), by=by, now=now())

    def records(self, *kinds):
        """Return the bodies of all records of these kinds, in order."""
        import apsw

        db = apsw.Connection(str(self.root / "audit.db"), flags=apsw.SQLITE_OPEN_READONLY)
        rows = db.execute("SELECT body FROM record ORDER BY seq").fetchall()
        db.close()
        bodies = [json.loads(body) for (body,) in rows]
        return [body for body in bodies if body["kind"] in kinds]


def now():
    from meso_device.host.clock import Clock, read_host_boot

    instant = Clock().now()
    return Moment(boot=read_host_boot(), mono_us=instant.mono_us, utc_us=instant.utc_us)


@pytest.fixture
def place(tmp_path):
    files = tmp_path / "files"
    files.mkdir()
    return Place(tmp_path / "home", files)


def refused(process, status, *words):
    assert process.returncode == status, (process.stdout, process.stderr)
    assert len(process.stderr.splitlines()) == 1
    assert process.stderr.startswith("meso: ")
    assert "Traceback" not in process.stderr
    for word in words:
        assert word in process.stderr
    return True


def done(process):
    assert process.returncode == 0, (process.stdout, process.stderr)
    return process


# --- people -----------------------------------------------------------------------------------------


@pytest.mark.invariant("I-62")
@pytest.mark.hazard("HZ-35")
def test_from_an_empty_directory_the_first_person_is_an_administrator_who_enrols_the_others(place):
    assert refused(place.process("patient", "list", "--as", "ada"), 1, "nobody is enrolled", "meso people add")
    assert not place.root.exists()
    assert refused(place.process("people", "add", "ada", "--role", "administrator"), 2, "no terminal", "--pin-file")
    ada = place.pins("ada")
    assert refused(place.process("people", "add", "ada", "--role", "clinician", "--pin-file", ada), 2, "administrator")
    add = ("people", "add", "ada", "--role", "administrator", "--json", "--pin-file", "-")
    assert refused(place.process(*add, say="123456\n"), 2, "equal steps")
    first = json.loads(done(place.process(*add, say=f"{PINS['ada']}\n")).stdout)
    assert first["first"] is True

    cleo = ("people", "add", "cleo", "--role", "clinician", "--as", "ada", "--pin-file")
    assert refused(place.process(*cleo, ada), 2, "no further line for New PIN of cleo")
    done(place.process(*cleo, place.pins("ada", "cleo")))
    rows = json.loads(done(place.process("people", "list", "--json")).stdout)["operators"]
    assert [(row["login"], row["roles"], row["active"]) for row in rows] == [
        ("ada", ["administrator"], True),
        ("cleo", ["clinician"], True),
    ]
    enrolled = place.records("operator.enrolled")
    assert [body["op"] for body in enrolled] == [first["op"], first["op"]]
    assert done(place.process("audit", "verify")).stdout.startswith("verified")


@pytest.mark.invariant("I-62")
def test_a_clinician_enrols_nobody_and_the_last_administrator_stays(place):
    place.enrol("ada", "cleo")
    both = place.pins("cleo", "theo")
    assert refused(
        place.meso("people", "add", "theo", "--role", "technician", "--as", "cleo", "--pin-file", both), 1, "may not"
    )
    last = ("people", "disable", "ada", "--as", "ada", "--pin-file", place.pins("ada"))
    assert refused(place.meso(*last), 1, "last active administrator")
    done(
        place.meso("people", "role", "cleo", "--role", "administrator", "--as", "ada", "--pin-file", place.pins("ada"))
    )
    done(place.meso(*last))
    assert refused(place.meso(*last), 1, "not accepted")
    assert [body["kind"] for body in place.records("operator.role_changed", "operator.disabled")] == [
        "operator.role_changed",
        "operator.disabled",
    ]


@pytest.mark.invariant("I-62")
@pytest.mark.hazard("HZ-35")
def test_a_pause_holds_over_processes_and_keeps_nobody_from_stopping_or_reading(place):
    place.enrol("ada", "cleo")
    with Office.open(place.root, cost=CHEAP) as office:
        for _ in range(4):
            with pytest.raises(PinRefused):
                office.register.check("cleo", "550055", now(), purpose=Purpose.COMMAND)
    look = ("patient", "list", "--as", "cleo", "--pin-file")
    assert refused(place.process(*look, "-", say="550055\n"), 1, "after 5 wrong PINs", "1 min", "STOP")
    assert refused(place.process(*look, place.pins("cleo")), 1, "no PIN of cleo is looked at", "STOP")
    assert [body["pause_s"] for body in place.records("lockout")] == [60]
    assert len(place.records("login.failed")) == 5

    assert "5 wrong PINs" in done(place.process("people", "list")).stdout
    assert done(place.process("audit", "verify")).returncode == 0
    stopper = Stopper(Home(place.root))
    process = subprocess.Popen(
        [sys.executable, "-m", "meso_device", "stop", "--home", place.root],
        stdout=subprocess.PIPE,
        start_new_session=True,
    )
    commands, end = [], time.monotonic() + WAIT_S
    while process.poll() is None and time.monotonic() < end:
        readable, writable, _ = select.select(stopper.reads(), stopper.writes(), [], 0.02)
        commands += stopper.ready(frozenset(readable), frozenset(writable), None)
    output, _ = process.communicate(timeout=WAIT_S)
    stopper.close()
    assert process.returncode == 0
    assert output.startswith(b"STOP sent")
    assert len(commands) == 1

    done(place.process("people", "pin", "cleo", "--as", "ada", "--pin-file", place.pins("ada", "carl")))
    done(place.process(*look, place.pins("carl")))


def on_terminal(place, words, answers):
    """Run a command on a terminal of its own; each answer goes out when the last line asks for it."""
    pid, terminal = pty.fork()
    if pid == 0:
        command = [sys.executable, "-m", "meso_device", *words, "--home", str(place.root)]
        os.execv(sys.executable, command)  # noqa: S606  # the child of a pseudo-terminal
    seen, left = b"", list(answers)
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        readable, _, _ = select.select([terminal], [], [], 0.05)
        if readable:
            try:
                seen += os.read(terminal, 1_024)
            except OSError:
                break
        # An answer goes out once its question stands there with the echo settled: getpass flushes what came early.
        if left and seen.rstrip(b" ").endswith(b":") and left[0][0] in seen.splitlines()[-1]:
            os.write(terminal, left.pop(0)[1].encode() + b"\n")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(status) == 0, seen
    assert left == []
    return seen


@pytest.mark.hazard("HZ-41")
def test_on_a_terminal_pins_are_asked_twice_and_never_shown(place):
    answers = [(b"to show", "Ada Lovelace"), (b"6 to 12 digits", PINS["ada"]), (b"once more", PINS["ada"])]
    seen = on_terminal(place, ("people", "add", "ada", "--role", "administrator"), answers)
    assert PINS["ada"].encode() not in seen
    assert b"Ada Lovelace" in seen
    [row] = json.loads(done(place.meso("people", "list", "--json")).stdout)["operators"]
    assert row["name"] == "Ada Lovelace"


def test_on_a_terminal_what_is_refused_is_asked_again_at_once_and_nothing_else_is(place):
    place.enrol("ada", "cleo")
    answers = [
        *((b"PIN of cleo", PINS["cleo"]), (b"Name", ""), (b"Name", "Ann Onymous"), (b"Birth date", "2.3.1980")),
        *((b"Birth date", "1980-03-02"), (b"Chart", "K-17"), (b"Sex", "woman"), (b"Sex", "female"), (b"Allergies", "")),
    ]
    seen = on_terminal(place, ("patient", "add", "--as", "cleo"), answers).decode()
    for once in ("this birth date is refused", "this sex is refused"):
        assert seen.count(once) == 1
    assert "enrolled" in seen


def test_a_pin_file_that_others_can_read_is_refused(place):
    place.enrol("ada")
    path = place.pins("ada")
    Path(path).chmod(0o644)
    assert refused(place.meso("patient", "list", "--as", "ada", "--pin-file", path), 2, "chmod 600")


# --- patients ---------------------------------------------------------------------------------------


@pytest.mark.invariant("I-63")
@pytest.mark.hazard("HZ-41")
def test_a_patient_is_enrolled_shown_and_erased_and_no_byte_remains(place):
    place.enrol("ada", "cleo", "theo")
    cleo = ("--as", "cleo", "--pin-file", place.pins("cleo"))
    add = ("patient", "add", "--from", "-")
    assert refused(place.meso(*add, "--as", "theo", "--pin-file", place.pins("theo"), say=FORM), 1, "may not")
    alias = json.loads(done(place.meso(*add, "--json", *cleo, say=FORM)).stdout)["alias"]
    assert refused(
        place.meso(
            *add,
            *cleo,
            say=json.dumps(
                {"name": "X", "born": "1990-01-01", "chart": REF.chart.lower(), "sex": "male", "allergies": []}
            ),
        ),
        1,
        "taken",
    )
    assert refused(place.meso("patient", "show", "Quendolin", *cleo), 2, "out of the command line")

    page = json.loads(done(place.meso("patient", "show", "-", *cleo, "--json", say="zoe markovic\n")).stdout)
    assert (page["alias"], page["name"], page["born"], page["chart"]) == (alias, REF.name, REF.born, REF.chart)
    assert REF.name in done(place.meso("patient", "list", *cleo)).stdout
    assert [body["aliases"] for body in place.records("disclosure")] == [[alias], [alias]]
    assert {name for name, _ in traces(place.root)} == {"vault.db"}

    erase = ("patient", "erase", alias[:8], "--as", "ada", "--with", "cleo", "--basis", "subject_request")
    both = ("--pin-file", place.pins("ada", "cleo"))
    assert refused(place.meso(*erase, *both), 2, "--yes")
    alone = ("patient", "erase", alias[:8], "--as", "ada", "--with", "ada", "--basis", "subject_request", "--yes")
    assert refused(place.meso(*alone, "--pin-file", place.pins("ada", "ada")), 1, "two different people")
    assert traces(place.root) != []
    done(place.meso(*erase, *both, "--yes"))
    assert traces(place.root) == []
    assert done(place.meso("audit", "verify")).stdout.startswith("verified")
    assert traces(place.root) == []

    [erased] = place.records("subject.erased")
    signs = place.records("sign")
    assert [(sign["op"], sign["target_seq"], sign["meaning"]) for sign in signs] == [
        (erased["op"], erased["seq"], "performed"),
        (erased["second_op"], erased["seq"], "authorised"),
    ]
    # The record after the erased one links to its leaf; the signatures are bound to the same.
    assert {sign["target_leaf"] for sign in signs} == {signs[0]["prev"]}


@pytest.mark.hazard("HZ-16")
@pytest.mark.hazard("HZ-56")
def test_a_reaction_weeks_later_is_tied_to_shots_lots_and_gun_of_its_session(place):
    who = place.enrol("ada", "cleo")
    patient, other = (
        place.patient(who["cleo"]),
        place.patient(who["cleo"], PatientRef(name="O", born="1990-01-01", chart="1")),
    )
    clinic = Clinic(alias=patient.alias)
    store = Store.open(place.root, software="0.1.0", stamp=stamp())
    commit(store, clinic.link_up(), clinic.opened())
    store.commit([clinic.grant()], stamp())
    commit(store, *(clinic.shot() for _ in range(4)))
    clinic.area_code, clinic.lot = 4, "L2"
    store.commit([clinic.grant()], stamp())
    commit(store, *(clinic.shot() for _ in range(3)))
    store.close(stamp())
    cleo = ("--as", "cleo", "--pin-file", place.pins("cleo"))
    erase = ("patient", "erase", patient.alias, "--as", "ada", "--with", "cleo", "--basis", "subject_request", "--yes")
    assert refused(place.meso(*erase, "--pin-file", place.pins("ada", "cleo")), 1, "open session")

    event = ("patient", "event", patient.alias, "--code", "infection", "--severity", "severe", "--onset-day", "45")
    text = place.files / "text"
    text.write_text(NOTE)
    told = json.loads(done(place.meso(*event, *cleo, "--json", "--text-file", str(text))).stdout)
    assert told["lots"] == [{"product": "HA mix", "lot": "L1"}, {"product": "HA mix", "lot": "L2"}]
    assert len(told["areas"]) == 2
    assert told["gun_uids"] == [clinic.gun.gun_uid]
    narrow = json.loads(done(place.meso(*event, *cleo, "--json", "--shot", "6-7")).stdout)
    assert narrow["lots"] == [{"product": "HA mix", "lot": "L2"}]
    assert narrow["areas"] == told["areas"][1:]
    assert narrow["shot_seqs"] == [6, 7]

    assert refused(place.meso(*event, *cleo, "--shot", "7-8"), 1, "not all of these shots")
    assert refused(place.meso(*event, *cleo, "--area", "nowhere"), 2, "not in the catalogue")
    assert refused(place.meso("patient", "event", other.alias, *event[3:], *cleo), 1, "no session of this patient")
    one, two = place.records("adverse_event")
    assert (one["sess"], one["alias"], one["code"], one["onset_day"]) == (
        clinic.session,
        patient.alias,
        "infection",
        45,
    )
    assert len(one["text"]) == 64
    assert "text" not in two
    assert [name for name, marker in traces(place.root, [NOTE, "itching"])] == ["vault.db"] * 2
    page = json.loads(done(place.meso("patient", "show", patient.alias, *cleo, "--json")).stdout)
    assert [note["text"] for note in page["notes"]] == [NOTE]
    assert [row["id"] for row in page["sessions"]] == [clinic.session]


def test_while_another_process_has_the_log_names_can_be_looked_up_and_the_record_follows(place):
    who = place.enrol("ada", "cleo")
    patient = place.patient(who["cleo"])
    show = ("patient", "show", patient.alias, "--as", "cleo", "--pin-file", place.pins("cleo"))
    with HomeLock.take(Home(place.root), purpose="meso session run"):
        process = done(place.process(*show))
        assert "meso session run" in process.stderr
        assert not (place.root / "audit.db").exists()
    done(place.process(*show))
    assert [body["kind"] for body in place.records("login", "disclosure")] == ["login", "disclosure"] * 2
    assert len(place.records("patient.enrolled")) == 1


@pytest.mark.hazard("HZ-41")
@pytest.mark.parametrize(
    ("form", "words"),
    [
        (FORM.replace("latex", "la\ntex"), "line 5"),
        (FORM.replace("name =", "Quendolin ="), "1 unknown keys"),
        (FORM.replace('allergies = ["latex"]', ""), "write [] if none"),
        (FORM.replace('"female"', "1"), "sex has to be a text"),
        (FORM.replace("female", "Quendolin"), "one of female, male"),
        (FORM.replace("1979-11-05", "05.11.1979"), "YYYY-MM-DD"),
        (FORM + 'name = "Quendolin"\n', "line"),
        ('{"name": "Quendolin", "name": "Quendolin"}', "twice"),
        ('{"name": Quendolin}', "line 1, column 10"),
        ("[" * 50_000, "line"),
        ("x" * 70_000, "longer than 64 KiB"),
        ("\udcff", "not UTF-8"),
    ],
)
def test_a_document_that_is_refused_is_never_repeated(form, words, tmp_path):
    from meso_device.cli.patient_form import read_form
    from protocols.errors import UsageError

    path = tmp_path / "form"
    path.write_bytes(form.encode("utf-8", "surrogateescape"))
    with pytest.raises(UsageError) as refusal:
        read_form(str(path)).checked(now())
    said = str(refusal.value)
    assert words in said
    for marker in ("Quendolin", "latex", "1979", "QX"):
        assert marker not in said


def test_a_document_in_json_and_in_toml_says_the_same(tmp_path):
    import tomllib

    from meso_device.cli.patient_form import read_form

    toml, as_json = tmp_path / "toml", tmp_path / "json"
    toml.write_text(FORM)
    as_json.write_text(json.dumps(tomllib.loads(FORM)))
    form = read_form(str(toml))
    assert form == read_form(str(as_json))
    assert form.checked(now()) == (REF, Sex.FEMALE, ("latex",))
    assert unicodedata.is_normalized("NFC", form.checked(now())[0].name)
