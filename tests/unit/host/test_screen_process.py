import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from meso_device.host.screen_process import shown_as_stopped


@pytest.mark.skipif(not Path("/bin/ps").exists(), reason="NO PS: how a stopped screen is seen on macOS was not tried")
def test_a_process_is_seen_to_stand_still_without_its_status_being_taken():
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        assert not shown_as_stopped(child.pid)
        child.send_signal(signal.SIGSTOP)
        os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOWAIT)
        assert shown_as_stopped(child.pid)
        assert os.waitid(os.P_PID, child.pid, os.WSTOPPED | os.WNOHANG) is not None
        child.send_signal(signal.SIGCONT)
    finally:
        child.kill()
        child.communicate()
    assert not shown_as_stopped(child.pid)
