"""Finding guns among other devices: real PTYs with a thread at each far end."""

import os
import time
from contextlib import ExitStack
from itertools import count

import pytest
from msgspec.structs import replace
from serial.tools import list_ports

from drivers.discovery import candidate_ports, discover
from drivers.ports import open_port
from protocols.wire.codes import Code, GunFlag
from protocols.wire.messages import Hello


def find_one(kit, pty, respond, **peer):
    with kit.Peer(pty.fd, respond, **peer):
        (found,) = discover([pty.name], kit.HOST_ID, timeout_s=0.4)
    assert found.port == pty.name
    return found


def hello_with(kit, version=0x10, **changes):
    """Answer HELLO with a reply that has these fields."""

    def respond(data):
        for kind, req_id, _, _, payload in kit.frames_in(data):
            assert kind == Hello.TYPE, "nothing but HELLO before identity"
            body = replace(kit.HELLO_REPLY, host_nonce=payload[:16], **changes).pack()
            yield kit.make_frame(0x81, req_id, 0, 0, bytes(4) + body, version)

    return respond


def test_gun_is_found_with_its_identity_and_whether_it_is_simulated(kit, ptys):
    real = find_one(kit, ptys(), hello_with(kit, serial="M-007"))
    assert (real.reply.serial, real.simulated, real.problem) == ("M-007", False, "")
    simulated = find_one(kit, ptys(), hello_with(kit, flags=GunFlag.SIMULATED))
    assert simulated.simulated


def test_gun_that_is_heard_after_its_boot_text_is_found(kit, pty):
    assert find_one(kit, pty, hello_with(kit), first=b"boot loader 1.2\r\n\0").problem == ""


def test_silent_device_is_named_so_in_time(kit, pty):
    began = time.monotonic()
    found = find_one(kit, pty, lambda _: ())
    assert "no answer within 0.4 s" in found.problem
    assert found.reply is None
    assert not found.simulated
    assert time.monotonic() - began < 20


def test_babbling_device_is_named_so(kit, pty):
    numbers = count()
    found = find_one(kit, pty, lambda _: [b"+  %d.20 g\r\n" % next(numbers)], first=b"S S 12.3 g\r\n" * 50)
    assert "bytes that are not the wire protocol" in found.problem


def test_device_that_babbles_without_end_takes_no_longer(kit, pty):
    began = time.monotonic()

    def respond(_):
        while time.monotonic() - began < 0.4:
            yield os.urandom(64)
            time.sleep(0.001)  # a device at 512 kbit/s, so that the thread does not hold the interpreter

    assert "not the wire protocol" in find_one(kit, pty, respond).problem
    assert time.monotonic() - began < 20


def test_echoing_device_is_named_so(kit, pty):
    assert "sends back what it is sent" in find_one(kit, pty, lambda data: [data]).problem


def test_gun_that_only_talks_is_named_so(kit, pty):
    found = find_one(kit, pty, lambda _: [kit.ScriptedGun().status()])
    assert "does not answer HELLO" in found.problem


@pytest.mark.parametrize("major", [2, 15])
def test_gun_of_a_newer_major_version_is_named_so(kit, pty, major):
    found = find_one(kit, pty, hello_with(kit, version=major << 4, major=major))
    assert found.problem == f"speaks wire protocol {major}; this host speaks 1: update meso-device"
    assert found.reply is not None


def test_gun_that_refuses_the_version_is_named_so(kit, ptys):
    def refuse(detail, code=Code.E_VERSION):
        def respond(data):
            return [kit.make_frame(0x81, frame[1], 0, 0, bytes([code, detail, 0, 0])) for frame in kit.frames_in(data)]

        return respond

    assert "speaks wire protocol 3" in find_one(kit, ptys(), refuse(3)).problem
    assert "another major version" in find_one(kit, ptys(), refuse(0)).problem
    assert "refuses HELLO with code 9" in find_one(kit, ptys(), refuse(0, Code.E_BUSY)).problem


def test_many_ports_are_asked_at_once_and_told_in_order(kit, ptys):
    ends = [ptys() for _ in range(6)]
    began = time.monotonic()
    with ExitStack() as stack:
        for i, end in enumerate(ends):
            stack.enter_context(kit.Peer(end.fd, hello_with(kit, serial=f"S{i}") if i % 2 else lambda _: ()))
        names = [end.name for end in ends]
        found = discover([names[0], *names, "/dev/nothing-here"], kit.HOST_ID, timeout_s=0.4)
    assert time.monotonic() - began < 20
    assert [gun.port for gun in found] == [*names, "/dev/nothing-here"]
    assert [gun.reply.serial if gun.reply else None for gun in found] == [None, "S1", None, "S3", None, "S5", None]
    assert "no such device" in found[-1].problem


def test_port_in_use_is_left_alone_and_named(kit, pty):
    port = open_port(pty.name)
    (found,) = discover([pty.name], kit.HOST_ID, timeout_s=0.1)
    assert "is held by process" in found.problem
    assert port.read() == b""
    port.close()


def test_hang_up_in_the_middle_is_named(kit, pty):
    def pull(_):
        pty.hang_up()

    assert "hung up" in find_one(kit, pty, pull).problem


def test_ports_are_free_again_afterwards(kit, pty):
    find_one(kit, pty, lambda _: ())
    open_port(pty.name).close()


def test_candidates_are_the_names_given_and_the_listed_ports_each_device_once(monkeypatch, tmp_path):
    class Listed:
        def __init__(self, device):
            self.device = device

    (tmp_path / "ttyX").touch()
    (tmp_path / "link").symlink_to(tmp_path / "ttyX")
    listed = [Listed(str(tmp_path / "ttyY")), Listed(str(tmp_path / "ttyX"))]
    monkeypatch.setattr(list_ports, "comports", lambda: listed)
    names = [str(tmp_path / "link"), "socket://localhost:1"]
    assert candidate_ports(names) == [*names, str(tmp_path / "ttyY")]
    assert candidate_ports() == [str(tmp_path / "ttyX"), str(tmp_path / "ttyY")]
