"""The driver for one request at a time, against a gun in a thread at the far end of a PTY or a socket pair."""

import os
import threading
import time

import pytest

from drivers.gun import GunDriver, code_name
from drivers.outcome import Done, Refused, Unknown
from drivers.ports import open_port
from drivers.stream_port import port_pair
from protocols.errors import GunRefused, LinkLost, OutcomeUnknown
from protocols.wire.codes import Code
from protocols.wire.messages import EstoppedEvent, LogRelease, LogReleaseReply, Status, StatusGet, TimePing


@pytest.fixture
def gun(kit):
    return kit.ScriptedGun()


def test_requests_over_a_pty_are_answered(kit, pty, gun):
    with kit.Peer(pty.fd, gun.feed), GunDriver(open_port(pty.name), kit.HOST_ID) as driver:
        assert driver.hello().gun_uid == gun.uid
        for i in range(1, 200):
            assert driver.request(TimePing(i)).body.host_mono_ns == i
            assert driver.request(LogRelease(1, i, bytes(8))) == Done(LogReleaseReply(i))
        assert gun.executed == list(range(1, 200))


def test_refusals_are_outcomes(kit, pty, gun):
    with kit.Peer(pty.fd, gun.feed), GunDriver(open_port(pty.name), kit.HOST_ID) as driver:
        driver.hello()
        gun.session += 1
        assert driver.request(StatusGet()) == Refused(Code.E_SESSION)


def test_events_that_come_between_are_kept(kit, pty, gun):
    def respond(data):
        return [gun.status(state=3), *gun.feed(data), gun.status(state=4)]

    with kit.Peer(pty.fd, respond), GunDriver(open_port(pty.name), kit.HOST_ID) as driver:
        driver.hello()
        driver.request(StatusGet())
        driver.listen(0.02)
        states = [event.state for event in driver.events if isinstance(event, Status)]
        assert states == [3, 4, 3, 4]


def test_stop_is_answered(kit, pty, gun):
    with kit.Peer(pty.fd, gun.feed), GunDriver(open_port(pty.name), kit.HOST_ID) as driver:
        driver.hello()
        heard = driver.stop()
        assert heard.latch_id == gun.latch_id
        assert isinstance(driver.events[-1], EstoppedEvent)
        # A busy computer lets it be sent again before the answer is read.
        assert 1 <= gun.stops <= driver.link.stats.stops_sent


def test_lost_reply_is_repeated_and_done_once(kit, pty, gun):
    dropped = []

    def respond(data):
        frames = gun.feed(data)
        if gun.executed and not dropped:
            dropped.extend(frames)
            return []
        return frames

    with kit.Peer(pty.fd, respond), GunDriver(open_port(pty.name), kit.HOST_ID) as driver:
        driver.hello()
        assert driver.request(LogRelease(1, 5, bytes(8))) == Done(LogReleaseReply(5))
        assert gun.executed == [5]
        assert driver.link.stats.retransmits >= 1


def test_no_answer_in_time_is_unknown_and_the_late_one_is_not_taken(kit, gun):
    near, far = port_pair()
    with GunDriver(near, kit.HOST_ID) as driver:
        with pytest.raises(OutcomeUnknown, match=r"HELLO: no answer within 0\.02 s"):
            driver.hello(0.02)
        for frame in gun.feed(far.read()):
            far.write(frame)
        outcome = driver.request(TimePing(1), 0.02)
        assert outcome == Unknown("no answer within 0.02 s")
        late = gun.feed(far.read())
        assert late
        for frame in late:
            far.write(frame)
        assert driver.request(TimePing(2), 0.02) == Unknown("no answer within 0.02 s")
    far.close()


def test_refused_hello_says_why(kit):
    near, far = port_pair()

    def respond(data):
        return [kit.make_frame(0x81, frame[1], 0, 0, bytes([Code.E_VERSION, 2, 0, 0])) for frame in kit.frames_in(data)]

    with (
        kit.Peer(far.fileno(), respond),
        GunDriver(near, kit.HOST_ID) as driver,
        pytest.raises(GunRefused, match="E_VERSION"),
    ):
        driver.hello()
    far.close()


@pytest.mark.parametrize("bytes_first", [0, 1, 60])
def test_hang_up_while_waiting_is_a_lost_link(kit, pty, gun, bytes_first):
    with GunDriver(open_port(pty.name), kit.HOST_ID) as driver:
        reply = b""

        def pull():
            nonlocal reply
            data = pty.read()
            reply = b"".join(gun.feed(data))[:bytes_first]
            if reply:
                os.write(pty.fd, reply)
            pty.hang_up()

        thread = threading.Thread(target=pull)
        thread.start()
        with pytest.raises(LinkLost, match="hung up"):
            driver.hello()
        thread.join()
        with pytest.raises(LinkLost):
            driver.request(StatusGet())
        with pytest.raises(LinkLost):
            driver.stop()


def test_gun_that_falls_silent_is_a_lost_link(kit, gun, monkeypatch):
    now_s = [100.0]
    monkeypatch.setattr("drivers.gun._now_us", lambda: int(now_s[0] * 1_000_000))
    near, far = port_pair()
    with GunDriver(near, kit.HOST_ID) as driver:
        with kit.Peer(far.fileno(), gun.feed):
            driver.hello()
            now_s[0] += 1.0
            assert isinstance(driver.request(StatusGet()), Done)
        now_s[0] += 1.6
        with pytest.raises(LinkLost, match=r"no bytes for 1\.5 s"):
            driver.request(StatusGet())
    far.close()


def test_peer_that_never_reads_does_not_hold_the_driver(kit, pty):
    port = open_port(pty.name)
    while port.write(bytes(64)):
        pass
    began = time.monotonic()
    with GunDriver(port, kit.HOST_ID) as driver, pytest.raises(OutcomeUnknown):
        driver.hello(0.1)
    assert time.monotonic() - began < 20


def test_codes_have_names():
    assert (code_name(9), code_name(250)) == ("E_BUSY", "code 250")
