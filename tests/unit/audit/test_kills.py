"""A process that commits shots is killed at random moments: what it was told is there, once, and all verifies."""

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from meso_device.audit.store import Store
from meso_device.audit.verify import verify_home
from tests.unit.audit.clinic import GUN, stamp

CHILD = """
import sys
from pathlib import Path
from meso_device.audit.store import Store
from tests.unit.audit.clinic import Clinic, GUN, commit, stamp

store = Store.open(Path(sys.argv[1]), software="0.1.0", stamp=stamp())
clinic = Clinic()
ledger = store.load_gun(GUN.gun_uid, simulated=True)
if not ledger.log_epoch:
    commit(store, clinic.link_up())
    ledger = store.load_gun(GUN.gun_uid, simulated=True)
clinic.shot_seq, clinic.prev = ledger.committed_seq, bytes.fromhex(ledger.chain_hash8)
while True:
    commit(store, clinic.shot())
    print(clinic.shot_seq, flush=True)
"""


@pytest.mark.invariant("I-42")
@pytest.mark.invariant("I-44")
@pytest.mark.hazard("HZ-02")
def test_no_told_shot_is_lost_or_doubled_by_kills_in_mid_commit(home):
    rng, told = random.Random(11), 0
    for _ in range(12):
        child = subprocess.Popen(
            [sys.executable, "-c", CHILD, str(home)], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
        )
        # The kill falls anywhere in the work that follows a random number of commits.
        for _ in range(rng.randrange(1, 25)):
            line = child.stdout.readline()
        told = max(told, int(line))
        time.sleep(rng.random() * 0.004)
        child.send_signal(signal.SIGKILL)
        for line in child.stdout:
            if line.endswith("\n"):
                told = max(told, int(line))
        child.stdout.close()
        child.wait()
        report = verify_home(home)
        assert report.ok, report.bad
        assert told <= report.shots <= told + 1
    store = Store.open(home, software="0.1.0", stamp=stamp())
    assert store.load_gun(GUN.gun_uid, simulated=True).committed_seq == report.shots
    store.close(stamp())
