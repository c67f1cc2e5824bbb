"""``meso calibration`` where runs are recorded: certificates once per content, due lists, whom a check touches."""

import hashlib
import json

import pytest
from msgspec.structs import replace

from meso_device.audit.calibration_facts import calibrations_of
from meso_device.audit.canonical import decode
from meso_device.audit.reader import reading
from meso_device.audit.retirement import retired_entry
from meso_device.audit.store import Store
from meso_device.cli.main import run
from meso_device.host.bench_file import parse_bench
from meso_device.host.home import open_home
from meso_device.records.limits import OWN, refuse_unreleased
from protocols.errors import UsageError
from tests.unit.audit.clinic import GUN, Clinic, commit, stamp
from tests.unit.documents.bench_runs import RUN
from tests.unit.records.test_calibration_state import calibrate, treat


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A data directory with a session, and a run that found the gun off and left it good."""
    root = tmp_path / "home"
    place = open_home(root)
    store = Store.open(place.root, software="0.1.0", stamp=stamp())
    clinic = Clinic()
    commit(store, clinic.link_up())
    treat(store, clinic, "11" * 16, "a1" * 16, 4)
    calibrate(store, RUN, gun=replace(GUN, boot_id=4))
    store.close(stamp())
    monkeypatch.setenv("MESO_HOME", str(root))
    monkeypatch.chdir(tmp_path)
    return root


def told(capsys, *words):
    """Run a command to its good end and return the JSON document that it printed."""
    assert run(["calibration", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out.splitlines()[-1])


def issued(home):
    with reading(home) as db:
        return [decode(body) for (body,) in db.execute("SELECT body FROM record WHERE kind = 'report.issued'")]


def test_a_certificate_is_issued_once_for_each_content_and_its_json_is_what_the_log_has(home, tmp_path, capsys):
    first = told(capsys, "certificate", RUN[:8], "--out", "one.pdf", "--laboratory", "Bench")
    again = told(capsys, "certificate", RUN, "--out", "two.pdf", "--laboratory", "Bench")
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()
    assert first["number"] == again["number"] == f"CC-{RUN[:8]}-1"
    content = (tmp_path / "one.json").read_bytes()
    assert hashlib.sha256(content).hexdigest() == first["certificate_sha256"]
    [record] = issued(home)
    assert record["certificate_sha256"] == first["certificate_sha256"]
    assert record["simulated"] is True
    assert {file["form"] for file in record["files"]} == {"pdf", "json"}
    other = told(capsys, "certificate", RUN, "--out", "three.html", "--laboratory", "Another bench")
    assert other["number"] == f"CC-{RUN[:8]}-2"
    assert other["replaces"] == f"CC-{RUN[:8]}-1, SHA-256 {first['certificate_sha256']}"
    same = told(capsys, "certificate", RUN, "--out", "four.json", "--laboratory", "Bench")
    assert (same["number"], same["replaces"]) == (first["number"], "")
    assert (tmp_path / "four.json").read_bytes() == content


@pytest.mark.hazard("HZ-25")
def test_on_a_retired_console_a_certificate_is_written_again_and_none_is_numbered_anew(home, tmp_path, capfd):
    first = told(capfd, "certificate", RUN, "--out", "one.pdf", "--laboratory", "Bench")
    store = Store.open(home, software="0.1.0", stamp=stamp(10**9))
    commit(store, retired_entry(1, op="a", role="administrator"))
    store.close(stamp(10**9))
    again = told(capfd, "certificate", RUN, "--out", "two.pdf", "--laboratory", "Bench")
    assert again["number"] == first["number"]
    assert (tmp_path / "one.pdf").read_bytes() == (tmp_path / "two.pdf").read_bytes()
    assert run(["calibration", "certificate", RUN, "--out", "three.pdf", "--laboratory", "Another bench"]) == 1
    assert "retired" in capfd.readouterr().err
    assert not (tmp_path / "three.pdf").exists()
    assert len(issued(home)) == 1


@pytest.mark.usefixtures("home")
def test_list_show_due_and_affected_say_the_same_as_text_and_as_json(capsys):
    [row] = told(capsys, "list")["runs"]
    assert (row["run"], row["as_found"], row["as_left"], row["signed"]) == (RUN, "fail", "pass", True)
    assert len(told(capsys, "show", RUN[:6])["records"]) == 73
    [due] = told(capsys, "due")["due"]
    assert (due["run"], due["interval_days"], due["after_pass_days"]) == (RUN, 365, 456)
    touched = told(capsys, "affected", RUN)
    assert (touched["patients"], touched["shots"], touched["since"], touched["signed"]) == (1, 4, "", False)
    for words, says in (
        (("list",), "as found fail"),
        (("show", RUN), "0.01 mL: error"),
        (("due",), "456 after a pass"),
        (("affected", RUN), "patients 1, sessions 1, injections 4"),
    ):
        assert run(["calibration", *words]) == 0
        assert says in capsys.readouterr().out


def test_the_state_of_calibration_is_written_with_the_drift_as_found(home, tmp_path, capsys):
    store = Store.open(open_home(home).root, software="0.1.0", stamp=stamp())
    for no, gain_ppm in enumerate((2_000, 4_000, 6_000)):
        calibrate(store, f"{no + 1:032x}", gain_ppm=gain_ppm, issued_day=20_500 + 100 * no, adjusted=False)
    store.close(stamp())
    told(capsys, "due", "--out", "state.pdf")
    told(capsys, "due", "--out", "state.html")
    page = (tmp_path / "state.html").read_text(encoding="utf-8")
    for said in ("+2.10 %, fail", "+0.60 %", "no alarm", "if it goes on since", "SIMULATED", "limit"):
        assert said in page
    assert [record["document"] for record in issued(home)] == ["calibration_state"] * 2


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("certificate", "ffff", "--out", "x.pdf"), "no run begins with"),
        (("certificate", RUN, "--out", "x.txt"), ".json"),
        (("certificate", RUN, "--out", "x.pdf", "--received", "4.1.2026"), "YYYY-MM-DD"),
        (("certificate", RUN, "--out", "x.pdf", "--laboratory", "a\x1b[2J"), "printable"),
        (("show", ""), "meso calibration list"),
        (("affected",), "name a run"),
        (("limits", "none.toml"), "none.toml"),
        (("affected", RUN, "--balance", "B-1711"), "name a run"),
        (("affected", "--balance", "B-1711", "--gauge", "G-1"), "one reference"),
        (("recall", "--balance", "B-9", "--reason", "dropped"), "no signed run here"),
        (("recall", "--balance", "B-1711", "--reason", "dropped", "--error", "8 g"), "ppm"),
        (("recall", "--balance", "B-1711", "--reason", "dropped", "--since", "4.1.2026"), "YYYY-MM-DD"),
    ],
)
@pytest.mark.usefixtures("home")
def test_what_cannot_be_is_refused_in_one_line(capfd, tmp_path, words, says):
    assert run(["calibration", *words]) == 2
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert says in lines[0]
    assert not list(tmp_path.glob("x*"))


@pytest.mark.hazard("HZ-20")
def test_limits_are_in_force_once_two_people_have_released_them(home, tmp_path, capfd):
    pins = sign_in(
        tmp_path,
        ("ada", "administrator", "482615"),
        ("cleo", "clinician", "739154"),
        ("tom", "technician", "615948"),
    )
    (tmp_path / "own.toml").write_text("")
    (tmp_path / "loose.toml").write_text("[limits]\nmean_permille = 40\n")
    loose = parse_bench(b"[limits]\nmean_permille = 40\n", "loose.toml").bench_limits

    def refused(asked):
        with reading(home) as db:
            try:
                refuse_unreleased(db, asked)
            except UsageError as error:
                return str(error)
        return ""

    assert told(capfd, "limits", "own.toml")["in_force"] is True
    assert told(capfd, "limits", "loose.toml")["in_force"] is False
    assert "LIMITS_NOT_RELEASED" in refused(loose)
    release = ("limits", "loose.toml", "--release", "--reason", "coarse_gun", "--pin-file", str(pins))
    # A technician may not, and an administrator alone or with a technician neither.
    for first, second, lines in (("tom", "cleo", "615948\n739154\n"), ("ada", "tom", "482615\n615948\n")):
        pins.write_text(lines)
        assert run(["calibration", *release, "--as", first, "--second", second]) == 1
        assert "LIMITS_NOT_RELEASED" in refused(loose)
    pins.write_text("482615\n739154\n")
    assert told(capfd, *release, "--as", "ada", "--second", "cleo")["in_force"] is True
    assert refused(loose) == ""
    # The newest release holds, not the program's own limits beside it.
    assert "LIMITS_NOT_RELEASED" in refused(OWN)
    assert run(["calibration", "limits", "own.toml"]) == 0
    assert "NOT RELEASED" in capfd.readouterr().out
    assert run(["audit", "verify"]) == 0


def open_impacts(home):
    with reading(home) as db:
        return [one.impact_open for one in calibrations_of(db, GUN.gun_uid)]


def sign_in(tmp_path, *operators):
    """Enrol people with their first PINs, the first one as administrator; return the file to put PINs in."""
    pins = tmp_path / "pins"
    pins.touch(0o600)
    first = operators[0][0]
    for login, role, pin in operators:
        others = [] if login == first else ["--as", first]
        pins.write_text(f"{pin}\n" if not others else f"{operators[0][2]}\n{pin}\n")
        assert run(["people", "add", login, "--role", role, *others, "--pin-file", str(pins)]) == 0
    return pins


@pytest.mark.hazard("HZ-20")
def test_a_balance_is_recalled_by_a_technician_and_looked_at_by_a_clinician(home, tmp_path, capfd):
    store = Store.open(open_home(home).root, software="0.1.0", stamp=stamp())
    [(chain_hash8,)] = store._db.execute("SELECT chain_hash8 FROM gun").fetchall()
    clinic = Clinic(shot_seq=4, grant_no=1, prev=bytes.fromhex(chain_hash8))
    treat(store, clinic, "12" * 16, "a1" * 16, 3)
    store.close(stamp())
    pins = sign_in(
        tmp_path,
        ("ada", "administrator", "482615"),
        ("cleo", "clinician", "739154"),
        ("tom", "technician", "615948"),
    )

    def recalls():
        with reading(home) as db:
            [one] = calibrations_of(db, GUN.gun_uid)
        return one.recalled, one.recall_unseen

    assert told(capfd, "affected", "--balance", "B-1711")["recalled"] is False
    by_cleo = ("--sign", "--as", "cleo", "--pin-file", str(pins))
    pins.write_text("739154\n")
    assert run(["calibration", "affected", "--balance", "B-1711", *by_cleo]) == 2
    assert "meso calibration recall" in capfd.readouterr().err
    pins.write_text("615948\n")
    wrong = ("--error", "+8000 ppm", "--reason", "weights_wrong", "--as", "tom", "--pin-file", str(pins))
    found = told(capfd, "recall", "--balance", "B-1711", *wrong)
    assert (found["guns"], found["patients"], found["sessions"], found["shots"]) == (1, 1, 1, 3)
    low, high = found["runs"][0]["error_ppm"]
    assert low < 300 - 8_000 < high
    assert recalls()[1] == "--balance B-1711"
    assert told(capfd, "due")["due"][0]["state"] == "recalled"
    assert run(["calibration", "affected", "--balance", "B-1711"]) == 0
    assert "its readings were off by +8000 to +8000 ppm" in capfd.readouterr().out
    pins.write_text("739154\n")
    assert told(capfd, "affected", "--balance", "B-1711", *by_cleo)["signed"] is True
    assert recalls() == ("balance B-1711 (certificate D-K-15050 2025-118)", "")
    assert run(["audit", "verify"]) == 0


@pytest.mark.hazard("HZ-20")
def test_a_gun_found_off_stays_locked_until_a_clinician_has_signed_whom_it_touches(home, tmp_path, capsys):
    pins = sign_in(
        tmp_path,
        ("ada", "administrator", "482615"),
        ("cleo", "clinician", "739154"),
        ("tom", "technician", "615948"),
    )
    assert open_impacts(home) == [True]
    pins.write_text("615948\n")
    assert run(["calibration", "affected", RUN, "--sign", "--as", "tom", "--pin-file", str(pins)]) == 1
    assert open_impacts(home) == [True]
    pins.write_text("739154\n")
    capsys.readouterr()
    assert told(capsys, "affected", RUN, "--sign", "--as", "cleo", "--pin-file", str(pins))["signed"] is True
    assert open_impacts(home) == [False]
    assert run(["audit", "verify"]) == 0
