"""The restore drill: a backup made in mid-session, the data directory lost, and all of it back, from backup and gun.

And a log damaged on its disk: what holds is taken over, and the rest comes from the gun.
"""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest
from support.checks import assert_one_clear_line
from support.records import kinds_logged
from support.treatment import treatment_text, write_treatment

pytestmark = pytest.mark.usefixtures("warm")

FIRST, SECOND = (("forehead", 2), ("cheek_left", 2)), (("forehead", 20), ("cheek_left", 10))


@pytest.mark.hazard("HZ-25")
def test_what_the_backup_lacks_comes_from_the_gun_and_nothing_is_permitted_before_a_person_looked(bench):
    gun = bench.gun(seed=11)
    bench.run_session(gun.link, write_treatment(bench.path / "first.toml", treatment_text(FIRST))).ok()
    second = bench.run_session(gun.link, write_treatment(bench.path / "second.toml", treatment_text(SECOND)))
    bench.wait_shots(gun, 10)
    # A host is writing.
    backups, keys = bench.path / "backups", bench.path / "keys"
    made = bench.meso("backup", "create", backups, "--keys", keys, "--json").ok().json()
    assert json.loads((bench.home / "newest-backup.json").read_text())["records"] == made["records"]
    second.ok()
    bench.assert_proven(gun, planned=34)
    bench.meso("audit", "checkpoint", "--out", bench.path / "checkpoint").ok()
    listed = bench.meso("backup", "list", backups, "--json").ok().json()["backups"]
    assert [row["path"] for row in listed] == [made["path"]]

    shutil.rmtree(bench.home)
    restore = ("backup", "restore", made["path"], "--keys", keys, "--checkpoint", bench.path / "checkpoint")
    told = bench.meso(*restore).ok().out
    missing = int(told.split("MISSING: ")[1].split()[0])
    assert missing > 0
    bench.meso("audit", "verify").ok()
    restored = bench.logged()
    assert len(restored) < 34
    assert "log.restored" in kinds_logged(bench.home)
    again = bench.meso(*restore)
    again.wait()
    assert_one_clear_line(again, status=2, names=("not empty",))

    # The gun still has what came after the backup; the grants of it are unknown here, so it is locked.
    resumed = bench.resume(gun.link)
    resumed.wait()
    assert resumed.status == 1
    assert resumed.json()["findings"] == ["orphan"]
    bench.assert_proven(gun, planned=34, verify=True)
    # And whoever kept the checkpoint sees that this log is not the one that it was.
    outside = bench.meso("audit", "verify", "--checkpoint", bench.path / "checkpoint")
    outside.wait()
    assert outside.status == 1
    assert "rewritten" in outside.out


def test_a_backup_that_was_touched_does_not_count(bench):
    gun = bench.gun(seed=12)
    bench.run_session(gun.link, write_treatment(bench.path / "plan.toml", treatment_text(FIRST))).ok()
    gun.process.kill()
    made = bench.meso("backup", "create", bench.path / "backups", "--json").ok().json()
    bench.meso("backup", "verify", made["path"]).ok()
    lacking = bench.meso("backup", "restore", made["path"], "--keys", bench.path, "--home", bench.path / "new")
    lacking.wait()
    assert_one_clear_line(lacking, status=2, names=("audit.key", "--keys"))
    log = bench.path / "backups" / made["path"].rsplit("/", 1)[1] / "audit.db"
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 1
    log.write_bytes(content)
    touched = bench.meso("backup", "verify", made["path"])
    touched.wait()
    assert_one_clear_line(touched, status=1, names=("audit.db",))
    assert not (bench.path / "new").exists()


@pytest.mark.hazard("HZ-25")
def test_what_a_damaged_log_lost_comes_from_the_gun(bench):
    gun = bench.gun(seed=13)
    bench.run_session(gun.link, write_treatment(bench.path / "plan.toml", treatment_text(FIRST))).ok()
    whole = bench.meso("audit", "salvage")
    whole.wait()
    assert_one_clear_line(whole, status=1, names=("nothing to salvage",))
    with closing(sqlite3.connect(bench.home / "audit.db")) as db, db:
        db.execute("DROP TRIGGER record_never_changes")
        [(seq,)] = db.execute("SELECT seq FROM record WHERE kind = 'shot' ORDER BY seq LIMIT 1 OFFSET 1").fetchall()
        db.execute("UPDATE record SET body = substr(body, 1, 300) WHERE seq = ?", (seq,))

    told = bench.meso("audit", "salvage").ok().out
    assert f"salvaged: {seq} records" in told
    assert "MISSING: at least" in told
    bench.meso("audit", "verify").ok()
    assert len(bench.logged()) == 1
    assert [path.name for path in bench.home.glob("audit.db.damaged-*")]
    resumed = bench.resume(gun.link)
    resumed.wait()
    assert resumed.status == 1
    bench.assert_proven(gun, planned=4, verify=True)
