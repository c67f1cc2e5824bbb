"""``meso protocols``: what comes with the program, and what a clinic approves."""

import hashlib
import json
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest

from meso_device.audit.records import leaf_hash
from meso_device.cli.clinic_files import clinic_files
from protocols.treatment.library import library, library_bytes
from tests.fuzz.commands import Runner
from tests.unit.cli.test_people import Place, done, refused


@pytest.fixture
def place(tmp_path):
    files = tmp_path / "files"
    files.mkdir()
    return Place(tmp_path / "home", files)


@pytest.fixture
def mine(place):
    """A clinic's own file, and the people to approve it."""
    place.enrol("ada", "cleo", "theo")
    path = place.files / "mine.toml"
    path.write_bytes(library_bytes("practice"))
    return path


def meso(*words):
    """Run a command that needs no data directory."""
    ran = Runner(Path("/nowhere")).run(*words)
    return subprocess.CompletedProcess(words, ran.status, ran.out, ran.err)


def approve(place, name, by="cleo"):
    return place.meso("protocols", "approve", str(name), "--as", by, "--pin-file", place.pins(by))


def shown(place, name):
    return json.loads(done(place.meso("protocols", "show", str(name), "--json")).stdout)


@pytest.mark.hazard("HZ-58")
def test_an_approval_is_signed_by_a_clinician_and_void_after_any_change(place, mine):
    assert shown(place, mine)["approved_by"] == ""
    assert "example, unapproved" in done(place.meso("protocols", "show", str(mine))).stdout
    done(approve(place, mine))
    digest = hashlib.sha256(mine.read_bytes()).hexdigest()
    [approved], [sign] = place.records("protocol.approved"), place.records("sign")
    assert (approved["digest"], approved["role"], approved["protocol_id"]) == (digest, "clinician", "practice")
    assert (sign["op"], sign["meaning"], sign["target_seq"]) == (approved["op"], "approved", approved["seq"])
    with place_log(place) as db:
        [(body,)] = db.execute("SELECT body FROM record WHERE seq = ?", (approved["seq"],)).fetchall()
    assert b64decode(sign["target_leaf"]) == leaf_hash(body)
    assert shown(place, mine)["approved_by"] == approved["op"]
    # The very bytes are kept for the console; what comes with the program is there anyway.
    kept = place.root / "treatments" / "practice.toml"
    assert clinic_files(place.root) == (kept,)
    assert kept.read_bytes() == mine.read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o600
    # The bundled file has the same bytes: it is the same treatment protocol under another name.
    assert shown(place, "practice")["approved_by"] == approved["op"]

    mine.write_bytes(mine.read_bytes() + b"# harmless\n")
    assert shown(place, mine)["approved_by"] == ""
    rows = json.loads(done(place.meso("protocols", "list", "--json")).stdout)["protocols"]
    assert [row["name"] for row in rows] == list(library())
    assert [row["name"] for row in rows if row["approved_by"]] == ["practice"]
    done(approve(place, mine))
    rows = json.loads(done(place.meso("protocols", "list", "--json")).stdout)["protocols"]
    assert [(row["name"], row["bundled"]) for row in rows if row["approved_by"]] == [
        ("practice", True),
        ("practice", False),
    ]


def place_log(place):
    from meso_device.audit.reader import reading

    return reading(place.root)


@pytest.mark.invariant("I-62")
@pytest.mark.hazard("HZ-58")
@pytest.mark.parametrize("by", ["ada", "theo"])
def test_nobody_but_a_clinician_approves(place, mine, by):
    assert refused(approve(place, mine, by), 1, by, "may not")
    assert place.records("protocol.approved", "sign") == []


@pytest.mark.hazard("HZ-58")
def test_without_the_right_pin_nothing_is_approved(place, mine):
    wrong = place.meso("protocols", "approve", str(mine), "--as", "cleo", "--pin-file", "-", say="550055\n")
    assert refused(wrong, 1, "not accepted")
    assert place.records("protocol.approved", "sign") == []


@pytest.mark.hazard("HZ-58")
def test_a_file_that_is_refused_is_not_approved(place, mine):
    mine.write_text(mine.read_text().replace('depth = "1 mm"', 'depth = "1"', 1))
    assert refused(approve(place, mine), 2, "mine.toml:", "unit")


@pytest.mark.hazard("HZ-58")
def test_check_names_every_place(place, mine, tmp_path):
    good = meso("protocols", "check", str(mine))
    assert f"digest {hashlib.sha256(mine.read_bytes()).hexdigest()}" in done(good).stdout
    bad = tmp_path / "bad.toml"
    text = mine.read_text().replace('depth = "1 mm"', 'depth = "1"', 1) + "\nnonsense = 1\n"
    bad.write_text(text)
    both = meso("protocols", "check", str(mine), str(bad), str(tmp_path / "none.toml"))
    assert both.returncode == 1
    line = text.splitlines().index(next(line for line in text.splitlines() if 'depth = "1"' in line)) + 1
    assert f"{bad}:{line}:" in both.stdout
    assert "nonsense" in both.stdout
    assert f"{tmp_path / 'none.toml'}:1:1: there is no such file" in both.stdout
    files = json.loads(meso("protocols", "check", str(mine), str(bad), "--json").stdout)["files"]
    assert [(one["ok"], len(one["problems"]) > 1) for one in files] == [(True, False), (False, True)]


def test_the_whole_library_can_be_listed_shown_and_checked_without_a_data_directory(place):
    rows = json.loads(done(place.meso("protocols", "list", "--json")).stdout)["protocols"]
    assert [row["name"] for row in rows] == list(library())
    assert {row["approved_by"] for row in rows} == {""}
    for row in rows[:2]:
        page = done(place.meso("protocols", "show", row["name"])).stdout
        assert row["digest"] in page
        assert row["status"] in page
    assert refused(place.meso("protocols", "show", "nonsense"), 2, "nonsense", "meso protocols list")
    assert not place.root.exists()


def test_the_schema_is_one_json_document():
    assert json.loads(done(meso("protocols", "schema")).stdout)["title"] == "Treatment protocol"


def test_what_comes_with_the_program_is_approved_and_not_kept(place, mine):
    done(approve(place, "practice"))
    assert clinic_files(place.root) == ()


def test_an_approval_stands_where_the_file_cannot_be_kept_and_says_what_to_do(place, mine):
    (place.root / "treatments").write_text("in the way")
    refused(approve(place, mine), 1, "approved, but not kept", "--protocol")
    assert len(place.records("protocol.approved")) == 1
