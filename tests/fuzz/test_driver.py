"""The driver of commands, against a peer that answers with whole frames that lie: outcomes or our errors."""

import random
import socket
import threading

import pytest
from msgspec.structs import replace

from drivers.gun import GunDriver
from drivers.outcome import Done, Refused, Unknown
from protocols.errors import LinkLost, MesoError
from protocols.wire.frame import REPLY, Deframer, Frame
from protocols.wire.messages import GrantGet, HelloReply, LimitsGet, LogRead, SettingsGet, StatusGet
from tests.fuzz import stream
from tests.fuzz.attacker import reframed
from tests.fuzz.liar import twisted

SEEDS = range(16)
ANSWERS = {frame.type: frame for raw in stream.VECTORS for frame in Deframer().feed(raw)}


class Line:
    """A port over a socket pair, as the driver sees one."""

    def __init__(self, end):
        self.end = end
        self.end.setblocking(False)
        self.name = "line"

    def fileno(self):
        return self.end.fileno()

    def read(self):
        try:
            data = self.end.recv(4_096)
        except BlockingIOError:
            return b""
        if not data:
            raise LinkLost("line: gone")
        return data

    def write(self, data):
        return self.end.send(data)

    def flush_output(self):
        pass

    def close(self):
        self.end.close()


def answer(peer, chance, honest_hello):
    """Answer every request: HELLO as asked, the rest by a recorded answer, changed at random."""
    deframer = Deframer()
    while data := peer.recv(4_096):
        for asked in deframer.feed(data):
            reply = ANSWERS.get(asked.type | REPLY)
            if reply is None:
                continue
            payload = reply.payload
            hello = asked.type == 1
            if hello and honest_hello:
                true = HelloReply.unpack(bytes(HelloReply.SIZE))
                payload = bytes(4) + replace(true, host_nonce=asked.payload[:16], session=5, major=1).pack()
            frame = Frame(0x10, reply.type, asked.req_id, asked.session, chance.getrandbits(32), bytes(payload))
            if not (hello and honest_hello) and chance.random() < 0.9:
                frame = Frame(0x10, frame.type, frame.req_id, frame.session, frame.aux, twisted(chance, frame))
            try:
                peer.sendall(reframed(frame) + chance.randbytes(chance.randrange(3)))
            except (BrokenPipeError, ConnectionResetError):
                return  # the driver has given up and closed: there is nobody left to lie to


@pytest.mark.invariant("I-21")
@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_a_peer_answers_is_an_outcome_or_an_error_of_ours(seed):
    chance = random.Random(seed)
    ours, peer = socket.socketpair()
    talker = threading.Thread(target=answer, args=(peer, chance, seed % 4 > 0))
    talker.start()
    answered = 0
    try:
        with GunDriver(Line(ours), bytes(16)) as driver:
            for _ in range(3):
                try:
                    driver.hello(timeout_s=0.05)
                except MesoError:
                    continue
            for request in (StatusGet(), SettingsGet(), LimitsGet(), LogRead(1, 1, 3), GrantGet(0)):
                try:
                    outcome = driver.request(request, timeout_s=0.05)
                except MesoError:
                    continue
                assert isinstance(outcome, Done | Refused | Unknown)
                answered += not isinstance(outcome, Unknown)
        assert answered or seed % 4 == 0
    finally:
        talker.join(timeout=10)
        peer.close()
    assert not talker.is_alive()
