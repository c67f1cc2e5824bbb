"""A new key and the end of a console, by real commands: what was signed before holds, and nothing more is written."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from support.checks import assert_one_clear_line
from support.clinic import CHART, alias_of, copied

pytestmark = [pytest.mark.usefixtures("warm"), pytest.mark.timeout(180), pytest.mark.hazard("HZ-25")]


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
    secrets = tmp_path / "secrets"
    before = bench.meso("backup", "create", tmp_path / "before", "--keys", secrets, "--json").ok().json()["path"]
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
    after = bench.meso("backup", "create", tmp_path / "after", "--keys", secrets, "--json").ok().json()["path"]
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


def test_whatever_reads_a_session_goes_on_when_the_console_is_retired(bench, founding, tmp_path):
    """Written before the end and after it: the same, and the log that has ended is not said to have what it has not."""
    clinic = copied(bench, founding)
    clinic.session(alias_of(founding, CHART)).ok()
    clinic.gun.kill()
    [session] = bench.sessions()
    short, home = session["id"][:8], bench.home

    def outs(name):
        """What each command that reads makes of the session, as files and as what it says."""
        place = tmp_path / name
        place.mkdir()
        files = {
            "report.pdf": ("session", "report", short),
            "report.html": ("session", "report", short),
            "fhir.json": ("session", "fhir", short, "--shots"),
            "disclosed.zip": ("audit", "disclose", short),
            "shots.jsonl": ("audit", "export"),
            "sessions.csv": ("audit", "export", "--kind", "session", "--format", "csv"),
            "amendments.jsonl": ("audit", "export", "--kind", "amendment"),
        }
        for file, words in files.items():
            bench.meso(*words, "--out", place / file).ok()
        for words in (("session", "show", short), ("session", "list"), ("lookback", "--lot", "W-1")):
            (place / words[1].strip("-")).write_text(bench.meso(*words, "--json").ok().out)
        return {path.name: path.read_bytes() for path in place.iterdir()}

    before = outs("before")
    two(clinic, "retire", "--reason", "replaced", "--yes").ok()
    ended = kinds(home)
    after = outs("after")
    # The newest checkpoint, and with it the proof, are later ones; nothing else differs.
    assert {name for name in before if before[name] != after[name]} <= {"disclosed.zip"}
    for name in ("before", "after"):
        bench.meso("audit", "check", tmp_path / name / "disclosed.zip", "--key", (home / "audit.vkey").read_text()).ok()

    again = bench.meso("session", "report", short, "--out", tmp_path / "report.pdf").ok()
    assert "recorded in the log" in again.out
    assert "NOT" not in again.out
    page = bench.meso("session", "report", short, "--out", tmp_path / "page.html", "--patient").ok()
    assert "NOT recorded: this console is retired" in page.out
    assert (
        not bench.meso("session", "report", short, "--out", tmp_path / "page.html", "--patient", "--json")
        .ok()
        .json()["recorded"]
    )
    (tmp_path / "stick").mkdir()
    bench.meso("audit", "copy", tmp_path / "stick").ok()
    for words in (("audit", "verify"), ("audit", "status"), ("audit", "proof", "0"), ("calibration", "due"),
                  ("stock", "list"), ("people", "list"), ("guns",)):  # fmt: skip
        bench.meso(*words).ok()
    # What names somebody, or says who took it, would be a record.
    for words in (
        ("session", "fhir", short, "--names", "--out", tmp_path / "named.json"),
        ("audit", "disclose", short, "--out", tmp_path / "named.zip"),
        ("audit", "copy", tmp_path / "stick"),
    ):
        refused(bench.meso(*words, "--as", "cleo", "--pin-file", clinic.pins("cleo")), status=1, names=["retired"])
    # And its backup is a retired console again.
    secrets = tmp_path / "secrets"
    made = bench.meso("backup", "create", tmp_path / "backups", "--keys", secrets, "--json").ok().json()
    told = bench.meso("backup", "restore", made["path"], "--keys", secrets, "--home", tmp_path / "restored").ok()
    assert "retired" in told.out
    assert kinds(home) == kinds(tmp_path / "restored") == ended
