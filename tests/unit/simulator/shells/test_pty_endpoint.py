import os
import select
import subprocess
import sys
import termios
from contextlib import contextmanager
from pathlib import Path

import pytest

from protocols.errors import UsageError
from simulator.shells.pty_endpoint import PtyEndpoint


@pytest.fixture
def port(tmp_path):
    made = PtyEndpoint(tmp_path / "gun")
    yield made
    made.close()


def open_host(port):
    return os.open(port.address, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)


def readable(fd):
    return bool(select.select([fd], [], [], 2)[0])


def test_bytes_pass_unchanged_both_ways(port):
    every = bytes(range(256))
    host = open_host(port)
    os.write(host, every)
    assert readable(port.readers()[0])
    assert port.read() == every
    port.write(every)
    assert readable(host)
    assert os.read(host, 1_000) == every
    os.close(host)


def test_host_may_open_and_close_as_often_as_it_likes(port):
    for count in range(50):
        host = open_host(port)
        os.write(host, bytes([count]))
        assert readable(port.readers()[0])
        os.close(host)
        assert port.read() == bytes([count])
        assert port.read() == b""


def test_host_that_does_not_read_blocks_nothing_and_drops_are_counted(port):
    host = open_host(port)
    for _ in range(1_000):
        port.write(b"\0" + b"x" * 98 + b"\0")
    assert port.dropped > 0
    assert port.writers() == port.readers()
    got = b""
    while readable_now(host):
        got += os.read(host, 65_536)
        port.write(b"")
    assert 100 < len(got) < 100_000
    assert len(got) % 100 == 0, "whole writes are lost, never parts of them"
    assert port.writers() == []
    os.close(host)


def readable_now(fd):
    return bool(select.select([fd], [], [], 0.05)[0])


def test_pulled_cable_hangs_the_host_up_and_comes_back_under_the_same_name(port):
    host = open_host(port)
    port.unplug()
    assert not os.path.lexists(port.address)
    with pytest.raises(OSError):
        os.write(host, b"x")
    os.close(host)
    assert (port.readers(), port.writers(), port.read()) == ([], [], b"")
    port.write(b"lost")
    port.plug()
    port.plug()
    host = open_host(port)
    port.write(b"back")
    assert readable(host)
    assert os.read(host, 10) == b"back"
    os.close(host)


def test_link_goes_when_the_gun_goes(tmp_path):
    port = PtyEndpoint(tmp_path / "gun")
    assert (tmp_path / "gun").is_symlink()
    port.close()
    assert list(tmp_path.iterdir()) == []


def test_stale_link_of_a_killed_gun_is_replaced(tmp_path):
    (tmp_path / "gun").symlink_to("/dev/pts/none")
    port = PtyEndpoint(tmp_path / "gun")
    os.close(open_host(port))
    port.close()


def test_link_that_someone_else_has_taken_is_left_to_them(tmp_path):
    port = PtyEndpoint(tmp_path / "gun")
    (tmp_path / "gun").unlink()
    (tmp_path / "gun").symlink_to("/dev/pts/none")
    port.close()
    assert (tmp_path / "gun").is_symlink()


@contextmanager
def start_gun(link):
    command = [sys.executable, "-m", "meso_device", "simulate", "--link", str(link), "--hand", "none"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as gun:
        try:
            yield gun
        finally:
            gun.kill()


def test_second_gun_leaves_a_living_gun_its_link_and_may_have_a_killed_ones(tmp_path):
    link = tmp_path / "gun"
    with start_gun(link) as first:
        assert first.stdout.readline().startswith("ready")
        device = link.readlink()
        with start_gun(link) as second:
            said = second.communicate(timeout=60)[1]
        assert second.returncode == 2
        assert "another simulated gun stands there" in said
        assert said.count("\n") == 1
        assert link.readlink() == device
        first.kill()
    with start_gun(link) as third:
        assert third.stdout.readline().startswith("ready")
        third.terminate()
        third.wait(60)
    assert list(tmp_path.iterdir()) == []


def test_name_of_something_that_is_no_link_is_refused(tmp_path):
    (tmp_path / "file").write_text("precious")
    for name in ("file", "none/gun"):
        with pytest.raises(UsageError, match="refused"):
            PtyEndpoint(tmp_path / name)
    with pytest.raises(UsageError, match="not a link"):
        PtyEndpoint(tmp_path)
    assert (tmp_path / "file").read_text() == "precious"


def test_port_is_raw(port):
    host = open_host(port)
    _, output, _, local, *_ = termios.tcgetattr(host)
    assert not output & termios.OPOST
    assert not local & (termios.ECHO | termios.ICANON | termios.ISIG)
    os.close(host)


def test_thousand_plugs_leak_no_descriptor(port):
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(1_000):
        port.unplug()
        port.plug()
    assert len(list(Path("/proc/self/fd").iterdir())) == before
