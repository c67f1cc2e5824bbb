"""Our client weighs on a balance that somebody else wrote: ``mt-sics-emulator``, as a process of its own."""

import json
import select
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from drivers.balance import Identity, Reading
from drivers.mt_sics import MtSics
from drivers.ports import open_port
from drivers.stream_port import SCHEME
from protocols.errors import UsageError

pytest.importorskip("mtsics", reason="mt-sics-emulator is not installed")

SERIAL = "B246813579"
WAIT_S = 60
FIRST_PORT = 23_000


class Peer:
    """The emulator: its port for the client, and the hand that puts loads on its pan."""

    def __init__(self, worker):
        self.port = FIRST_PORT + 2 * worker
        self.process = subprocess.Popen(
            [
                str(Path(sys.executable).with_name("mtsics-tcp")), "--host", "127.0.0.1", "--profile", "mt-xs204",
                "--port", str(self.port), "--control-port", str(self.port + 1),
            ],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip

    def opened(self):
        until = time.monotonic() + WAIT_S
        while time.monotonic() < until:
            try:
                return open_port(f"{SCHEME}127.0.0.1:{self.port}")
            except UsageError:
                assert self.process.poll() is None
                select.select([], [], [], 0.05)
        raise AssertionError("the emulator does not listen")

    def load(self, grams):
        request = urllib.request.Request(  # our own address
            f"http://127.0.0.1:{self.port + 1}/weight", data=json.dumps({"target": grams}).encode(), method="POST"
        )
        urllib.request.urlopen(request, timeout=WAIT_S).close()  # noqa: S310  # likewise


@pytest.fixture
def peer(worker_id):
    made = Peer(int(worker_id.removeprefix("gw")) if worker_id != "master" else 99)
    yield made
    made.process.kill()
    made.process.wait()


def answer(port, client, what):
    """Ask, and carry bytes until there is an answer; waits on the port, never on a clock alone."""
    getattr(client, what)(time.monotonic_ns() // 1_000)
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        port.write(client.take_output())
        due_us = client.next_deadline_us() or 0
        wait_s = max(0, due_us / 1e6 - time.monotonic())
        readable, _, _ = select.select([port.fileno()], [], [], min(wait_s, 1))
        now_us = time.monotonic_ns() // 1_000
        events = client.received(port.read(), now_us) if readable else client.tick(now_us)
        if events:
            return events[0]
    raise AssertionError("no answer")


def test_another_mans_balance_is_weighed_on_to_its_last_digit(peer):
    port = peer.opened()
    client = MtSics(serial=SERIAL)
    try:
        assert answer(port, client, "identify") == Identity(SERIAL, SERIAL)
        for grams in (20.0, 20.05):
            peer.load(grams)
            found = answer(port, client, "weigh")
            assert isinstance(found, Reading), found
            assert found.stable
            assert found.digit_ug == 100
            assert found.mass_ug == pytest.approx(grams * 1e6, abs=2_000)
    finally:
        port.close()
