"""The screen's end of the socket: answers to their questions, the newest snapshot, and a host that is gone."""

import socket

import pytest

from meso_device.console.client import UNSENT_BYTES_MAX, WAITING_MAX, Client, HostGone
from meso_device.screen_messages import Deframer, Message, ToHost, ToScreen, encode


@pytest.fixture
def ends():
    near, far = socket.socketpair()
    yield Client(near), far
    near.close()
    far.close()


def heard(far):
    return list(Deframer(ToHost).feed(far.recv(65_536)))


def test_each_answer_goes_to_who_asked_once(ends):
    client, far = ends
    got = []
    first = client.ask(ToHost.CONFIRM, lambda body: got.append(("first", body["outcome"])))
    second = client.ask(ToHost.FINISH, lambda body: got.append(("second", body["outcome"])))
    for number, outcome in ((second, "refused"), (first, "done"), (first, "done"), (999, "done")):
        far.send(encode(Message(ToScreen.ANSWER, number, {"outcome": outcome})))
    assert client.take()
    assert got == []
    client.deliver()
    client.deliver()
    assert got == [("second", "refused"), ("first", "done")]


def test_the_newest_snapshot_wins(ends):
    client, far = ends
    for no in range(5):
        far.send(encode(Message(ToScreen.SNAPSHOT, 0, {"no": no})))
    client.take()
    assert client.snapshot == {"no": 4}


def test_hello_comes_first_and_alive_counts(ends):
    client, far = ends
    client.hello()
    client.alive()
    client.alive()
    messages = heard(far)
    assert [(message.kind, dict(message.body)) for message in messages] == [
        (ToHost.HELLO, {"version": 1}),
        (ToHost.ALIVE, {"count": 1}),
        (ToHost.ALIVE, {"count": 2}),
    ]


@pytest.mark.parametrize("data", [b"", b"\xff" * 32, encode(Message(ToScreen.SNAPSHOT, 0, {}))[:-1] + b"["])
def test_a_host_that_closes_or_breaks_the_rules_is_gone(ends, data):
    client, far = ends
    if data:
        far.send(data)
    else:
        far.shutdown(socket.SHUT_RDWR)
    with pytest.raises(HostGone):
        client.take()


def test_a_host_that_reads_nothing_never_holds_the_screen_up(ends):
    """Sending waits for nobody; far beyond what a person types the host counts as gone."""
    client, _ = ends

    def say_alive_for_ever():
        for _ in range(UNSENT_BYTES_MAX):
            client.alive()

    with pytest.raises(HostGone):
        say_alive_for_ever()
    assert client.wants_write()


def test_a_host_that_answers_nothing_is_gone_in_the_end(ends):
    client, far = ends
    for _ in range(WAITING_MAX):
        client.ask(ToHost.CONFIRM, print)
        far.recv(65_536)
    with pytest.raises(HostGone):
        client.ask(ToHost.CONFIRM, print)
    assert not client.take()
