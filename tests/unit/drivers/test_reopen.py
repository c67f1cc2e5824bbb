"""Getting the port back: same name, another name, a link made anew; on PTYs, in virtual time."""

import select
import socket

import pytest

from drivers.reopen import BACK_OFF_MAX_US, Reopener
from protocols.errors import LinkLost

S = 1_000_000


class Ports:
    """The list of ports that the system gives, as the test sets it."""

    def __init__(self, *names):
        self.names = [*names]
        self.asked = 0

    def __call__(self):
        self.asked += 1
        return [*self.names]


def steps(reopener, until_us):
    """Step at each deadline; return the times and the port, if one opened."""
    times = []
    while (due := reopener.next_deadline_us()) is not None and due <= until_us:
        times.append(due)
        port = reopener.step(due)
        if port is not None:
            return times, port
    return times, None


def test_same_name_is_opened_at_once_when_it_is_there(pty):
    reopener = Reopener(pty.name, 7, list_ports=Ports())
    _, port = steps(reopener, 7)
    assert port.name == pty.name
    assert (reopener.next_deadline_us(), reopener.step(S), reopener.problem) == (None, None, "")
    port.close()


def test_pauses_grow_to_a_second_and_the_problem_is_told():
    reopener = Reopener("/dev/nothing-here", 0, list_ports=Ports())
    times, port = steps(reopener, 5 * S)
    assert port is None
    assert times == [0, 50_000, 150_000, 350_000, 750_000, 1_550_000, 2_550_000, 3_550_000, 4_550_000]
    assert BACK_OFF_MAX_US == S
    assert "no such device" in reopener.problem


def test_stepping_early_does_nothing():
    ports = Ports()
    reopener = Reopener("/dev/nothing-here", 100, list_ports=ports)
    assert (reopener.step(99), ports.asked) == (None, 0)


def test_device_that_comes_back_under_the_same_link_is_opened(ptys, tmp_path):
    link = tmp_path / "gun"
    old, new = ptys(), ptys()
    link.symlink_to(old.name)
    old.hang_up()
    link.unlink()
    reopener = Reopener(str(link), 0, list_ports=Ports())
    assert steps(reopener, S)[1] is None
    link.symlink_to(new.name)
    _, port = steps(reopener, 3 * S)
    assert port.name == str(link)
    port.write(b"x")
    assert new.read() == b"x"
    port.close()


def test_gun_that_comes_back_under_another_name_is_found_before_known_ports(ptys):
    known, fresh = ptys(), ptys()
    ports = Ports()
    reopener = Reopener("/dev/nothing-here", 0, known_ports=[known.name], list_ports=ports)
    assert steps(reopener, S)[1] is None
    ports.names = [known.name, fresh.name]
    _, port = steps(reopener, 3 * S)
    assert port.name == fresh.name
    port.close()


def test_port_that_is_not_the_gun_is_passed_over_until_the_next_round(ptys):
    one, two = ptys(), ptys()
    reopener = Reopener("/dev/nothing-here", 0, list_ports=Ports(one.name, two.name))
    now, opened = 0, []
    while len(opened) < 5:
        now = reopener.next_deadline_us()
        port = reopener.step(now)
        if port is not None:
            opened.append((port.name, now))
            port.close()
            reopener.rejected(now)
    assert [name for name, _ in opened] == [one.name, two.name] * 2 + [one.name]
    assert opened[4][1] - opened[2][1] > opened[2][1] - opened[0][1], "rounds come slower and slower"


def test_port_in_use_is_passed_over(ptys):
    one = ptys()
    holder = Reopener(one.name, 0, list_ports=Ports())
    held = holder.step(0)
    reopener = Reopener(one.name, 0, list_ports=Ports())
    assert steps(reopener, S)[1] is None
    assert "is held by process" in reopener.problem
    held.close()
    port = steps(reopener, 3 * S)[1]
    assert port is not None
    port.close()


def test_socket_is_tried_again_without_waiting_and_without_touching_serial_ports():
    with socket.create_server(("127.0.0.1", 0)) as server:
        name = f"socket://127.0.0.1:{server.getsockname()[1]}"
        ports = Ports("/dev/ttyS0")
        port = steps(Reopener(name, 0, list_ports=ports), 0)[1]
        peer, _ = server.accept()
        peer.close()
        assert select.select([port.fileno()], [], [], 5)[0]
        with pytest.raises(LinkLost):
            port.read()
        port.close()
    reopener = Reopener(name, 0, list_ports=ports)
    now, tries = 0, 0
    while now < 5 * S:
        tries += 1
        now = reopener.next_deadline_us()
        port = reopener.step(now)
        if port is not None:  # connecting; the refusal comes with the first read
            port.close()
            reopener.rejected(now)
    assert 5 < tries < 15
    assert ports.asked == 0
