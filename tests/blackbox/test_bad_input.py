"""Whatever one points the product at: one clear line, the right exit status, nothing armed, nothing lost."""

import os
import pty
import re
import resource
import signal
import socket
import time
from pathlib import Path

import pytest
from support import frames
from support.cable import HOST_TO_GUN
from support.checks import assert_one_clear_line
from support.devices import (
    Babbler,
    ForeignGun,
    Mute,
    half_gun_hello,
    newer_gun_hello,
    newer_gun_refusal,
    real_gun_hello,
)
from support.disks import fill, small_disk
from support.extent import long_form
from support.gun import assert_gun_disarmed, lock_port, open_port
from support.processes import wait_for
from support.treatment import TWO_AREAS, treatment_text, write_treatment

pytestmark = pytest.mark.usefixtures("warm")

WRONG_USE = 2
REFUSED = 1
SHORT = (("forehead", 4),)


@pytest.fixture
def plan(bench):
    return write_treatment(bench.path / "plan.toml", treatment_text(SHORT))


# --- ports --------------------------------------------------------------------------------------


def not_a_tty(bench):
    path = bench.path / "plain-file"
    path.write_bytes(b"not a device")
    return path


def directory(bench):
    path = bench.path / "folder"
    path.mkdir()
    return path


def missing(bench):
    return bench.path / "ttyNONE"


def dangling(bench):
    path = bench.path / "ttyGONE"
    path.symlink_to(bench.path / "nowhere")
    return path


def null_device(bench):
    return "/dev/null"


def fifo(bench):
    path = bench.path / "fifo"
    os.mkfifo(path)
    return path


def unix_socket(bench):
    path = bench.path / "sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    return path


def ten_thousand_letters(bench):
    return "x" * 10_000


def control_characters(bench):
    return "tty\x1b[31mred\nline"


PORTS = [
    not_a_tty, directory, missing, dangling, null_device, fifo, unix_socket, ten_thousand_letters, control_characters,
]  # fmt: skip


# The others take the same way; each of them is a line of the list below.
@pytest.mark.parametrize(
    "make",
    [
        not_a_tty, missing, ten_thousand_letters, control_characters,
        *long_form(directory, dangling, null_device, fifo, unix_socket),
    ],
    ids=lambda make: make.__name__,
)  # fmt: skip
def test_a_port_that_is_none_is_one_clear_line(bench, make):
    assert_port_refused(bench.meso("session", "run", "--gun", make(bench)))


def test_each_port_that_is_none_is_one_line_of_the_list_of_guns(bench):
    process = bench.meso("guns", *(make(bench) for make in PORTS))
    assert process.wait() == REFUSED, process.describe()
    assert len(process.out.splitlines()) == len(PORTS), process.describe()
    assert "\x1b" not in process.out
    assert "Traceback" not in process.err


def assert_port_refused(process):
    process.wait()
    assert process.status in {REFUSED, WRONG_USE}, process.describe()
    assert_one_clear_line(process, status=process.status, text=process.out + process.err)
    assert "\x1b" not in process.out + process.err


def test_a_session_is_not_resumed_on_a_port_that_is_none(bench):
    gun = bench.gun("earlier", seed=99)
    host = bench.run_session(gun.link, write_treatment(bench.path / "open.toml", treatment_text(TWO_AREAS)))
    bench.wait_shots(gun, 1)
    host.send(signal.SIGKILL)
    host.wait()
    for make in (missing, null_device):  # what a port can be besides is told by the same code as at `run`
        assert_port_refused(bench.meso("session", "resume", "--gun", make(bench)))
    bench.resume(gun.link).ok()
    bench.assert_proven(gun, planned=28)


def test_a_port_without_permission_is_one_clear_line_that_says_permission(bench, plan):
    master, slave = pty.openpty()
    name = os.ttyname(slave)
    Path(name).chmod(0o000)
    try:
        process = bench.run_session(name, plan)
        process.wait()
        assert process.status in {REFUSED, WRONG_USE}
        assert_one_clear_line(process, status=process.status, names=("permission", name))
    finally:
        os.close(slave)
        os.close(master)


@pytest.mark.hazard("HZ-33")
@pytest.mark.invariant("I-32")
@pytest.mark.parametrize("kind", ["endless", "echo", "mute"])
def test_another_serial_device_is_refused_and_hears_nothing_but_hello(bench, plan, kind):
    link = bench.path / "other.tty"
    with Mute(link) if kind == "mute" else Babbler(link, seed=5, kind=kind) as device:
        process = bench.run_session(link, plan)
        process.wait(12)
        assert_one_clear_line(process, status=REFUSED, names=(str(link),))
        heard = frames.Reader().feed(device.heard)
        assert heard
        assert {frame.type for frame in heard} == {frames.HELLO}
    assert not bench.home.exists() or not bench.logged()


@pytest.mark.hazard("HZ-32")
@pytest.mark.parametrize("reply", [newer_gun_hello, newer_gun_refusal], ids=["says 2", "refuses 1"])
def test_a_gun_with_a_newer_major_is_refused_and_asked_for_nothing_more(bench, plan, reply):
    with ForeignGun(bench.path / "newer.tty", reply) as gun:
        process = bench.run_session(gun.link, plan)
        process.wait(12)
        assert_one_clear_line(process, status=REFUSED, names=("newer", "wire protocol"))
        assert {frame.type for frame in gun.requests} <= {frames.HELLO, frames.GOODBYE}


@pytest.mark.invariant("I-51")
@pytest.mark.hazard("HZ-36")
def test_a_gun_that_is_not_simulated_is_refused_before_anything_changes_it(bench, plan):
    changing = {
        frames.TAKEOVER, frames.SETTINGS_SET, frames.GRANT_SET, frames.GRANT_REVOKE, frames.LOG_RELEASE,
        frames.HEARTBEAT,
    }  # fmt: skip
    with ForeignGun(bench.path / "real.tty", real_gun_hello) as gun:
        process = bench.run_session(gun.link, plan)
        process.wait(12)
        assert_one_clear_line(process, status=REFUSED, names=("simulated",))
        assert not changing & {frame.type for frame in gun.requests}


def test_a_gun_that_answers_hello_and_nothing_else_ends_the_run(bench, plan):
    with ForeignGun(bench.path / "half.tty", half_gun_hello) as gun:
        process = bench.run_session(gun.link, plan)
        process.wait(14)
        assert_one_clear_line(process, status=REFUSED, names=("link",))
        assert not {frames.SETTINGS_SET, frames.GRANT_SET} & {frame.type for frame in gun.requests}


# --- two of a kind ------------------------------------------------------------------------------


@pytest.mark.invariant("I-31")
@pytest.mark.hazard("HZ-15")
def test_a_second_host_on_one_gun_is_refused_and_the_first_is_unharmed(bench):
    gun = bench.gun(seed=2, rate=3)  # slow, so that the second comes in time on a busy machine
    plan = write_treatment(bench.path / "plan.toml", treatment_text((("forehead", 36),)))
    first = bench.run_session(gun.link, plan)
    bench.wait_shots(gun, 3)
    second = bench.meso("session", "run", plan, "--gun", gun.link, "--home", bench.path / "second")
    second.wait(12)
    assert_one_clear_line(second, status=second.status, names=("held",))
    assert second.status in {REFUSED, WRONG_USE}
    first.ok()
    bench.assert_proven(gun, planned=36)


def test_a_port_that_another_program_holds_is_refused(bench, plan):
    gun = bench.gun(seed=2)
    held = lock_port(gun.link)
    process = bench.run_session(gun.link, plan)
    process.wait(12)
    os.close(held)
    assert process.status in {REFUSED, WRONG_USE}
    assert_one_clear_line(process, status=process.status, names=("held",))
    bench.run_session(gun.link, plan).ok()


@pytest.mark.invariant("I-31")
def test_a_second_process_on_one_data_directory_is_refused_and_reading_is_allowed(bench):
    gun, other = bench.gun(seed=2, rate=4), bench.gun("other", seed=3)
    plan = write_treatment(bench.path / "plan.toml", treatment_text((("forehead", 30), ("cheek_left", 30))))
    first = bench.run_session(gun.link, plan)
    bench.wait_shots(gun, 3)
    for words in (("run", plan), ("resume",)):
        second = bench.meso("session", *words, "--gun", other.link)
        second.wait(12)
        assert second.status in {REFUSED, WRONG_USE}
        assert_one_clear_line(second, status=second.status, names=("use", str(bench.home)))
    bench.meso("audit", "verify").ok()
    assert bench.sessions()
    first.ok()
    assert other.shots() == 0
    bench.assert_proven(gun, planned=60)


# --- data directory -----------------------------------------------------------------------------


def test_a_read_only_data_directory_is_one_clear_line(bench, plan):
    gun = bench.gun()
    bench.home.mkdir(mode=0o500)
    process = bench.run_session(gun.link, plan)
    process.wait()
    bench.home.chmod(0o700)
    assert process.status in {REFUSED, WRONG_USE}
    # An owner may lift the write protection of an own directory; then the session simply runs.
    assert_one_clear_line(process, status=process.status, names=(str(bench.home),))
    assert gun.shots() == 0


@pytest.mark.parametrize("words", [("session", "run"), ("session", "list"), ("audit", "verify"), ("doctor",)])
def test_a_data_directory_that_is_a_file_is_one_clear_line(bench, words):
    bench.home.write_text("a file")
    gun = ("--gun", bench.gun().link) if words == ("session", "run") else ()
    process = bench.meso(*words, *gun)
    process.wait()
    assert process.status in {REFUSED, WRONG_USE}, process.describe()
    assert "Traceback" not in process.err
    assert str(bench.home) in process.err + process.out


@pytest.mark.invariant("I-48")
@pytest.mark.hazard("HZ-31")
def test_a_disk_that_fills_up_in_a_session_stops_it_and_loses_nothing(bench):
    gun = bench.gun(seed=5)
    bench.home.mkdir(mode=0o700)
    plan = write_treatment(bench.path / "plan.toml", treatment_text((("forehead", 15), ("cheek_left", 15))))
    with small_disk(bench.home, 64) as mounted:
        if not mounted:
            pytest.skip("no mount allowed here: the limit on file size below covers a failing write")
        host = bench.run_session(gun.link, plan)
        bench.wait_shots(gun, 4)
        ballast = fill(bench.home)
        status = host.wait(30)
        # What was pre-grown may carry a short session to its end; then nothing was lost either.
        if status != 0:
            assert_one_clear_line(host, status=REFUSED)
            assert_gun_disarmed(gun.link)
            released = assert_gun_disarmed(gun.link)["released_seq"]
            ballast.unlink()
            assert set(range(1, released + 1)) <= {shot.key[2] for shot in bench.logged()}
            bench.resume(gun.link).ok()
        else:
            ballast.unlink()
        bench.assert_proven(gun, planned=30)


def test_a_disk_that_is_full_from_the_start_is_one_clear_line(bench, plan):
    gun = bench.gun(seed=5)
    bench.home.mkdir(mode=0o700)
    with small_disk(bench.home, 64) as mounted:
        if not mounted:
            pytest.skip("no mount allowed here")
        fill(bench.home)
        process = bench.run_session(gun.link, plan)
        process.wait()
        assert process.status in {REFUSED, WRONG_USE}
        assert_one_clear_line(process, status=process.status, names=(str(bench.home),))
        assert gun.shots() == 0


@pytest.mark.invariant("I-48")
@pytest.mark.hazard("HZ-31")
@pytest.mark.parametrize("kib", [0, 17_000, *long_form(64)])
def test_writes_that_fail_beyond_a_file_size_stop_it_and_lose_nothing(bench, kib):
    gun = bench.gun(seed=6)
    plan = write_treatment(bench.path / "plan.toml", treatment_text(TWO_AREAS))

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (kib * 1024, kib * 1024))

    host = bench.meso("session", "run", plan, "--gun", gun.link, prepare=limit)
    status = host.wait(30)
    if status != 0:
        assert status in {REFUSED, WRONG_USE}, host.describe()
        # Where standard error cannot be written either, there is nothing to read.
        if kib:
            assert_one_clear_line(host, status=status)
    assert_gun_disarmed(gun.link)
    bench.resume(gun.link).ok()
    if gun.shots():
        bench.assert_proven(gun, planned=28)
    else:  # nothing had begun; the directory works all the same
        bench.run_session(gun.link, plan).ok()
        bench.assert_proven(gun, planned=28)


# --- treatment files ----------------------------------------------------------------------------

GOOD = treatment_text(SHORT)
LINES = GOOD.splitlines()


def line_of(start: str) -> int:
    return next(number for number, line in enumerate(LINES, 1) if line.startswith(start))


TYPOS = {
    "unknown key": ('dose = "0.01 mL"', 'doze = "0.01 mL"', ("doze",)),
    "number without a unit": ('depth = "1.5 mm"', "depth = 1.5", ("unit",)),
    "unit of another kind": ('depth = "1.5 mm"', 'depth = "1.5 mL"', ("mL",)),
    "decimal comma": ('depth = "1.5 mm"', 'depth = "1,5 mm"', ("1,5",)),
    "depth off the grid": ('depth = "1.5 mm"', 'depth = "1.52 mm"', ("grid", "0.05 mm")),
    "depth finer than a micrometre": ('depth = "1.5 mm"', 'depth = "1.5001 mm"', ("1.5001",)),
    "depth over the limit": ('depth = "1.5 mm"', 'depth = "13.05 mm"', ("13 mm",)),
    "dose over the limit": ('dose = "0.01 mL"', 'dose = "0.201 mL"', ("0.2 mL",)),
    "dose under the limit": ('dose = "0.01 mL"', 'dose = "0.0009 mL"', ("0.001 mL",)),
    "dose finer than a nanolitre": ('dose = "0.01 mL"', 'dose = "0.0100001 mL"', ("0.0100001",)),
    "dose tenfold of the area": ('dose = "0.01 mL"', 'dose = "0.1 mL"', ("forehead",)),
    "negative dose": ('dose = "0.01 mL"', 'dose = "-0.01 mL"', ("-0.01",)),
    "rate over the limit": ('rate = "9 /s"', 'rate = "10 /s"', ("9 /s",)),
    "unknown mode": ('mode = "continuous"', 'mode = "contiuous"', ("mode", "continuous")),
    "unknown area": ('id = "forehead"', 'id = "forehed"', ("forehed",)),
    "no points": ("points = 4", "points = 0", ("points",)),
    "points in words": ("points = 4", 'points = "4"', ("points",)),
    "quote left open": ('dose = "0.01 mL"', 'dose = "0.01 mL', ()),
    "key given twice": ('dose = "0.01 mL"', 'dose = "0.01 mL"\ndose = "0.02 mL"', ("dose",)),
    "unknown syringe": ('syringe = "bd_5ml"', 'syringe = "bd_6ml"', ("bd_6ml",)),
    "approves itself": ('status = "example, unapproved"', 'status = "approved"', ("status",)),
}


@pytest.mark.invariant("I-27")
@pytest.mark.invariant("I-40")
@pytest.mark.hazard("HZ-07")
@pytest.mark.hazard("HZ-08")
@pytest.mark.hazard("HZ-58")
@pytest.mark.parametrize(
    "name", ["unknown key", "number without a unit", "dose tenfold of the area", "depth over the limit"]
)
def test_a_session_on_a_treatment_file_with_a_typo_is_refused_with_line_and_column(bench, name):
    path = mistyped(bench, name)
    gun = bench.path / "ttyNONE"  # a file is refused before any port is looked at
    process = bench.meso("session", "run", path, "--gun", gun)
    process.wait()
    err = assert_one_clear_line(process, status=WRONG_USE, names=(path.name,))
    assert_names_the_place(err, path, name)
    assert "ttyNONE" not in err


@pytest.mark.invariant("I-27")
@pytest.mark.invariant("I-40")
@pytest.mark.hazard("HZ-07")
@pytest.mark.hazard("HZ-08")
@pytest.mark.hazard("HZ-58")
def test_every_typo_of_a_treatment_file_is_told_with_line_and_column(bench):
    paths = {name: mistyped(bench, name) for name in TYPOS}
    process = bench.meso("protocols", "check", *paths.values())
    assert process.wait() == REFUSED, process.describe()
    for name, path in paths.items():
        assert_names_the_place(process.out, path, name)


def mistyped(bench, name):
    good, bad, _ = TYPOS[name]
    assert GOOD.count(good) == 1
    return write_treatment(bench.path / f"{name.replace(' ', '-')}.toml", GOOD.replace(good, bad))


def assert_names_the_place(text, path, name):
    """One line has the file's name, the place of the typo and the words that help."""
    good, _, words = TYPOS[name]
    told = [line for line in text.splitlines() if path.name in line]
    assert told, f"{name}: not told: {text}"
    places = [re.search(re.escape(path.name) + r":(\d+):(\d+)", line) for line in told]
    assert all(places), f"{name}: no line and column: {told}"
    assert any(all(word in line for word in words) for line in told), f"{name}: {told}"
    line = GOOD[: GOOD.index(good)].count("\n") + 1
    allowed = {line, line + 1} if name in {"key given twice", "quote left open"} else {line}
    assert name == "dose tenfold of the area" or {int(place[1]) for place in places} & allowed, f"{name}: {told}"


ODD = {
    "empty": (b"", ("empty",)),
    "not-text": (b"\xff\xfe\x00", ("UTF-8",)),
    "mark": (b"\xef\xbb\xbf" + GOOD.encode(), ("byte order mark",)),
    "line-ends": (GOOD.replace("\n", "\r\n").encode(), ("carriage return",)),
    "zeros": (b"\0" * 100, ("NUL",)),
    "large": (b"# " + b"x" * 200_000, ("bytes",)),
    "brackets": (b"[[[[[[" * 1000, ()),
}


def test_a_file_that_is_no_treatment_is_refused_with_its_name(bench):
    for name, (content, _) in ODD.items():
        (bench.path / f"{name}.toml").write_bytes(content)
    process = bench.meso("protocols", "check", *(f"{name}.toml" for name in ODD))
    assert process.wait() == REFUSED, process.describe()
    for name, (_, words) in ODD.items():
        (told,) = [line for line in process.out.splitlines() if line.startswith(f"{name}.toml:")]
        assert all(word in told for word in words), told
    for name in ("empty", "brackets"):
        process = bench.meso("session", "run", f"{name}.toml", "--gun", bench.path / "ttyNONE")
        process.wait()
        assert_one_clear_line(process, status=WRONG_USE, names=(f"{name}.toml",))


@pytest.mark.parametrize("make", [directory, fifo, null_device], ids=lambda make: make.__name__)
def test_a_treatment_path_that_is_no_file_is_refused_and_does_not_hang(bench, make):
    process = bench.meso("session", "run", make(bench), "--gun", bench.path / "ttyNONE")
    assert process.wait(8) == WRONG_USE, process.describe()
    assert_one_clear_line(process, status=WRONG_USE)


# --- command line -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "words",
    [
        ("nonsense",),
        ("session",),
        ("session", "nonsense"),
        ("session", "run", "--nonsense"),
        ("session", "run"),
        ("session", "run", "--gun"),
        ("session", "show"),
        ("demo", "--shots", "-1"),
        ("demo", "--shots", "many"),
        ("demo", "--seed", "1.5"),
        ("simulate",),
        ("simulate", "--link", "x", "--rate", "0"),
        ("simulate", "--link", "x", "--hand", "foot"),
        ("audit", "export", "--kind", "nonsense", "--format", "jsonl"),
        ("audit", "export", "--kind", "shot", "--format", "nonsense"),
        ("audit", "verify", "--checkpoint", "/nonexistent"),
    ],
    ids=" ".join,
)
def test_a_wrong_command_line_is_status_2_and_no_traceback(bench, words):
    process = bench.meso(*words)
    assert process.wait() == WRONG_USE, process.describe()
    assert "Traceback" not in process.out + process.err
    assert (process.err + process.out).strip()


@pytest.mark.parametrize("words", [("session", "list"), ("audit", "verify"), ("session", "show", "abc")], ids=" ".join)
def test_reading_where_nothing_was_recorded_yet_is_one_clear_line_and_makes_nothing(bench, words):
    process = bench.meso(*words)
    process.wait()
    assert process.status in {0, REFUSED, WRONG_USE}
    assert "Traceback" not in process.err
    assert (process.err + process.out).strip()
    assert not bench.home.exists()


def test_a_log_whose_beginning_was_cut_short_reads_as_none_and_begins_anew(bench, plan):
    gun = bench.gun(seed=2)

    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, 64 * 1024))

    cut = bench.meso("session", "run", plan, "--gun", gun.link, prepare=limit)
    cut.wait()
    assert_one_clear_line(cut, status=REFUSED)
    for words in (
        ("session", "list"), ("session", "show", "a"), ("audit", "verify"), ("audit", "checkpoint"),
        ("audit", "export", "--kind", "shot", "--format", "jsonl"), ("doctor",),
    ):  # fmt: skip
        process = bench.meso(*words)
        assert process.wait() in {0, REFUSED, WRONG_USE}, process.describe()
        assert "bug" not in process.err, process.describe()
    bench.run_session(gun.link, plan).ok()
    bench.assert_proven(gun, planned=4)


def test_a_reader_that_leaves_early_is_no_error_of_ours(bench):
    gun = bench.gun()
    bench.run_session(gun.link, write_treatment(bench.path / "plan.toml", treatment_text(SHORT))).ok()
    read, write = os.pipe()
    os.close(read)
    process = bench.meso("audit", "export", "--kind", "shot", "--format", "jsonl", prepare=lambda: os.dup2(write, 1))
    os.close(write)
    process.wait()
    assert "Traceback" not in process.err
    assert "Exception" not in process.err


@pytest.mark.invariant("I-30")
def test_a_stranger_who_writes_to_the_gun_while_a_session_runs_changes_nothing_of_it(bench):
    """An impolite program that ignores the lock: its HELLO is answered as a reader's and nobody is disarmed."""
    gun = bench.gun(seed=8)
    cable = bench.cable(gun)
    plan = write_treatment(bench.path / "plan.toml", treatment_text((("forehead", 15),)))
    host = bench.run_session(cable.link, plan)
    bench.wait_shots(gun, 3)
    fd = open_port(gun.link)
    for number in range(5):
        os.write(fd, frames.hello_request(os.urandom(16), os.urandom(16)))
        os.write(fd, frames.encode(frames.GRANT_REVOKE, 1 + number, 12345, 0, bytes(4)))
        time.sleep(0.05)
    os.close(fd)
    if host.wait(30) != 0:
        bench.resume(cable.link).ok()
    wait_for(lambda: any(True for _ in cable.frames(HOST_TO_GUN)), "frames")
    bench.assert_proven(gun, planned=15)
