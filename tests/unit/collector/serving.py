"""A collector as a real process, and consoles that send to it."""

import contextlib
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path

from meso_device.audit.verify import stored_vkey
from meso_device.collector import sender
from meso_device.collector.account import read_accounts
from meso_device.collector.channel import parse_address
from meso_device.collector.code import OneTimeCode, certificate_pin
from meso_device.collector.consoles import give_code
from meso_device.collector.database import Role, connect
from meso_device.collector.identity import settle
from meso_device.collector.wire import SECRET_BYTES
from tests.unit.collector.logs import Box

MESO = (sys.executable, "-m", "meso_device")
WAIT_S = 120.0


class Served:
    """One collector process; the same directory, database and port for all its lives."""

    def __init__(self, directory, database):
        self.directory, self.database = directory, database
        self._port, self._out = 0, directory.with_suffix(".out")
        self._process = None
        self.start()

    def start(self):
        """Begin to serve, and wait until consoles can connect."""
        with self._out.open("wb") as out:
            self._process = subprocess.Popen(
                [*MESO, "collector", "serve", "--listen", f"127.0.0.1:{self._port}", *self._options],
                stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip
        ready = self.wait_for("ready ")
        self.address = ready.split()[1]
        self._port = parse_address(self.address)[1]

    @property
    def _options(self):
        return ("--dir", str(self.directory), "--database", self.database)

    @property
    def said(self):
        return self._out.read_text()

    def wait_for(self, words):
        """Return the first line with these words, once it is there."""
        self.wait_until(lambda: any(words in line for line in self._lines()))
        return next(line for line in self._lines() if words in line)

    def _lines(self):
        return [line.strip() for line in self.said.splitlines(keepends=True) if line.endswith("\n")]

    def wait_until(self, look):
        """Wait until the answer is true, while the process runs."""
        end_s = time.monotonic() + WAIT_S
        while not look():
            assert time.monotonic() < end_s, self.said
            assert self._process.poll() is None, self.said
            time.sleep(0.005)

    def end(self, number=signal.SIGTERM):
        self._process.send_signal(number)
        return self._process.wait(WAIT_S)

    def close(self):
        if self._process.poll() is None:
            self.end(signal.SIGKILL)

    @property
    def arriving(self):
        """How many frames are arriving: each in a file without a name."""
        found = 0
        for path in Path(f"/proc/{self._process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                target = str(path.readlink())
                found += target.startswith(str(self.directory)) and target.endswith("(deleted)")
        return found

    @property
    def open_descriptors(self):
        return len([*Path(f"/proc/{self._process.pid}/fd").iterdir()])

    def meso(self, *words, home=None, status=0, given=""):
        """Run a command to its end and return what it said."""
        ours = self._options if words[:2] == ("collector", "enrol") else self._options[2:]
        done = subprocess.run(
            [*MESO, *words, *(ours if words[0] == "collector" else ("--home", str(home)))],
            input=given, capture_output=True, text=True, timeout=WAIT_S, check=False,
        )  # fmt: skip
        assert done.returncode == status, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stdout + done.stderr

    def code(self, name):
        """Return a code as the command makes it, without its process."""
        secret = secrets.token_bytes(SECRET_BYTES)
        with connect(self.database, Role.OWNER) as db:
            give_code(db, name, secret)
        return OneTimeCode(secret, certificate_pin(settle(self.directory).certificate))

    def enrol(self, home, name):
        return sender.enrol(home, *parse_address(self.address), self.code(name), stored_vkey(home))


def send(home, **options):
    """Send once, in this process."""
    [account] = read_accounts(home)
    with Box(home) as outbox:
        return sender.send(home, account, outbox, **options)


def acked(home):
    return sum(account.acked_size for account in read_accounts(home))
