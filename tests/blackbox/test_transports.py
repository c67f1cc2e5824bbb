"""Between host and gun: TCP, other people's programs, and a second host."""

import shutil
import signal
import socket
import time
from pathlib import Path

import pytest
from support import frames
from support.cable import HOST_TO_GUN
from support.extent import long_form
from support.processes import Process, wait_for
from support.treatment import treatment_text, write_treatment

SOCAT = shutil.which("socat")
AREAS = (("forehead", 8), ("cheek_left", 6))
PLANNED = 14

needs_socat = pytest.mark.skipif(SOCAT is None, reason="socat is not installed")


@pytest.fixture
def plan(bench):
    return write_treatment(bench.path / "plan.toml", treatment_text(AREAS))


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


class Socat:
    """A socat between two addresses, which can be ended and started again."""

    def __init__(self, bench, *addresses):
        self.bench, self.addresses, self.count = bench, addresses, 0
        self.start()

    def start(self):
        self.count += 1
        stem = self.bench.path / f"socat-{self.count}"
        self.process = Process([SOCAT, *self.addresses], out_stem=stem, env=self.bench.environment())
        self.bench._started.append(self.process)

    def cut(self):
        self.process.send(signal.SIGKILL)
        self.process.wait()


def complete(bench, host, link, plan):
    for _ in range(4):
        if host.wait(30) == 0:
            return
        assert host.status == 1, host.describe()
        assert "Traceback" not in host.err
        host = bench.resume(link) if bench.begun() else bench.run_session(link, plan)
    host.ok(30)


@needs_socat
@pytest.mark.invariant("I-43")
def test_a_session_through_socat_from_terminal_to_terminal(bench, plan):
    gun = bench.gun(seed=2)
    link = bench.path / "socat.tty"
    Socat(bench, f"PTY,link={link},raw,echo=0", f"FILE:{gun.link},raw,echo=0")
    wait_for(link.is_symlink, "the port of socat")
    bench.run_session(link, plan).ok(30)
    bench.assert_proven(gun, planned=PLANNED)


@needs_socat
@pytest.mark.invariant("I-42")
@pytest.mark.hazard("HZ-10")
@pytest.mark.parametrize("shots", [9, *long_form(1)])
def test_a_gun_on_the_network_behind_socat_that_is_killed_and_started_again(bench, plan, shots):
    port = free_port()
    gun = bench.gun(seed=3, extra=("--tcp", f"127.0.0.1:{port}"))
    link = bench.path / "socat.tty"
    relay = Socat(bench, f"PTY,link={link},raw,echo=0", f"TCP:127.0.0.1:{port}")
    wait_for(link.is_symlink, "the port of socat")
    host = bench.run_session(link, plan)
    bench.wait_shots(gun, shots)
    relay.cut()
    link.unlink(missing_ok=True)
    time.sleep(0.3)
    relay.start()
    wait_for(link.is_symlink, "the port of socat")
    complete(bench, host, link, plan)
    bench.assert_proven(gun, planned=PLANNED)


@needs_socat
@pytest.mark.invariant("I-42")
@pytest.mark.parametrize("shots", [8, *long_form(2)])
def test_a_socket_that_is_cut_and_comes_back_loses_nothing(bench, plan, shots):
    inner, outer = free_port(), free_port()
    gun = bench.gun(seed=4, extra=("--tcp", f"127.0.0.1:{inner}"))
    relay = Socat(bench, f"TCP-LISTEN:{outer},bind=127.0.0.1,reuseaddr,fork", f"TCP:127.0.0.1:{inner}")
    url = f"socket://127.0.0.1:{outer}"
    wait_for(lambda: _listens(outer), "socat listens")
    host = bench.run_session(url, plan)
    bench.wait_shots(gun, shots)
    relay.process.kill()  # with its connections
    time.sleep(0.3)
    relay.start()
    complete(bench, host, url, plan)
    bench.assert_proven(gun, planned=PLANNED)


def _listens(port):
    table = Path("/proc/net/tcp").read_text(encoding="ascii")
    return any(f":{port:04X} " in line and " 0A " in line for line in table.splitlines())


@pytest.mark.invariant("I-30")
@pytest.mark.hazard("HZ-15")
@pytest.mark.parametrize("shots", [10, *long_form(1)])
def test_a_second_host_on_another_wire_of_one_gun_leaves_each_stroke_in_one_log(bench, plan, shots):
    port = free_port()
    gun = bench.gun(seed=5, rate=5, extra=("--tcp", f"127.0.0.1:{port}"))
    cable = bench.cable(gun)
    homes = (bench.path / "home-1", bench.path / "home-2")
    first = bench.meso("session", "run", plan, "--gun", cable.link, "--home", homes[0], name="first")
    bench.wait_shots(gun, shots)
    second = bench.meso(
        "session", "run", plan, "--gun", f"socket://127.0.0.1:{port}", "--home", homes[1], name="second"
    )
    for host in (first, second):
        host.wait(40)
        assert "Traceback" not in host.err + host.out, host.describe()
        assert host.status in {0, 1}, host.describe()
    for home, link in zip(homes, (cable.link, f"socket://127.0.0.1:{port}"), strict=True):
        bench.home = home
        if bench.begun():
            bench.resume(link).wait(40)
            bench.meso("audit", "verify").ok()
    logged = []
    for home in homes:
        bench.home = home
        logged.append({shot.key for shot in bench.logged()} if (home / "audit.db").exists() else set())
    truth = {one.key for one in gun.truth()}
    assert logged[0] | logged[1] == truth, (first.describe(), second.describe())
    fenced = [frame for _, frame in cable.frames(HOST_TO_GUN) if frame.type == frames.GRANT_SET]
    assert fenced, "the first host never armed"
