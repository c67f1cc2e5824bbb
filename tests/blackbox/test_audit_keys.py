"""A new key and the end of a console, by real commands: what was signed before holds, and nothing more is written."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from support.checks import assert_one_clear_line
from support.clinic import CHART, alias_of, copied

pytestmark = [pytest.mark.timeout(180), pytest.mark.hazard("HZ-25")]


@pytest.fixture
def clinic(bench, founding):
    clinic = copied(bench, founding)
    clinic.gun.kill()
    return clinic


def kinds(home):
    with closing(sqlite3.connect(f"file:{home / 'audit.db'}?mode=ro", uri=True)) as db:
        return [kind for (kind,) in db.execute("SELECT kind FROM record ORDER BY seq")]


def two(clinic, *words, first="ada", second="tom"):
    return clinic.bench.meso("audit", *words, "--as", first, "--with", second, "--pin-file", clinic.pins(first, second))


def refused(process, *, status, names):
    process.wait()
    assert_one_clear_line(process, status=status, names=names)


def test_a_new_key_goes_on_where_the_old_one_ended_and_both_verify_it(clinic, tmp_path):
    bench, home = clinic.bench, clinic.bench.home
    old = (home / "audit.vkey").read_text().strip()
    kept = tmp_path / "kept"
    bench.meso("audit", "checkpoint", "--out", kept).ok()
    backups, secrets = tmp_path / "backups", tmp_path / "secrets"
    before = bench.meso("backup", "create", backups, "--keys", secrets, "--json").ok().json()["path"]
    told = two(clinic, "rotate-key", "--reason", "yearly", "--json").ok().json()
    assert told["old_vkey"] == old
    assert (home / "audit.vkey").read_text().strip() == told["vkey"] != old
    assert kinds(home).count("key.rotated") == 1
    assert kinds(home)[-3:-1] == ["sign", "sign"]
    clinic.stock("W-2")
    for key in (old, told["vkey"]):
        bench.meso("audit", "verify", "--key", key, "--checkpoint", kept).ok()
        bench.meso("audit", "check", home / "audit.db", "--key", key, "--checkpoint", kept).ok()
    proof = tmp_path / "grown"
    bench.meso("audit", "proof", "--since", kept, "--out", proof).ok()
    bench.meso("audit", "check", proof, "--checkpoint", kept, "--key", f"{old} {told['vkey']}").ok()
    # Backups from before and after it are restored, each with the key of its time.
    after = bench.meso("backup", "create", backups, "--keys", secrets, "--json").ok().json()["path"]
    for number, backup in enumerate((before, after)):
        restored = tmp_path / f"restored-{number}"
        bench.meso("backup", "restore", backup, "--keys", secrets, "--home", restored).ok()
        bench.meso("audit", "verify", "--home", restored).ok()


def test_one_person_or_the_wrong_one_changes_no_key(clinic):
    before = (clinic.bench.home / "audit.vkey").read_text()
    refused(two(clinic, "rotate-key", "--reason", "yearly", second="ada"), status=1, names=["two different people"])
    refused(two(clinic, "rotate-key", "--reason", "yearly", first="cleo"), status=1, names=["may not rotate key"])
    refused(two(clinic, "rotate-key", "--reason", "it was seen"), status=2, names=["reason", "code"])
    assert (clinic.bench.home / "audit.vkey").read_text() == before
    assert "key.rotated" not in kinds(clinic.bench.home)


def test_a_retired_console_is_read_and_proven_and_says_in_one_line_that_nothing_is_written(clinic, founding, tmp_path):
    bench, home = clinic.bench, clinic.bench.home
    refused(two(clinic, "retire", "--reason", "replaced"), status=2, names=["--yes"])
    refused(two(clinic, "retire", "--reason", "replaced", "--yes", second="ada"), status=1, names=["two different"])
    assert two(clinic, "retire", "--reason", "replaced", "--yes", "--json").ok().json()["retired"]
    ended = kinds(home)
    assert ended[-4:] == ["log.retiring", "sign", "sign", "log.retired"]
    alias, pin = alias_of(founding, CHART), clinic.pins("ada", "tom")
    writing = [
        ("people", "add", "eve", "--role", "clinician", "--as", "ada", "--pin-file", clinic.pins("ada", "482615")),
        ("stock", "block", "Water", "W-1", "--reason", "recalled", "--as", "cleo", "--pin-file", clinic.pins("cleo")),
        ("patient", "erase", alias, "--basis", "subject_request", "--as", "ada", "--with", "tom", "--yes",
         "--pin-file", pin),
        ("audit", "retire", "--reason", "replaced", "--as", "ada", "--with", "tom", "--yes", "--pin-file", pin),
        ("audit", "rotate-key", "--reason", "yearly", "--as", "ada", "--with", "tom", "--pin-file", pin),
        ("audit", "rebuild"),
        ("session", "run", "--gun", "/dev/null"),
    ]  # fmt: skip
    for words in writing:
        refused(bench.meso(*words), status=1, names=["retired"])
    assert kinds(home) == ended
    assert "RETIRED" in bench.meso("audit", "verify").ok().out
    assert bench.meso("audit", "verify", "--json").ok().json()["retired"]
    bench.meso("audit", "export").ok()
    bench.meso("audit", "checkpoint", "--out", tmp_path / "last").ok()
    bench.meso("audit", "check", home / "audit.db", "--checkpoint", tmp_path / "last").ok()
    bench.meso("session", "list").ok()
    made = bench.meso("backup", "create", tmp_path / "backups", "--json").ok().json()
    bench.meso("backup", "verify", made["path"]).ok()
    shutil.rmtree(made["path"])
    assert json.loads(bench.meso("session", "list", "--json").ok().out) == {"sessions": []}
