"""Others' verifiers look at our log: each accepts it as it is, and refuses it after what it can see of the ten attacks.

What an attacked log gives out is made here without the program's own look at it, as an attacker would. Python, Go and
JavaScript; a verifier that this computer does not have is a skip that says so. `make interop` fetches those that need
no compiler.
"""

import contextlib
import json
import os
import shutil
import sqlite3
import subprocess
import sys
from base64 import b64encode
from contextlib import closing
from pathlib import Path

import pytest

from meso_device.audit.tree import consistency_proof, inclusion_proof, root_of
from tests.unit.audit.clinic import stamp
from tests.unit.audit.test_attacks import CUT, EDITED, HELD, RECHAINED, attacked, make_original
from tests.unit.audit.test_rotation import open_log, rotate
from tests.unit.audit.test_tiles import copied, make_long

HERE = Path(__file__).parent
GO_LIBRARY = Path("/usr/share/gocode")


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_original(tmp_path_factory.mktemp("log") / "home")


@pytest.fixture
def home(original, tmp_path):
    return shutil.copytree(original, tmp_path / "home")


def given_out(home):
    """Return what the log of a directory gives out for checking, unchecked."""
    with closing(sqlite3.connect(home / "audit.db")) as db:
        rows = db.execute("SELECT seq, leaf, body FROM record ORDER BY seq").fetchall()
        [(size, newest)] = db.execute("SELECT size, note FROM checkpoint ORDER BY size DESC LIMIT 1").fetchall()
    leaves = [leaf for _, leaf, _ in rows][:size]

    def root(first, end):
        return root_of(leaves[first:end])

    def texts(hashes):
        return [b64encode(one).decode() for one in hashes]

    grown = size >= HELD and len(leaves) == size
    return {
        "vkey": (home / "audit.vkey").read_text().strip(),
        "held": (home / "held").read_text(),
        "newest": newest,
        "growth": texts(consistency_proof(HELD, size, root)) if grown else [],
        "records": [
            {
                "seq": seq,
                "body": b64encode(body).decode(),
                "path": texts(inclusion_proof(at, len(leaves), root)),
            }
            for at, (seq, _, body) in enumerate(rows[:size])
        ],
    }


def run(command, document, env=None):
    done = subprocess.run(
        command, input=json.dumps(document), capture_output=True, text=True, check=False, timeout=60, env=env
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


@pytest.fixture(scope="module")
def go(tmp_path_factory):
    """Return Go's sumdb note and tlog packages as a verdict on what a log gives out."""
    if not shutil.which("go") or not (GO_LIBRARY / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip("NO GO: install golang-go and golang-golang-x-mod-dev")
    work = tmp_path_factory.mktemp("go")
    env = {
        "PATH": os.environ["PATH"], "HOME": str(work), "GOPATH": str(GO_LIBRARY), "GO111MODULE": "off",
        "GOCACHE": str(work / "cache"), "GOFLAGS": "-p=2",
    }  # fmt: skip
    program = work / "check"
    build = ["go", "build", "-o", str(program), str(HERE / "log" / "main.go")]
    subprocess.run(build, env=env, check=True, capture_output=True, timeout=150)
    return lambda document: run([str(program)], document)


@pytest.fixture(scope="module")
def sigstore():
    """Return Sigstore's verifier as a verdict on what a log gives out; it knows nothing of growth."""
    if not shutil.which("node") or not (HERE / "node_modules" / "@sigstore" / "verify").is_dir():
        pytest.skip("NO SIGSTORE: run npm install in tests/interop")
    return lambda document: run(["node", str(HERE / "log" / "check.js")], document)


@pytest.fixture(scope="module")
def aics():
    """Return aics-tlog as a verdict on what a log gives out; it needs a newer Python than the program does."""
    for python in (sys.executable, str(HERE / ".venv" / "bin" / "python")):
        with contextlib.suppress(OSError):
            if subprocess.run([python, "-c", "import aics_tlog"], capture_output=True, check=False).returncode == 0:
                return lambda document: run([python, str(HERE / "log" / "check_aics.py")], document)
    pytest.skip("NO AICS-TLOG: run make interop, with a Python of 3.12 or newer at hand")


@pytest.fixture(params=["go", "aics"])
def verifier(request):
    """Return a verifier that knows of growth and of tiles."""
    return request.getfixturevalue(request.param)


def test_others_accept_the_log(verifier, home):
    assert verifier(given_out(home)) == "ok"


@pytest.mark.hazard("HZ-25")
def test_others_refuse_every_attack_but_the_one_newer_than_what_was_held(verifier, original, tmp_path):
    """The attacker has the signing key; one checkpoint was kept outside. Cutting what is newer is the tenth."""
    verdicts = {}
    for attack in [*EDITED, *RECHAINED, *CUT]:
        home = attacked(shutil.copytree(original, tmp_path / attack.__name__), attack, with_key=True)
        verdicts[attack] = verifier(given_out(home))
    assert verdicts.pop(CUT[1]) == "ok"
    assert "ok" not in verdicts.values(), verdicts


def test_others_refuse_what_the_log_would_be_without_the_key(verifier, original, tmp_path):
    for attack in [*EDITED, *RECHAINED, *CUT]:
        home = attacked(shutil.copytree(original, tmp_path / attack.__name__), attack)
        assert verifier(given_out(home)) != "ok", attack


def test_others_read_a_copy_of_the_log_through_its_tiles_and_refuse_each_that_was_changed(verifier, tmp_path):
    home, stick, _ = make_long(tmp_path)
    place = copied(home, stick).place
    document = {"copy": str(place), "vkey": (home / "audit.vkey").read_text().strip()}
    assert verifier(document) == "ok"
    tiles = [path for path in place.glob("tile/**/*") if path.is_file()]
    assert len(tiles) == 7
    for path in tiles:
        content = path.read_bytes()
        path.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert verifier(document) != "ok", path
        path.write_bytes(content)


def test_sigstore_accepts_the_log_and_refuses_every_attack_without_the_key(sigstore, original, tmp_path):
    assert sigstore(given_out(original)) == "ok"
    for attack in [*EDITED, *RECHAINED, *CUT]:
        home = attacked(shutil.copytree(original, tmp_path / attack.__name__), attack)
        assert sigstore(given_out(home)) != "ok", attack


def test_sigstore_refuses_another_key(sigstore, original, tmp_path):
    other = make_original(tmp_path / "other")
    document = given_out(original) | {"vkey": (other / "audit.vkey").read_text().strip()}
    assert sigstore(document) != "ok"


def rotated_out(home, there):
    """Change the key; return the old one, and what the log gives out at that moment and after its next end."""
    old = (home / "audit.vkey").read_text().strip()
    store = open_log(home)
    rotate(store, home)
    # Another process: reading the file in this one would end the locks of the store.
    subprocess.run(["cp", "-r", home, there], check=True)
    store.close(stamp())
    return old, given_out(there), given_out(home)


def test_a_change_of_the_key_is_followed_by_go(go, home, tmp_path):
    """Whoever knows either key accepts the checkpoint of a rotation, as both have signed it; then the old one ends."""
    old, at_once, later = rotated_out(home, tmp_path / "there")
    assert at_once["vkey"] == later["vkey"] != old
    assert go(at_once | {"vkey": old}) == "ok"
    assert go(later | {"vkey": old}) != "ok"


def test_a_change_of_the_key_is_followed_by_sigstore(sigstore, home, tmp_path):
    old, at_once, later = rotated_out(home, tmp_path / "there")
    assert sigstore(at_once | {"vkey": old}) == sigstore(at_once) == sigstore(later) == "ok"
    assert sigstore(later | {"vkey": old}) != "ok"


def root_by_pymerkle(bodies):
    pymerkle = pytest.importorskip("pymerkle", reason="NO PYMERKLE: install the extra dev")
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    for body in bodies:
        tree.append_entry(body)
    return b64encode(tree.get_root()).decode()


def bodies_of(home):
    with closing(sqlite3.connect(home / "audit.db")) as db:
        return [body for (body,) in db.execute("SELECT body FROM record ORDER BY seq")]


def test_pymerkle_finds_the_root_that_was_signed_at_every_checkpoint(original):
    bodies = bodies_of(original)
    with closing(sqlite3.connect(original / "audit.db")) as db:
        notes = [note for (note,) in db.execute("SELECT note FROM checkpoint")]
    assert len(notes) >= 3
    for note in notes:
        _, size, root = note.split("\n")[:3]
        assert root_by_pymerkle(bodies[: int(size)]) == root


def test_pymerkle_finds_another_root_after_every_attack_on_what_was_held(original, tmp_path):
    root = (original / "held").read_text().split("\n")[2]
    for attack in [*EDITED, *RECHAINED, CUT[0]]:
        home = attacked(shutil.copytree(original, tmp_path / attack.__name__), attack, with_key=True)
        assert root_by_pymerkle(bodies_of(home)[:HELD]) != root, attack
    home = attacked(shutil.copytree(original, tmp_path / "above"), CUT[1], with_key=True)
    assert root_by_pymerkle(bodies_of(home)[:HELD]) == root


def test_the_attacks_are_ten():
    assert len({*EDITED, *RECHAINED, *CUT}) == 10
