"""Capture files, read back by hand from the pcapng format, and replay."""

import resource
import signal
import struct
import subprocess
import sys

import pytest
from msgspec.structs import replace

import drivers.capture
from drivers.capture import INBOUND, OUTBOUND, WIRE, Capture, CapturedLink, whole_size
from drivers.link_events import Answered, LinkDown, StopHeard
from drivers.replay import read_capture, replay
from protocols.errors import UsageError
from protocols.wire.messages import Heartbeat, LogRelease, TimePing


def blocks(content):
    """Split a pcapng file into (type, body), checking both lengths of each block."""
    offset = 0
    while offset < len(content):
        kind, size = struct.unpack_from("<II", content, offset)
        assert size % 4 == 0
        assert struct.unpack_from("<I", content, offset + size - 4)[0] == size
        yield kind, content[offset + 8 : offset + size - 4]
        offset += size


def test_file_is_pcapng_with_both_directions_and_microseconds(tmp_path):
    capture = Capture(tmp_path / "link.pcapng", utc_offset_us=1_700_000_000_000_000)
    capture.record(5_000_001, WIRE, OUTBOUND, b"\0abcde\0")
    capture.record(5_000_002, WIRE, INBOUND, b"\0xyz\0")
    assert capture.flush() == ""
    capture.close()
    section, wire, calls, out, back = blocks((tmp_path / "link.pcapng").read_bytes())
    assert section == (0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1))
    assert wire == (1, struct.pack("<HHI", 147, 0, 0))
    assert calls == (1, struct.pack("<HHI", 148, 0, 0))
    at = 1_700_000_005_000_001
    head = struct.pack("<IIIII", 0, at >> 32, at & 0xFFFFFFFF, 7, 7)
    assert out == (6, head + b"\0abcde\0\0" + struct.pack("<HHII", 2, 4, 2, 0))
    assert back[1][20:] == b"\0xyz\0\0\0\0" + struct.pack("<HHII", 2, 4, 1, 0)


def test_packets_read_back_as_recorded(tmp_path):
    capture = Capture(tmp_path / "c")
    sent = [(i * 1_000, i % 2, 1 + i % 3 % 2, bytes(i)) for i in range(40)]
    for entry in sent:
        capture.record(*entry)
    capture.close()
    packets = read_capture((tmp_path / "c").read_bytes())
    assert [(p.at_us, p.interface, p.direction, p.data) for p in packets] == sent


def test_existing_capture_grows_by_a_section_and_loses_only_its_torn_end(tmp_path):
    path = tmp_path / "c"
    for word in (b"one", b"two"):
        capture = Capture(path)
        capture.record(1, WIRE, INBOUND, word)
        capture.close()
        whole = path.read_bytes()
        path.write_bytes(whole + whole[-40:-7])
    capture = Capture(path)
    capture.record(1, WIRE, INBOUND, b"three")
    capture.close()
    assert [p.data for p in read_capture(path.read_bytes())] == [b"one", b"two", b"three"]


def test_capture_cut_at_any_byte_is_read_up_to_its_last_whole_block(tmp_path):
    capture = Capture(tmp_path / "c")
    for i in range(4):
        capture.record(i, WIRE, INBOUND, bytes(i))
    capture.close()
    content = (tmp_path / "c").read_bytes()
    counts = [len(list(read_capture(content[:size]))) for size in range(len(content) + 1)]
    assert counts == sorted(counts)
    assert counts[-1] == 4
    assert counts[-2] == 3


WRITER = """
import sys
from pathlib import Path
from drivers.capture import Capture
capture = Capture(Path(sys.argv[1]))
number = 0
while True:
    capture.record(number, 0, 1, number.to_bytes(4, "little"))
    if capture.flush():
        raise SystemExit("ended")
    number += 1
    if number == 1000:
        print("going", flush=True)
"""


def test_capture_is_valid_after_kill_9(tmp_path):
    path = tmp_path / "c"
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"going\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()
    content = path.read_bytes()
    packets = list(read_capture(content))
    assert len(packets) >= 1000
    assert [int.from_bytes(p.data, "little") for p in packets] == list(range(len(packets)))
    assert whole_size(content) == len(content)


@pytest.fixture
def small_disk():
    """Let no file grow over 2,000 bytes; the system then takes a part of a write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_full_disk_ends_the_capture_says_so_once_and_leaves_whole_blocks(tmp_path, small_disk):
    path = tmp_path / "c"
    capture = Capture(path)
    said = []
    small_disk()
    for i in range(100):
        capture.record(i, WIRE, INBOUND, bytes(50))
        said.append(capture.flush())
    capture.close()
    assert [line for line in said if line] == [
        f"capture {path} has ended: the disk is full; the session goes on without it"
    ]
    assert capture.ended
    content = path.read_bytes()
    assert whole_size(content) == len(content) <= 2_000
    assert len(list(read_capture(content))) > 10


def test_disk_that_stands_still_does_not_fill_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(drivers.capture, "PENDING_MAX", 10_000)
    capture = Capture(tmp_path / "c")
    for i in range(1_000):
        capture.record(i, WIRE, INBOUND, bytes(100))
    assert "could not be written for too long" in capture.flush()
    assert capture.flush() == ""
    capture.record(1, WIRE, INBOUND, b"more")
    capture.close()


def test_file_that_is_no_capture_is_refused_and_kept(tmp_path):
    path = tmp_path / "notes"
    path.write_text("my notes, long enough to look like a block")
    with pytest.raises(UsageError, match="no pcapng"):
        Capture(path)
    assert path.read_text().startswith("my notes")
    with pytest.raises(UsageError, match="cannot be written"):
        Capture(tmp_path / "none" / "c")
    with pytest.raises(UsageError, match="no capture"):
        list(read_capture(path.read_bytes()))


# --- replay -------------------------------------------------------------------------------------


def run_world(kit, path, seed, damage, offset_us=0):
    capture = Capture(path, utc_offset_us=offset_us)
    world = kit.World(seed, damage, CapturedLink(kit.HOST_ID, capture, 0))
    rng = world.rng
    world.put(0, "status")
    for i in range(2_000):
        if rng.random() < 0.08 and world.engine._calls.queued < 30:
            world.ask(rng.choice([TimePing, lambda tag: LogRelease(1, tag, bytes(8))]))
        if rng.random() < 0.05:
            world.engine.beat(world.now, Heartbeat(i + 1, 0, 500, 0, 1))
        if rng.random() < 0.004:
            world.engine.press_stop(world.now)
        if rng.random() < 0.001:
            world.take(world.engine.closed(world.now, "pulled: \\ and é"))
        world.engine.committed_seq = i // 100
        world.step()
    capture.close()
    return world.events


@pytest.mark.parametrize("damage", [0.0, 0.3])
@pytest.mark.parametrize("seed", range(8))
def test_replay_of_a_capture_reaches_the_same_events_and_frames(kit, tmp_path, seed, damage):
    events = run_world(kit, tmp_path / "c", f"replay {seed} {damage}", damage)
    again = replay((tmp_path / "c").read_bytes())
    assert list(again.events) == events
    assert again.differences == ()
    kinds = {type(event) for event in events}
    assert {Answered, StopHeard} <= kinds
    assert damage == 0 or LinkDown in kinds or len(events) > 100


def test_replay_of_time_stamps_in_utc_differs_only_by_the_offset(kit, tmp_path):
    offset_us = 1_700_000_000_000_000
    events = run_world(kit, tmp_path / "c", "utc", 0.2, offset_us)
    again = replay((tmp_path / "c").read_bytes())
    assert len(again.events) == len(events)
    for event, other in zip(events, again.events, strict=True):
        if isinstance(event, Answered):
            assert other == replace(
                event, heard_us=event.heard_us + offset_us, sent_us=event.sent_us + offset_us * (event.tries > 0)
            )


def test_replay_names_frames_that_are_sent_otherwise(kit, tmp_path):
    run_world(kit, tmp_path / "c", "changed", 0)
    content = bytearray((tmp_path / "c").read_bytes())
    place = content.index(kit.STOP)
    content[place + 3] ^= 1
    (difference,) = replay(bytes(content)).differences
    assert "was sent, now" in difference
    assert kit.STOP.hex() in difference


def test_replay_of_bytes_alone_is_refused(tmp_path):
    capture = Capture(tmp_path / "c")
    capture.record(1, WIRE, INBOUND, b"x")
    capture.close()
    with pytest.raises(UsageError, match="does not hold the host's calls"):
        replay((tmp_path / "c").read_bytes())
