import select
import socket

import pytest

from protocols.errors import UsageError
from simulator.shells.tcp_endpoint import TcpEndpoint


@pytest.fixture
def port():
    made = TcpEndpoint("127.0.0.1", 0)
    yield made
    made.close()


def connect(port):
    host, number = port.address.removeprefix("socket://").rsplit(":", 1)
    return socket.create_connection((host, int(number)), timeout=5)


def wait(port):
    assert select.select(port.readers(), [], [], 5)[0]


def test_bytes_pass_both_ways(port):
    with connect(port) as host:
        wait(port)
        port.read()
        host.sendall(bytes(range(256)))
        wait(port)
        assert port.read() == bytes(range(256))
        port.write(b"answer")
        assert host.recv(100) == b"answer"


def test_second_host_is_hung_up_on_and_the_first_stays(port):
    with connect(port) as first:
        wait(port)
        port.read()
        with connect(port) as second:
            wait(port)
            port.read()
            assert second.recv(10) == b""
        port.write(b"still")
        assert first.recv(10) == b"still"


def test_next_host_is_taken_when_the_first_is_gone(port):
    for _ in range(3):
        with connect(port) as host:
            wait(port)
            port.read()
            port.write(b"hello")
            assert host.recv(10) == b"hello"
        wait(port)
        port.read()


def test_pulled_cable_hangs_up_and_comes_back_on_the_same_port(port):
    address = port.address
    with connect(port) as host:
        wait(port)
        port.read()
        port.unplug()
        assert host.recv(10) == b""
    assert port.readers() == []
    port.plug()
    assert port.address == address
    connect(port).close()


def test_host_that_does_not_read_blocks_nothing(port):
    with connect(port):
        wait(port)
        port.read()
        for _ in range(20_000):
            port.write(b"x" * 1_000)
        assert port.dropped > 0


def test_nothing_is_kept_for_a_host_that_is_not_there(port):
    port.write(b"lost")
    with connect(port) as host:
        wait(port)
        port.read()
        port.write(b"new")
        assert host.recv(10) == b"new"


def test_address_in_use_or_impossible_is_refused(port):
    number = int(port.address.rsplit(":", 1)[1])
    for wrong in (number, 70_000):
        with pytest.raises(UsageError, match="refused"):
            TcpEndpoint("127.0.0.1", wrong)
