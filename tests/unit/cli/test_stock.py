"""``meso stock`` and ``meso reprocess`` in a data directory with people in it."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from meso_device.audit.facts import fitted_cartridge, lot_of, reprocessing_of
from meso_device.audit.reader import reading
from meso_device.audit.store import Store
from meso_device.cli.main import run
from meso_device.host.home import Home, HomeLock
from tests.unit.audit.clinic import GUN, Clinic, commit, stamp
from tests.unit.cli.test_people import Place, done, refused

UID = GUN.gun_uid
NEXT_YEAR = f"{datetime.now(UTC).year + 1}-06"
YESTERDAY = (datetime.now(UTC) - timedelta(days=1)).strftime("%Y-%m-%d")
HA = ("HA mix", "L1")


class Stock:
    """Commands of a clinician unless said otherwise."""

    def __init__(self, place):
        self.place = place

    def meso(self, *words, by="cleo"):
        return self.place.meso(*words, "--as", by, "--pin-file", self.place.pins(by))

    def scene(self, *words):
        """Run a command that only sets the scene, in this process."""
        assert run([*words, "--as", "cleo", "--pin-file", self.place.pins("cleo"), "--home", str(self.place.root)]) == 0

    def listed(self):
        self.scene("stock", "add", *HA, "--expiry", NEXT_YEAR, "--ingredient", "HA")

    def loaded(self):
        self.listed()
        self.scene("stock", "load", *HA, "--gun", UID, "--syringe", "bd_5ml", "--volume", "4 mL")

    def add(self, *words, product="HA mix", lot="L1", expiry=NEXT_YEAR, by="cleo"):
        return self.meso("stock", "add", product, lot, "--expiry", expiry, "--ingredient", "HA", *words, by=by)

    def load(self, *words, volume="4 mL", gun=UID):
        return self.meso("stock", "load", *HA, "--gun", gun, "--syringe", "bd_5ml", "--volume", volume, *words)

    def reprocess(self, medium, gun=UID, by="theo"):
        words = ("--agent", "peracetic acid", "--lot", "A1", "--medium", medium)
        return self.meso("reprocess", "--gun", gun, *words, by=by)


@pytest.fixture
def stock(tmp_path):
    files = tmp_path / "files"
    files.mkdir()
    place = Place(tmp_path / "home", files)
    place.enrol("ada", "cleo", "theo", "abel")
    return Stock(place)


def log_of(stock, look, *words):
    with reading(stock.place.root) as db:
        return look(db, *words)


# --- lots -------------------------------------------------------------------------------------------


@pytest.mark.hazard("HZ-43")
def test_a_lot_is_listed_once_and_corrected_with_a_reason(stock):
    assert refused(stock.add(expiry=YESTERDAY), 1, "expired")
    done(stock.add("--ingredient", "mannitol", "--viscosity", "5 mPas", "--maker", "M", by="theo"))
    listed = log_of(stock, lot_of, *HA)
    assert (listed.ingredients, listed.viscosity_upa_s, listed.blocked) == (("HA", "mannitol"), 5_000, "")
    assert refused(stock.add(), 1, "listed already", "--correct")
    assert refused(stock.add("--correct", "misread", lot="L2"), 2, "not listed")
    done(stock.add("--correct", "misread"))
    assert log_of(stock, lot_of, *HA).ingredients == ("HA",)
    rows = stock.place.records("lot.listed")
    assert [(row["role"], row.get("reason", "")) for row in rows] == [("technician", ""), ("clinician", "misread")]
    shown = json.loads(done(stock.place.meso("stock", "list", "--json")).stdout)
    [row] = shown["lots"]
    assert (row["product"], row["lot"], row["listed"], row["blocked"], row["injections"]) == (*HA, True, "", 0)
    assert shown["cartridges"] == []


@pytest.mark.hazard("HZ-43")
def test_a_blocked_lot_goes_into_no_gun_until_a_clinician_releases_it(stock):
    stock.listed()
    done(stock.meso("stock", "block", *HA, "--reason", "recalled", by="theo"))
    assert refused(stock.load(), 1, "L1 of HA mix refused", "blocked (recalled)")
    assert "BLOCKED: recalled" in done(stock.place.meso("stock", "list")).stdout
    assert refused(stock.meso("stock", "unblock", *HA, "--reason", "tested", by="theo"), 1, "theo", "may not")
    done(stock.meso("stock", "unblock", *HA, "--reason", "tested"))
    done(stock.load())
    assert len(stock.place.records("lot.loaded")) == 1


@pytest.mark.hazard("HZ-43")
def test_a_lot_is_blocked_before_it_is_ever_listed(stock):
    stock.scene("stock", "block", *HA, "--reason", "recalled")
    stock.listed()
    assert log_of(stock, lot_of, *HA).blocked == "recalled"
    assert refused(stock.load(), 1, "blocked")


@pytest.mark.hazard("HZ-43")
def test_an_unlisted_lot_goes_into_no_gun(stock):
    assert refused(stock.load(), 1, "not listed", "meso stock add")
    assert stock.place.records("lot.loaded") == []


@pytest.mark.invariant("I-62")
@pytest.mark.hazard("HZ-35")
def test_who_may_not_handle_materials_leaves_no_record_of_them(stock):
    assert refused(stock.add(by="abel"), 1, "abel", "may not")
    assert refused(stock.reprocess("saline", by="abel"), 1, "may not")
    wrong = stock.place.meso(
        "stock", "block", *HA, "--reason", "recalled", "--as", "cleo", "--pin-file", stock.place.pins("theo")
    )
    assert refused(wrong, 1, "not accepted")
    assert stock.place.records("lot.listed", "lot.blocked", "reprocessing") == []
    assert len(stock.place.records("login.failed")) == 1


@pytest.mark.invariant("I-31")
def test_while_another_process_has_the_directory_nothing_is_asked_and_nothing_written(stock):
    with HomeLock.take(Home(stock.place.root), purpose="meso session run"):
        assert refused(stock.add(), 2, "in use by meso session run")
    assert not (stock.place.root / "audit.db").exists()


@pytest.mark.parametrize(
    "words",
    [
        ("stock", "block", "HA", "L1", "--reason", "Anna Miller said so"),
        ("stock", "add", "HA", "L\N{CYRILLIC SMALL LETTER A}", "--expiry", "2030-01", "--ingredient", "x"),
        ("stock", "load", "HA", "L1", "--gun", UID, "--syringe", "bd_5ml", "--volume", "4"),
        ("stock", "load", "HA", "L1", "--gun", UID, "--syringe", "bd_5ml", "--volume", "6 mL"),
        ("stock", "load", "HA", "L1", "--gun", UID, "--syringe", "plain_2_5ml", "--volume", "1 mL"),
        ("stock", "load", "HA", "L1", "--gun", "nonsense", "--syringe", "bd_5ml", "--volume", "1 mL"),
        ("stock", "load", "HA", "L1", "--gun", "/dev/nonsense", "--syringe", "bd_5ml", "--volume", "1 mL"),
        ("stock", "waste", "--gun", UID, "--volume", "1", "--reason", "spill"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line_before_anybody_is_asked(capfd, tmp_path, words):
    assert run([*words, "--home", str(tmp_path / "none")]) == 2
    err = capfd.readouterr().err
    assert len(err.splitlines()) == 1
    assert "none" not in err


# --- cartridges -------------------------------------------------------------------------------------


def treat(stock, volume_nl, count):
    """Let the gun give from what is in it now."""
    clinic = Clinic(lot="L1")
    store = Store.open(stock.place.root, software="0.1.0", stamp=stamp())
    commit(store, clinic.link_up(), clinic.opened(), *(clinic.shot(volume_nl) for _ in range(count)))
    commit(store, clinic.shot(30_000, shot_kind="PRIME"))
    store.close(stamp())
    return clinic


@pytest.mark.invariant("I-29")
@pytest.mark.hazard("HZ-17")
@pytest.mark.hazard("HZ-45")
def test_what_was_loaded_is_balanced_when_the_cartridge_comes_out(stock):
    stock.listed()
    assert refused(stock.load("--left", "1 mL"), 2, "leave --left out")
    done(stock.load())
    treat(stock, 50_000, 20)
    stock.scene("stock", "waste", "--gun", UID, "--volume", "0.1 mL", "--reason", "spill")
    row = json.loads(done(stock.place.meso("stock", "list", "--json")).stdout)["cartridges"][0]
    assert (row["patient_hi_nl"], row["prime_nl"], row["waste_nl"]) == (1_000_000, 30_000, 100_000)
    assert row["left_nl"] == 4_000_000 - 1_130_000

    assert refused(stock.load(), 2, "say what is left in it", "--left")
    assert refused(stock.load("--left", "1 mL"), 1, "1.87 mL less than that", "--reason CODE")
    assert len(stock.place.records("lot.loaded")) == 1
    shown = json.loads(done(stock.load("--left", "2.85 mL", "--json")).stdout)
    assert (shown["balanced"], shown["difference_nl"]) == (True, -20_000)
    done(stock.load("--left", "1 mL", "--reason", "leak"))
    changed = stock.place.records("cartridge.changed")
    assert [(row["ok"], row.get("reason", ""), row["left_nl"]) for row in changed] == [
        (True, "", 2_850_000),
        (False, "leak", 1_000_000),
    ]
    assert log_of(stock, fitted_cartridge, UID).patient_hi_nl == 0
    assert done(stock.place.meso("audit", "verify")).stdout.startswith("verified")


@pytest.mark.parametrize(("volume", "words"), [("0 mL", "more than 0 mL"), ("4.1 mL", "at most 4 mL")])
def test_no_more_is_wasted_than_can_be_left(stock, volume, words):
    stock.loaded()
    assert refused(stock.meso("stock", "waste", "--gun", UID, "--volume", volume, "--reason", "spill"), 2, words)


@pytest.mark.hazard("HZ-17")
@pytest.mark.hazard("HZ-26")
def test_no_cartridge_changes_while_shots_from_it_may_be_missing(stock):
    stock.listed()
    clinic = treat(stock, 1_000, 1)
    store = Store.open(stock.place.root, software="0.1.0", stamp=stamp())
    store.commit([clinic.grant()], stamp())
    store.close(stamp())
    assert refused(stock.load(), 1, "not in the log yet", "meso session resume")
    store = Store.open(stock.place.root, software="0.1.0", stamp=stamp())
    commit(store, clinic.grant_state("closed"))
    store.close(stamp())
    done(stock.load())


# --- cleaning ---------------------------------------------------------------------------------------


@pytest.mark.invariant("I-53")
@pytest.mark.hazard("HZ-42")
def test_tap_water_is_no_rinse_and_saline_makes_the_gun_clean(stock):
    treat(stock, 1_000, 1)
    assert refused(stock.reprocess("tap_water"), 2, "tap water refused", "sterile water or saline")
    assert stock.place.records("reprocessing") == []
    last = log_of(stock, reprocessing_of, UID)
    assert last.contact_us > last.cleaned_us == 0
    done(stock.reprocess("saline"))
    last = log_of(stock, reprocessing_of, UID)
    assert last.cleaned_us > last.contact_us > 0
    [row] = stock.place.records("reprocessing")
    assert (row["product"], row["lot"], row["rinse_medium"], row["role"]) == (
        "peracetic acid",
        "A1",
        "saline",
        "technician",
    )


def test_a_gun_is_named_by_the_port_on_which_it_answers(stock, tmp_path):
    link = tmp_path / "gun"
    process = subprocess.Popen(
        [sys.executable, "-m", "meso_device", "simulate", "--link", str(link), "--nvm", str(tmp_path / "nvm")],
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        assert process.stdout.readline().startswith("ready")
        stock.listed()
        shown = json.loads(done(stock.load("--json", gun=str(link))).stdout)
        [gun] = json.loads(done(subprocess_guns(link)).stdout)["ports"]
        assert shown["gun_uid"] == gun["gun_uid"]
    finally:
        process.terminate()
        process.communicate(timeout=20)


def subprocess_guns(link):
    return subprocess.run(
        [sys.executable, "-m", "meso_device", "guns", str(link), "--json"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
