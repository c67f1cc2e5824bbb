import select
import socket
import stat
import threading

import pytest

from meso_device.host.home import Home
from meso_device.host.stop_call import HEARD, call_stop
from meso_device.host.stopper import PEERS_MAX, Stopper
from meso_device.session.contract import Instant, Stop
from protocols.errors import MesoError

NOW = Instant(0, 0)


def turn(stopper):
    readable, _, _ = select.select(stopper.reads(), [], [], 0.01)
    return stopper.ready(frozenset(readable), frozenset(), NOW)


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


@pytest.fixture
def stopper(home):
    stopper = Stopper(home)
    yield stopper
    stopper.close()


def peer(home):
    connection = socket.socket(socket.AF_UNIX)
    connection.settimeout(5)
    connection.connect(str(home.stop_socket))
    return connection


@pytest.mark.hazard("HZ-12")
def test_the_word_stops_the_gun_and_is_answered(home, stopper):
    with peer(home) as one:
        one.sendall(b"STOP\n")
        assert turn(stopper) == []  # the peer is let in
        assert turn(stopper) == [Stop(source="meso stop")]
        assert one.recv(16) == HEARD
    assert turn(stopper) == []


@pytest.mark.parametrize("words", [b"STO", b"stop\n", b"START", b""])
def test_any_other_word_does_nothing(home, stopper, words):
    with peer(home) as one:
        one.sendall(words)
        one.shutdown(socket.SHUT_WR)
        assert turn(stopper) == []
        assert turn(stopper) == []
        assert one.recv(16) == b""


def test_a_crowd_that_says_nothing_does_not_keep_the_word_out(home, stopper):
    crowd = [peer(home) for _ in range(3 * PEERS_MAX) if turn(stopper) == []]
    with peer(home) as one:
        one.sendall(b"STOP\n")
        said = [command for _ in range(4) for command in turn(stopper)]
    assert said == [Stop(source="meso stop")]
    assert len(stopper.reads()) <= PEERS_MAX + 1
    for silent in crowd:
        silent.close()


def test_only_the_owner_may_speak_to_it(home, stopper):
    assert stat.S_IMODE(home.stop_socket.stat().st_mode) == 0o600


def test_the_socket_goes_with_its_host_and_one_left_by_a_dead_host_is_replaced(home):
    dead = socket.socket(socket.AF_UNIX)
    dead.bind(str(home.stop_socket))
    dead.close()
    Stopper(home).close()
    assert not home.stop_socket.exists()


def test_a_data_directory_of_any_depth_will_do(tmp_path):
    root = tmp_path / ("deep" * 30)
    root.mkdir()
    stopper = Stopper(Home(root))
    caller = threading.Thread(target=call_stop, args=(Home(root).stop_socket,))
    caller.start()
    said = []
    while not said:
        said = turn(stopper)
    caller.join()
    stopper.close()
    assert said == [Stop(source="meso stop")]


def test_without_a_host_the_caller_is_told_what_is_left_to_do(home):
    with pytest.raises(MesoError, match="release the trigger"):
        call_stop(home.stop_socket)


def test_a_host_that_does_not_answer_is_told_of(home, stopper, monkeypatch):
    monkeypatch.setattr("meso_device.host.stop_call.ANSWER_S", 0.05)
    with pytest.raises(MesoError, match="does not answer"):
        call_stop(home.stop_socket)
