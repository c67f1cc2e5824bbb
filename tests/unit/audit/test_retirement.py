"""A log that has ended: it verifies, it is read, and nothing ever stands behind its end."""

import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from meso_device.accounting.entries import Batch, CommitFailed, Entry
from meso_device.audit import canonical, standalone
from meso_device.audit.disclose import find, pack
from meso_device.audit.keys import VerifyKey
from meso_device.audit.reader import reading
from meso_device.audit.retirement import RetiredError, retired_entry, retired_seq
from meso_device.audit.verify import verify_home
from meso_device.host.home import HomeLock, open_home
from tests.unit.audit.attacker import Attacker
from tests.unit.audit.clinic import SESSION, commit, stamp
from tests.unit.audit.sessions import write_sessions
from tests.unit.audit.test_rotation import open_log

pytestmark = pytest.mark.hazard("HZ-25")


@pytest.fixture(scope="module")
def ended(tmp_path_factory):
    home = tmp_path_factory.mktemp("ended") / "home"
    store = open_log(home)
    write_sessions(store)
    commit(store, retired_entry(1, op="a", role="administrator"))
    [refused] = store.commit([Batch(no=2, entries=(Entry(kind="note", key="note/after"),))], stamp())
    assert isinstance(refused, CommitFailed)
    assert "retired" in refused.reason
    store.close(stamp())
    return home


def test_the_end_is_signed_and_nothing_is_written_after_it_whoever_tries(ended):
    before = (ended / "audit.db").read_bytes()
    report = verify_home(ended)
    assert report.ok, report.bad
    assert report.retired
    with reading(ended) as db:
        assert retired_seq(db) == report.records - 1
        [(signed,)] = db.execute("SELECT max(size) FROM checkpoint").fetchall()
    assert signed == report.records
    for _ in range(3):
        with pytest.raises(RetiredError, match="takes no further record"):
            open_log(ended)
    with pytest.raises(RetiredError):
        HomeLock.take(open_home(ended), purpose="a command")
    assert (ended / "audit.db").read_bytes() == before


def test_it_is_still_read_and_proven(ended):
    vkey = (ended / "audit.vkey").read_text()
    assert standalone.check_file(ended / "audit.db")["records_in_log"] == verify_home(ended).records
    with reading(ended) as db:
        key = VerifyKey.parse(vkey)
        assert standalone.check_session(pack(db, find(db, SESSION, key), key), standalone.read_keys(vkey))


def test_a_record_behind_the_end_is_found_though_it_is_chained_and_signed(ended, tmp_path):
    home = shutil.copytree(ended, tmp_path / "home")
    attacker = Attacker(home)
    behind = canonical.encode(canonical.decode(attacker.rows[0]["body"]) | {"kind": "note", "key": "note/behind"})
    attacker.rows.append({"key": "note/behind", "kind": "note", "sess": None, "leaf": b"", "body": behind})
    attacker.rechain(len(attacker.rows) - 1)
    attacker.write()
    attacker.close()
    report = verify_home(home)
    assert not report.ok
    assert "retired" in report.bad
    with pytest.raises(standalone.Wrong, match="retired"):
        standalone.check_file(home / "audit.db")


CHILD = """
import sys
from pathlib import Path
from meso_device.audit.retirement import retired_entry
from tests.unit.audit.clinic import commit, stamp
from tests.unit.audit.test_rotation import open_log

store = open_log(Path(sys.argv[1]))
print("open", flush=True)
commit(store, retired_entry(1, op="a", role="administrator"))
print("ended", flush=True)
store.close(stamp())
"""


@pytest.mark.parametrize("after_us", [0, 300, 1_000, 3_000, 10_000])
def test_a_kill_in_the_middle_of_it_leaves_a_log_that_verifies_ended_or_not(home, after_us):
    open_log(home).close(stamp())
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, str(home)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    assert child.stdout.readline() == "open\n"
    signal.sigtimedwait([], after_us / 1e6)
    child.send_signal(signal.SIGKILL)
    told = "ended\n" in list(child.stdout)
    child.stdout.close()
    child.wait()
    report = verify_home(home)
    assert report.ok, report.bad
    assert report.retired or not told
    if report.retired:
        with pytest.raises(RetiredError):
            open_log(home)
    else:
        open_log(home).close(stamp())
