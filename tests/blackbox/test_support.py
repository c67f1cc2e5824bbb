"""The harness itself: a check that cannot fail proves nothing."""

import ast
import os
import random
import select
import sys
import time
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import pytest
from support import frames
from support.cable import GUN_TO_HOST, HOST_TO_GUN, Cable
from support.checks import assert_one_clear_line
from support.devices import Babbler, Device, ForeignGun, Mute, newer_gun_hello, newer_gun_refusal
from support.disks import file_system_of, fill, small_disk
from support.gun import ask_hello, assert_gun_disarmed, open_port
from support.processes import Process, wait_for
from support.records import Shot, Truth, assert_log_equals_truth, disagreement, read_export, read_truth

HERE = Path(__file__).parent
OURS = {"meso_device", "drivers", "simulator", "protocols"}


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


@pytest.mark.parametrize("path", sorted(HERE.rglob("*.py")), ids=lambda path: path.name)
def test_no_file_here_imports_the_product_and_support_needs_the_standard_library_alone(path):
    foreign = imports(path) - set(sys.stdlib_module_names) - {"support"}
    assert not foreign & OURS
    assert foreign <= (set() if path.parent.name == "support" else {"pytest"})


# --- frames -------------------------------------------------------------------------------------


def test_cobs_gives_back_any_bytes_and_never_contains_a_zero():
    chance = random.Random(1)
    for length in [*range(300), 508, 509, 762]:
        for data in (bytes(length), bytes([1]) * length, chance.randbytes(length)):
            encoded = frames.cobs_encode(data)
            assert 0 not in encoded
            assert frames.cobs_decode(encoded) == data


def test_the_stop_frame_is_what_the_specification_spells_and_decodes_as_a_frame():
    assert crc32(b"123456789") == 0xCBF43926
    (stop,) = frames.Reader().feed(frames.STOP_BYTES)
    assert stop == frames.Frame(1, frames.ESTOP, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, b"")
    assert frames.encode(frames.ESTOP, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, b"") == frames.STOP_BYTES


def test_every_single_bit_flip_in_a_frame_is_noticed():
    whole = frames.encode(frames.STATUS, 0, 5, 1234, bytes(range(64)))
    for bit in range(8, (len(whole) - 1) * 8):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        assert frames.Frame(1, frames.STATUS, 0, 5, 1234, bytes(range(64))) not in frames.Reader().feed(bytes(damaged))


def test_frames_are_found_however_the_stream_is_cut_and_each_has_the_time_of_its_last_byte():
    sent = [frames.encode(frames.HEARTBEAT, 0, 1, n, bytes(12)) for n in range(20)]
    stream = b"boot text" + b"".join(sent)
    chance = random.Random(2)
    chunks, at = [], 0
    while at < len(stream):
        size = chance.randrange(1, 9)
        chunks.append((at + size, stream[at : at + size]))
        at += size
    found = frames.timed_frames(chunks)
    assert [frame.aux for _, frame in found] == list(range(20))
    ends = [len(b"boot text") + sum(map(len, sent[: n + 1])) for n in range(20)]
    assert all(end <= time < end + 9 for (time, _), end in zip(found, ends, strict=True))


@pytest.mark.parametrize("size", [1, 2, 7, 18, 19, 20, 400])
def test_every_stop_is_found_once_wherever_the_chunks_are_cut(size):
    stream = b"\x05ab" + frames.STOP_BYTES * 2 + b"xy" * 9 + frames.STOP_BYTES + b"\0"
    chunks = [(at, stream[at : at + size]) for at in range(0, len(stream), size)]
    assert len(frames.stop_times(chunks)) == 3
    assert frames.stop_times([(1, frames.STOP_BYTES[:-1])]) == []


def test_a_hello_reply_has_224_bytes_with_the_fields_at_the_offsets_of_the_specification():
    body = frames.build_hello({"gun_uid": b"A" * 12, "state": 5, "remaining_shots": 258, "host_nonce": b"n" * 16})
    assert (len(body), frames.HELLO_REPLY_SIZE) == (224, 224)
    assert (body[20:32], body[41], body[184:186], body[208:224]) == (b"A" * 12, 5, b"\x02\x01", b"n" * 16)
    assert frames.parse_hello(body)["remaining_shots"] == 258


def test_status_is_read_at_the_offsets_of_the_specification():
    body = bytearray(64)
    body[0], body[4:8], body[12:14], body[14:16], body[24:28] = (
        2,
        b"\x09\0\0\0",
        b"\x03\0",
        b"\xf4\x01",
        b"\x07\0\0\0",
    )
    status = frames.parse_status(bytes(body))
    assert (status.state, status.head_seq, status.remaining_shots) == (2, 9, 3)
    assert (status.lease_left_ms, status.estop_latch_id) == (500, 7)


# --- cable --------------------------------------------------------------------------------------


class Echo(Device):
    def answers(self, data):
        return data


def read_until(fd: int, size: int, within_s: float = 3.0) -> bytes:
    data, end = b"", time.monotonic() + within_s
    while len(data) < size and time.monotonic() < end:
        if select.select([fd], [], [], 0.05)[0]:
            data += os.read(fd, 4096)
    return data


def hung_up(fd: int) -> bool:
    try:
        return not os.read(fd, 100)
    except BlockingIOError:
        return False
    except OSError:
        return True


@pytest.fixture
def echo(bench):
    with Echo(bench.path / "echo.tty") as device:
        yield device


@pytest.fixture
def cable(bench, echo):
    cable = Cable(
        gun_tty=echo.link,
        link=bench.path / "cable.tty",
        seed=3,
        out_stem=bench.path / "cable",
        env=bench.environment(),
    )
    yield cable
    cable.process.kill()


def test_the_cable_passes_bytes_both_ways_and_logs_them_with_ascending_times(cable):
    before = time.monotonic_ns()
    fd = open_port(cable.link)
    os.write(fd, b"\x00\x03\x04\x11\x13\xff hello")
    assert read_until(fd, 12) == b"\x00\x03\x04\x11\x13\xff hello"
    os.close(fd)
    for way in (HOST_TO_GUN, GUN_TO_HOST):
        assert b"".join(data for _, data in cable.chunks(way)) == b"\x00\x03\x04\x11\x13\xff hello"
    times = [row["t"] for row in cable.log()]
    assert times == sorted(times)
    assert before < cable.chunks(HOST_TO_GUN)[0][0] < cable.chunks(GUN_TO_HOST)[0][0] < time.monotonic_ns()


def test_corruption_changes_about_as_many_bytes_as_asked_and_loses_none(cable):
    cable.corrupt(10_000, HOST_TO_GUN)
    fd = open_port(cable.link)
    back = b""
    for _ in range(20):
        os.write(fd, bytes(1000))
        back += read_until(fd, 1000)
    os.close(fd)
    assert len(back) == 20_000
    assert 120 < len(back) - back.count(0) < 290
    told = [row for row in cable.log() if "out" in row]
    assert {row["dir"] for row in told} == {HOST_TO_GUN}


def test_dropping_loses_about_as_many_bytes_as_asked(cable):
    cable.drop(50_000, HOST_TO_GUN)
    fd = open_port(cable.link)
    for _ in range(10):
        os.write(fd, bytes(1000))
        time.sleep(0.01)
    wait_for(lambda: cable.count(HOST_TO_GUN) == 10_000, "all bytes taken in")
    back = read_until(fd, 10_000, within_s=0.5)
    os.close(fd)
    assert 9_300 < len(back) < 9_700


def test_a_stalled_way_holds_the_bytes_back_until_it_is_let_go(cable):
    cable.stall(GUN_TO_HOST, on=True)
    fd = open_port(cable.link)
    os.write(fd, b"held")
    assert read_until(fd, 1, within_s=0.2) == b""
    assert cable.count(GUN_TO_HOST) == 4
    cable.stall(GUN_TO_HOST, on=False)
    assert read_until(fd, 4) == b"held"
    os.close(fd)


def test_pulling_the_cable_hangs_up_at_the_host_and_it_comes_back_under_another_name(cable, bench):
    fd = open_port(cable.link)
    cable.unplug()
    assert not cable.plugged
    wait_for(lambda: hung_up(fd), "the hang-up")
    os.close(fd)
    first = cable.link
    cable.replug(bench.path / "other.tty")
    assert (first.is_symlink(), cable.plugged) == (False, True)
    fd = open_port(cable.link)
    os.write(fd, b"again")
    assert read_until(fd, 5) == b"again"
    os.close(fd)


@pytest.mark.parametrize("count", [1, 7, 100])
def test_the_cable_is_cut_after_exactly_the_byte_named(cable, echo, count):
    cable.cut_after(HOST_TO_GUN, count)
    fd = open_port(cable.link)
    os.write(fd, bytes(range(1, 201)))
    wait_for(lambda: not cable.plugged, "the cut")
    os.close(fd)
    wait_for(lambda: len(echo.heard) >= count, "the bytes before the cut")
    assert echo.heard == bytes(range(1, count + 1))


def test_a_gun_that_hangs_up_is_found_again_while_the_hosts_end_stays(cable, echo, bench):
    fd = open_port(cable.link)
    echo.close()
    wait_for(lambda: any(row.get("event") == "gun hung up" for row in cable.log()), "hang-up seen")
    with Echo(echo.link):
        wait_for(lambda: any(row.get("event") == "gun back" for row in cable.log()), "gun found again")
        os.write(fd, b"there")
        assert read_until(fd, 5) == b"there"
    os.close(fd)


# --- devices ------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lines", "noise", "endless", "echo"])
def test_a_babbler_talks_and_says_nothing_that_is_a_frame_of_a_gun(bench, kind):
    with Babbler(bench.path / "babbler.tty", seed=4, kind=kind) as device:
        fd = open_port(device.link)
        os.write(fd, frames.hello_request(bytes(16), bytes(16)))
        said = read_until(fd, 400, within_s=0.5)
        os.close(fd)
    assert said
    assert all(frame.type < frames.REPLY for frame in frames.Reader().feed(said))


def test_a_mute_device_hears_and_never_answers(bench):
    with Mute(bench.path / "mute.tty") as device:
        with pytest.raises(AssertionError, match="no HELLO reply"):
            ask_hello(device.link, within_s=0.5)
        assert device.heard


def test_the_gun_of_a_newer_major_answers_hello_with_the_callers_nonce_or_a_refusal(bench):
    with ForeignGun(bench.path / "newer.tty", newer_gun_hello) as gun:
        assert ask_hello(gun.link)["major"] == 2
        assert_gun_disarmed(gun.link)
    request = frames.Frame(1, frames.HELLO, 5, 0, 0, bytes(34))
    (refusal,) = frames.Reader().feed(newer_gun_refusal(request))
    assert (refusal.type, refusal.req_id, refusal.payload[0]) == (0x81, 5, frames.E_VERSION)


def test_a_gun_that_stays_armed_is_not_taken_for_a_disarmed_one(bench):
    def armed(request):
        body = frames.build_hello({"state": 2, "active_grant_no": 4, "host_nonce": request.payload[:16]})
        return frames.encode(0x81, request.req_id, 1, 0, body)

    with (
        ForeignGun(bench.path / "armed.tty", armed) as gun,
        pytest.raises(AssertionError, match="still ARMED"),
    ):
        assert_gun_disarmed(gun.link)


# --- processes ----------------------------------------------------------------------------------


def python(bench, code: str) -> Process:
    return Process([sys.executable, "-c", code], out_stem=bench.path / "python", env=bench.environment())


def test_a_process_without_roots_powers_cannot_pass_file_modes(bench):
    locked = bench.path / "locked"
    locked.mkdir(mode=0o500)
    process = python(bench, f"open({str(locked / 'file')!r}, 'w')")
    assert process.wait() == 1
    assert "PermissionError" in process.err


def test_exit_by_signal_is_shown_as_a_shell_shows_it_and_nothing_outlives_the_bench(bench):
    orphan = "[sys.executable, '-c', 'import time; time.sleep(60)']"
    child = f"import subprocess, sys; subprocess.Popen({orphan}, start_new_session=True)"
    process = python(bench, f"{child}; import time; print('up', flush=True); time.sleep(60)")
    wait_for(lambda: process.out, "child started")
    process.send(15)
    assert process.wait() == 143
    wait_for(bench.children_left, "the orphan to be seen")
    bench.close()
    wait_for(lambda: not bench.children_left(), "the orphan to be gone")


def test_a_clear_line_is_told_from_a_traceback_a_box_silence_and_a_wrong_status(bench):
    def said(code):
        process = python(bench, code)
        process.wait()
        return process

    assert_one_clear_line(said("import sys; sys.exit('port is locked')"), status=1, names=("PORT",))
    for bad in (
        "1 / 0",
        "import sys; sys.exit('╭─ Error ─╮')",
        "import sys; sys.exit(1)",
        "import sys; sys.exit('a\\n' * 9)",
    ):
        with pytest.raises(AssertionError):
            assert_one_clear_line(said(bad), status=1)
    with pytest.raises(AssertionError):
        assert_one_clear_line(said("import sys; sys.exit('no')"), status=2)


def test_a_small_disk_can_be_filled_to_the_last_byte(bench):
    point = bench.path / "disk"
    point.mkdir()
    with small_disk(point, 1) as mounted:
        if not mounted:
            pytest.skip("mounting is not allowed here")
        assert file_system_of(point) == "tmpfs"
        fill(point)
        with pytest.raises(OSError, match="No space"):
            (point / "more").write_bytes(bytes(5000))


# --- truth and log ------------------------------------------------------------------------------

TRUTH = Truth(("aa", 1, 1), "TREAT", 1, "forehead", 1500, 10_000, "DONE")
SHOT = Shot(("aa", 1, 1), "s", "forehead", "TREAT", 1500, 9_990, 10_010, "DONE", True, {})


def test_equal_truth_and_log_pass():
    assert_log_equals_truth([SHOT], [TRUTH])
    assert_log_equals_truth([], [])


@pytest.mark.parametrize(
    ("shots", "truth"),
    [
        ([], [TRUTH]),
        ([SHOT], []),
        ([SHOT, SHOT], [TRUTH]),
        ([SHOT], [TRUTH, TRUTH]),
        *[
            ([replace(SHOT, **change)], [TRUTH])
            for change in (
                {"key": ("aa", 1, 2)}, {"key": ("ab", 1, 1)}, {"kind": "DRY"}, {"area": "cheek_left"},
                {"depth_um": 1503}, {"dose_lo_nl": 10_001}, {"dose_hi_nl": 9_999}, {"dose_lo_nl": -1},
                {"outcome": "ABORTED"}, {"outcome": "INTERRUPTED"}, {"simulated": False},
            )
        ],
        ([SHOT], [replace(TRUTH, outcome="INTERRUPTED")]),
    ],
)  # fmt: skip
def test_each_difference_between_truth_and_log_is_found(shots, truth):
    with pytest.raises(AssertionError):
        assert_log_equals_truth(shots, truth)


def test_after_a_power_cut_done_may_be_logged_as_interrupted_but_not_the_other_way():
    assert disagreement(replace(SHOT, outcome="INTERRUPTED", dose_lo_nl=0), TRUTH, power_cut=True) is None
    assert disagreement(replace(SHOT, outcome="INTERRUPTED", dose_hi_nl=5), TRUTH, power_cut=True)
    assert disagreement(SHOT, replace(TRUTH, outcome="INTERRUPTED"), power_cut=True)


def test_a_half_written_line_of_truth_is_not_read_and_a_missing_field_is_named(tmp_path):
    line = (
        '{"gun_uid": "aa", "log_epoch": 1, "shot_seq": 1, "kind": "TREAT", "grant_no": 1, "area": "forehead",'
        ' "depth_um": 1500, "dose_nl": 10000, "outcome": "DONE"}\n'
    )
    path = tmp_path / "truth"
    path.write_text(line + line[:40])
    assert read_truth(path) == [TRUTH]
    with pytest.raises(AssertionError, match="dose_lo_nl"):
        read_export(line)
