"""The simulated gun as a process of its own, met through its port, its files and its signals."""

import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from protocols.errors import UsageError
from simulator.run import SimulateOptions, simulate

ENDING = [signal.SIGTERM, signal.SIGINT, signal.SIGHUP]
CHILD = """
import sys
from pathlib import Path
from protocols.errors import MesoError
from simulator.run import SimulateOptions, simulate
options = {key: Path(value) if key in {"link", "nvm", "truth", "scenario"} else value for key, value in %r.items()}
try:
    sys.exit(simulate(SimulateOptions(**options)))
except MesoError as error:
    print(error, file=sys.stderr)
    sys.exit(2)
"""


class Process:
    """A gun's process and a host's end of its port."""

    def __init__(self, folder, **options):
        self.folder = folder
        usual = {
            "link": str(folder / "gun"),
            "nvm": str(folder / "nvm"),
            "truth": str(folder / "truth"),
            "hand": "auto",
        }
        self.options = {key: value for key, value in (usual | options).items() if value is not None}
        self.fd = None
        self.child = subprocess.Popen(
            [sys.executable, "-c", CHILD % self.options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
        )

    def ready(self):
        line = self.child.stdout.readline()
        assert line.startswith(b"ready "), (line, self.child.stderr.read())
        return line.decode().split(" ", 1)[1].strip()

    def open(self):
        self.close()
        self.fd = os.open(self.folder / "gun", os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        return self

    def close(self):
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None

    def exchange(self, data, us):
        if data:
            os.write(self.fd, data)
        end = time.monotonic() + us / 1e6
        came = b""
        while (left := end - time.monotonic()) > 0 and not (data and came):
            if select.select([self.fd], [], [], left)[0]:
                came += os.read(self.fd, 65_536)
        return came

    def end(self, number=signal.SIGTERM):
        self.close()
        if self.child.poll() is None:
            self.child.send_signal(number)
        out, err = self.child.communicate(timeout=10)
        return self.child.returncode, out.decode(), err.decode()

    def truth(self):
        path = self.folder / "truth"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


@pytest.fixture
def start(tmp_path):
    started = []

    def begin(**options):
        started.append(Process(tmp_path, **options))
        return started[-1]

    yield begin
    for process in started:
        process.end(signal.SIGKILL)


@pytest.mark.parametrize("number", ENDING)
def test_gun_says_ready_and_goes_without_a_trace_of_its_link(start, tmp_path, number):
    process = start()
    assert process.ready() == str(tmp_path / "gun")
    process.open()
    status, _, err = process.end(number)
    assert (status, err) == (0, "")
    assert not os.path.lexists(tmp_path / "gun")


def test_whole_session_on_a_real_port_and_the_log_equals_the_truth(start, make_session):
    process = start()
    process.ready()
    session = make_session(process.open().exchange)
    session.arm(shots=6)
    session.wait(lambda: len(process.truth()) == 6)
    records = session.drain()
    assert [record.shot_seq for record in records] == [row["shot_seq"] for row in process.truth()]
    for record, row in zip(records, process.truth(), strict=True):
        assert record.dose_lo_nl <= row["dose_nl"] <= record.dose_hi_nl
        assert (row["kind"], row["area"], row["outcome"]) == ("TREAT", 7, "DONE")


@pytest.mark.parametrize("seed", range(4))
def test_killed_in_mid_shot_the_gun_comes_back_with_an_interrupted_record_that_covers_the_truth(
    start, make_session, seed
):
    chance = Random(seed)
    for _ in range(2):
        process = start()
        process.ready()
        session = make_session(process.open().exchange)
        session.arm(shots=40)
        before = len(process.truth())
        session.wait(lambda process=process, before=before: len(process.truth()) >= before + 2)
        session.wait(lambda chance=chance: chance.random() < 0.1)
        process.end(signal.SIGKILL)
    process = start()
    process.ready()
    session = make_session(process.open().exchange)
    session.own()
    truth = process.truth()
    assert len({(row["log_epoch"], row["shot_seq"]) for row in truth}) == len(truth)
    assert len({row["gun_uid"] for row in truth}) == 1
    hello = session.host.hello
    assert hello.gun_uid.hex() == truth[0]["gun_uid"]
    assert [row["shot_seq"] for row in truth] == list(range(1, hello.head_seq + 1))
    by_seq = {row["shot_seq"]: row for row in truth}
    for record in session.drain(hello):
        assert record.dose_lo_nl <= by_seq[record.shot_seq]["dose_nl"] <= record.dose_hi_nl


def test_second_simulator_on_the_same_gun_is_refused_in_one_line(start, tmp_path):
    start().ready()
    second = start(link=str(tmp_path / "other"))
    status, out, err = second.end(signal.SIGCONT)
    assert (status, out) == (2, "")
    assert "another simulator runs on it" in err
    assert err.count("\n") == 1
    assert not os.path.lexists(tmp_path / "other")


def test_two_new_guns_of_one_seed_are_two_guns(start, make_session, tmp_path):
    uids = []
    for name in ("one", "two"):
        process = start(nvm=str(tmp_path / name), seed=1)
        process.ready()
        uids.append(make_session(process.open().exchange).own().gun_uid)
        process.end()
    again = start(nvm=str(tmp_path / "one"), seed=1)
    again.ready()
    uids.append(make_session(again.open().exchange).own().gun_uid)
    assert uids[0] != uids[1]
    assert uids[0] == uids[2]


def test_pulled_cable_hangs_the_host_up_and_the_port_comes_back(start, make_session, tmp_path):
    (tmp_path / "scenario.toml").write_text('[[fault]]\nname = "unplug"\nat_shot = 2\nfor_ms = 100\n')
    process = start(scenario=str(tmp_path / "scenario.toml"))
    process.ready()
    session = make_session(process.open().exchange)
    session.arm(shots=20)
    with pytest.raises(OSError):
        session.wait(lambda: False)
    process.close()
    deadline = time.monotonic() + 5
    while not os.path.lexists(tmp_path / "gun"):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    session = make_session(process.open().exchange)
    records = session.drain(session.still())  # its lease may let it shoot on after the first HELLO
    assert [record.shot_seq for record in records] == [row["shot_seq"] for row in process.truth()]


def test_host_that_does_not_read_does_not_stop_the_gun(start, make_session):
    process = start()
    process.ready()
    session = make_session(process.open().exchange)
    session.arm(shots=3)
    deadline = time.monotonic() + 10
    while len(process.truth()) < 3:
        assert time.monotonic() < deadline
        os.write(process.fd, session.host.beat())
        session.host.uptime_ms += 50
        time.sleep(0.05)


def test_gun_listens_on_the_network_and_on_its_link_at_once(start, make_session):
    process = start(tcp="127.0.0.1:0")
    assert process.ready().endswith("/gun")
    address = process.ready()
    assert address.startswith("socket://127.0.0.1:")
    with socket.create_connection(("127.0.0.1", int(address.rsplit(":", 1)[1])), timeout=5) as peer:

        def exchange(data, us):
            peer.sendall(data)
            peer.settimeout(us / 1e6)
            try:
                return peer.recv(65_536)
            except TimeoutError:
                return b""

        hello = make_session(exchange).own()
    assert hello.gun_uid == make_session(process.open().exchange).own().gun_uid


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"link": None}, "give --link PATH"),
        ({"tcp": "nowhere"}, "write HOST:PORT"),
        ({"tcp": "127.0.0.1:http"}, "write HOST:PORT"),
        ({"baud": 100}, "baud rate 100 refused"),
        ({"rate": 12}, "1 to 9 times a second"),
        ({"scenario": "/none"}, "No such file"),
        ({"nvm": "/"}, "Is a directory"),
        ({"truth": "/"}, "Is a directory"),
        ({"link": "/none/gun"}, "refused"),
        ({"hand": "keys"}, "not a terminal"),
    ],
)
def test_option_that_cannot_be_followed_is_one_line(tmp_path, options, says, monkeypatch):
    usual = {"link": tmp_path / "gun", "nvm": tmp_path / "nvm", "truth": tmp_path / "truth", "hand": "auto"}
    given = {
        key: Path(value) if value is not None and key in {"link", "nvm", "truth", "scenario"} else value
        for key, value in (usual | options).items()
    }
    before = [signal.getsignal(number) for number in ENDING]
    with Path(os.devnull).open() as nothing:
        monkeypatch.setattr(sys, "stdin", nothing)
        with pytest.raises(UsageError, match=says) as refused:
            simulate(SimulateOptions(**given))
    assert "\n" not in str(refused.value)
    assert not os.path.lexists(tmp_path / "gun"), "nothing is left behind"
    assert [signal.getsignal(number) for number in ENDING] == before


def test_person_at_the_keyboard_pulls_the_trigger_and_quits(start, make_session, tmp_path):
    keyboard, terminal = pty.openpty()
    options = {"link": str(tmp_path / "gun"), "truth": str(tmp_path / "truth"), "hand": "keys"}
    child = subprocess.Popen([sys.executable, "-c", CHILD % options], stdin=terminal, stdout=terminal, stderr=terminal)
    os.close(terminal)
    shown = b""

    def watch(marker, limit_s=10):
        nonlocal shown
        end = time.monotonic() + limit_s
        while marker not in shown:
            assert time.monotonic() < end, shown
            if select.select([keyboard], [], [], 0.05)[0]:
                shown += os.read(keyboard, 4_096)

    try:
        watch(b"ready ")
        watch(b"SAFE | no area | off skin")
        host = Process.__new__(Process)
        host.folder, host.fd = tmp_path, None
        session = make_session(host.open().exchange)
        session.arm(shots=5)
        os.write(keyboard, b"c")
        session.wait(lambda: True)
        os.write(keyboard, b" ")
        session.wait(lambda: len(host.truth()) == 1)
        watch(b"on skin | cable in | needle free | battery full | 1 shots | 9 uL")
        os.write(keyboard, b"x")
        watch(b"cable out")
        assert not os.path.lexists(tmp_path / "gun")
        host.close()
        os.write(keyboard, b"ob")
        watch(b"needle blocked | battery low")
        os.write(keyboard, b"q")
        assert child.wait(10) == 0
    finally:
        child.kill()
        child.wait()
        os.close(keyboard)
