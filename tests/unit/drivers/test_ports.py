"""Ports on real pseudo-terminals and sockets: bytes, hang-ups, refusals."""

import fcntl
import grp
import os
import select
import socket
import subprocess
import sys
import termios
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import serial

from drivers.ports import open_port
from drivers.stream_port import port_pair
from drivers.tty_port import _cannot_open
from protocols.errors import LinkLost, UsageError

ALL_BYTES = bytes(range(256))


def descriptors():
    return len(list(Path("/dev/fd").iterdir()))


def read_all(port, size, wait_s=5.0):
    data = b""
    end = time.monotonic() + wait_s
    while len(data) < size:
        left = end - time.monotonic()
        assert left > 0, f"{len(data)} of {size} bytes came"
        select.select([port.fileno()], [], [], left)
        data += port.read()
    return data


# --- serial ports -------------------------------------------------------------------------------


def test_every_byte_value_passes_unchanged_both_ways(pty):
    port = open_port(pty.name)
    assert port.write(ALL_BYTES) == 256
    got = b""
    while len(got) < 256:
        got += pty.read()
    assert got == ALL_BYTES
    os.write(pty.fd, ALL_BYTES)
    assert read_all(port, 256) == ALL_BYTES
    port.close()


def test_reading_with_nothing_there_returns_nothing_at_once(pty):
    port = open_port(pty.name)
    began = time.monotonic()
    assert [port.read() for _ in range(100)] == [b""] * 100
    assert time.monotonic() - began < 20
    port.close()


def test_peer_that_never_reads_never_blocks_a_write(pty):
    port = open_port(pty.name)
    taken = 0
    began = time.monotonic()
    while written := port.write(bytes(256)):
        taken += written
        assert taken < 1_000_000
    assert time.monotonic() - began < 20
    assert taken > 0
    port.flush_output()
    port.close()


@pytest.mark.parametrize("operation", ["read", "write", "flush_output"])
@pytest.mark.parametrize("when", ["at once", "data waiting", "output full"])
def test_hang_up_at_any_point_is_one_lost_link_and_closing_is_quiet(pty, operation, when):
    port = open_port(pty.name)
    if when == "data waiting":
        os.write(pty.fd, b"last words")
    elif when == "output full":
        while port.write(bytes(256)):
            pass
    pty.hang_up()
    assert select.select([port.fileno()], [], [], 5)[0], "a hang-up wakes the owner's loop"
    arguments = (b"x",) if operation == "write" else ()

    def use():
        for _ in range(3):  # what had come before may be read first
            getattr(port, operation)(*arguments)

    with pytest.raises(LinkLost, match="hung up or unplugged"):
        use()
    port.close()
    port.close()


def test_closed_port_is_lost_for_every_call_and_has_no_descriptor(pty):
    port = open_port(pty.name)
    port.close()
    assert port.fileno() == -1
    for call in (port.read, port.flush_output, lambda: port.write(b"x")):
        with pytest.raises(LinkLost):
            call()


def test_two_hundred_cycles_of_opening_and_closing_leak_no_descriptor(pty):
    open_port(pty.name).close()
    before = descriptors()
    for i in range(200):
        port = open_port(pty.name)
        port.write(bytes([i]))
        port.close()
    assert descriptors() == before


def test_refused_openings_leak_no_descriptor(pty):
    port = open_port(pty.name)
    before = descriptors()
    for name in (pty.name, "/dev/null", "/dev/none", "/"):
        with pytest.raises(UsageError):
            open_port(name)
    assert descriptors() == before
    port.close()


def test_name_is_the_one_given_through_a_link(pty, tmp_path):
    link = tmp_path / "gun"
    link.symlink_to(pty.name)
    port = open_port(str(link))
    assert port.name == str(link)
    port.close()


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("/dev/nothing-here", "no such device"),
        ("/", "is a directory"),
        ("/dev/null", "/dev/null is not a serial port"),
        (__file__, "is not a serial port"),
        (f"{__file__}/x", "no such device"),
        ("", "no port named"),
        ("a\0b", "is not a serial port"),
        ("rfc2217://host:1", "ports are devices"),
        ("socket://host", "not of the form"),
        ("socket://:80", "not of the form"),
        ("socket://host:99999", "not of the form"),
        ("socket://no-such-host.invalid:1", "is not known"),
    ],
)
def test_what_is_no_port_is_refused_in_one_line(name, says):
    with pytest.raises(UsageError, match=says) as caught:
        open_port(name)
    assert "\n" not in str(caught.value)


def test_impossible_baud_rate_is_refused(pty):
    with pytest.raises(UsageError, match="-5 baud is not possible"):
        open_port(pty.name, -5)
    open_port(pty.name, 57_600).close()


def test_missing_permission_names_the_group_to_join(tmp_path):
    (tmp_path / "port").touch()
    error = _cannot_open(str(tmp_path / "port"), 0, PermissionError(13, "Permission denied"))
    group = grp.getgrgid((tmp_path / "port").stat().st_gid).gr_name
    assert "no permission" in str(error)
    assert f"group {group}" in str(error) or "root alone" in str(error)


def test_name_that_leads_elsewhere_while_it_is_opened_is_refused_and_free_again(ptys, tmp_path, monkeypatch):
    one, two = ptys(), ptys()
    link = tmp_path / "gun"
    link.symlink_to(one.name)
    real = serial.Serial

    def swap(*args, **kwargs):
        link.unlink()
        link.symlink_to(two.name)
        return real(*args, **kwargs)

    before = descriptors()
    monkeypatch.setattr(serial, "Serial", swap)
    with pytest.raises(UsageError, match="became another device"):
        open_port(str(link))
    monkeypatch.undo()
    assert descriptors() == before
    for end in (one, two):
        open_port(end.name).close()


# --- one holder ---------------------------------------------------------------------------------


def test_second_opening_is_refused_and_names_the_holder_through_any_name(pty, tmp_path):
    port = open_port(pty.name)
    link = tmp_path / "other-name"
    link.symlink_to(pty.name)
    for name in (pty.name, str(link)):
        with pytest.raises(UsageError, match=f"is held by process {os.getpid()}"):
            open_port(name)
    port.close()
    open_port(str(link)).close()


HOLDER = """
import sys
from drivers.ports import open_port
port = open_port(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


def test_port_held_by_another_process_is_refused_until_that_is_killed(pty):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, pty.name], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UsageError, match=rf"is held by process {holder.pid};"):
            open_port(pty.name)
    finally:
        holder.kill()
        holder.communicate()
    open_port(pty.name).close()


def test_port_locked_by_another_program_is_refused(pty):
    other = os.open(pty.name, os.O_RDWR | os.O_NOCTTY)
    fcntl.flock(other, fcntl.LOCK_EX)
    with pytest.raises(UsageError, match="held by another program"):
        open_port(pty.name)
    os.close(other)
    open_port(pty.name).close()


def test_lock_file_left_by_a_dead_process_is_taken_over(pty, tmp_path):
    device = Path(pty.name).stat().st_rdev
    lock_dir = tmp_path / "locks"
    lock_dir.mkdir()
    (lock_dir / f"port-{os.major(device)}-{os.minor(device)}.lock").write_text("999999999\n")
    port = open_port(pty.name, lock_dir=lock_dir)
    assert [path.read_text() for path in lock_dir.iterdir()] == [f"{os.getpid()}\n"]
    port.close()


def test_place_for_lock_files_that_cannot_be_made_is_named(pty, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="set XDG_RUNTIME_DIR"):
        open_port(pty.name, lock_dir=tmp_path / "file" / "locks")


def test_lock_files_of_another_user_are_not_trusted(pty, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "getuid", lambda: os.geteuid() + 1)
    with pytest.raises(UsageError, match="belongs to another user"):
        open_port(pty.name, lock_dir=tmp_path / "locks")


def test_lock_files_are_in_the_runtime_directory_or_else_in_one_of_the_users_own(pty, tmp_path, monkeypatch):
    open_port(pty.name).close()
    assert len(list((tmp_path / "meso-device").glob("port-*.lock"))) == 1
    monkeypatch.delenv("XDG_RUNTIME_DIR")
    monkeypatch.setattr("drivers.port_lock.gettempdir", lambda: str(tmp_path))
    open_port(pty.name).close()
    (path,) = tmp_path.glob("meso-device-*/port-*.lock")
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert path.stat().st_mode & 0o777 == 0o600


# --- sockets ------------------------------------------------------------------------------------


@pytest.fixture
def listener():
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(5)
        yield server


def url(listener):
    return f"socket://127.0.0.1:{listener.getsockname()[1]}"


def test_socket_port_carries_bytes_both_ways_and_ends_with_the_peer(listener):
    port = open_port(url(listener))
    peer, _ = listener.accept()
    assert port.write(ALL_BYTES) == 256
    assert peer.recv(4096) == ALL_BYTES
    peer.sendall(ALL_BYTES)
    assert read_all(port, 256) == ALL_BYTES
    assert port.read() == b""
    port.flush_output()
    peer.close()
    with pytest.raises(LinkLost, match="hung up"):
        read_all(port, 1)
    port.close()
    port.close()
    with pytest.raises(LinkLost):
        port.read()
    with pytest.raises(LinkLost):
        port.write(b"x")


def test_socket_peer_that_never_reads_never_blocks_a_write(listener):
    port = open_port(url(listener))
    peer, _ = listener.accept()
    began = time.monotonic()
    while port.write(bytes(65_536)):
        assert time.monotonic() - began < 10
    port.close()
    peer.close()


def test_refused_connection_is_one_line_at_once_or_a_lost_link_later(listener):
    name = url(listener)
    listener.close()
    with pytest.raises(UsageError, match="Connection refused"):
        open_port(name)
    try:
        port = open_port(name, connect_s=0)
    except UsageError as refused:
        assert "refused" in str(refused)  # noqa: PT017  # a fast system knows at once, another at the first read
    else:
        with pytest.raises(LinkLost, match="refused"):
            read_all(port, 1)
        port.close()


def test_connection_under_way_takes_and_gives_nothing_yet():
    # A full backlog leaves further connections waiting.
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        name = url(server)
        filling = [open_port(name, connect_s=0) for _ in range(4)]
        port = filling[-1]
        assert (port.read(), port.write(b"x")) == (b"", 0)
        with pytest.raises(UsageError, match=r"no connection within 0\.01 s"):
            open_port(name, connect_s=0.01)
        for each in filling:
            each.close()


def test_pair_is_a_cable_inside_the_process():
    one, other = port_pair("cable")
    assert (one.write(b"ping"), other.read(), other.read()) == (4, b"ping", b"")
    other.close()
    with pytest.raises(LinkLost, match="cable: hung up"):
        one.read()
    one.close()


def test_all_that_a_port_raises_goes_through_one_funnel(pty):
    """Nothing but LinkLost leaves a port, whatever the call below raises."""
    port = open_port(pty.name)
    real = os.read
    for error in (OSError(5, "x"), termios.error(25, "Inappropriate ioctl"), TypeError("no fd"), ValueError("-1")):

        def broken(*_, error=error):
            raise error

        os.read = broken
        try:
            with pytest.raises(LinkLost) as caught:
                port.read()
        finally:
            os.read = real
        assert str(caught.value).startswith(pty.name)
        assert caught.value.__cause__ is None
    port.close()


AS_NOBODY = """
import os, sys
from pathlib import Path
from tempfile import TemporaryDirectory
import serial
from drivers.ports import open_port
from protocols.errors import UsageError
os.setgroups([]); os.setgid(65534); os.setuid(65534)
try:
    open_port(sys.argv[1], lock_dir=Path(sys.argv[2]))
except UsageError as error:
    print(error)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only the superuser can become another user")
def test_user_without_permission_is_told_so(pty):
    Path(pty.name).chmod(0o600)
    with TemporaryDirectory() as place:
        os.chown(place, 65534, 65534)
        done = subprocess.run(
            [sys.executable, "-c", AS_NOBODY, pty.name, place], capture_output=True, text=True, timeout=30, check=True
        )
    assert f"{pty.name}: no permission" in done.stdout
