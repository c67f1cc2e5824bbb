"""Hostile arguments for every command end with a status and one line; a handful of them as real processes."""

import os
import random
import subprocess
import sys

import pytest

from meso_device.cli.registry import COMMANDS
from tests.fuzz import commands, damage

TRIES = 300
MESO = [sys.executable, "-c", "from meso_device.cli.main import main; main()"]


@pytest.fixture
def place(tmp_path, monkeypatch):
    """Give a working directory of its own: some of these arguments are names of files to write."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_command_is_tried():
    assert {path[0] for path, _ in commands.tree()} == set(COMMANDS)


@pytest.mark.invariant("I-27")
@pytest.mark.hazard("HZ-58")
@pytest.mark.parametrize("home", ["empty", "with a log"])
def test_hostile_arguments_end_with_a_status_and_at_most_a_line(place, home):
    chance = random.Random(home)
    every = list(commands.tree())
    if home == "with a log":
        damage.make(place / "home")
    runner = commands.Runner(place / "home")
    tried = set()
    for _ in range(TRIES):
        words = commands.hostile(chance, every)
        if not commands.can_begin(words) and not (words[:1] in {("guns",), ("doctor",)} and chance.random() < 0.9):
            runner.check(*words)
            tried.add(words[:2])
    assert len(tried) > 30


@pytest.mark.parametrize("value", ["", "-", "A" * 10_000, "\udcff", "-9", "/dev/null", "nan", "\x1b[2J"])
def test_each_option_of_each_command_takes_each_value_or_refuses_it(place, value):
    runner = commands.Runner(place / "home")
    for path, options in commands.tree():
        if path[0] in {"simulate", "demo", "guns", "doctor"} or path[:2] in {("session", "run"), ("session", "resume")}:
            continue
        flags = [option.flag for option in options if option.takes_value and option.flag not in {"", "--home"}]
        chosen = random.Random(f"{path}{value!r}").sample(flags, min(2, len(flags)))
        for flag in chosen:
            runner.check(*path, flag, value)
            runner.check(*path, flag)


# What hostile arguments have found.
FOUND = [("audit", "proof", "9" * 400), ("backup", "create", "\udcff"), ("backup", "create", "x\udcd5", "--json")]


@pytest.mark.parametrize("words", FOUND, ids=lambda words: repr(words)[:50])
def test_what_once_was_a_bug_is_one_line(place, words):
    damage.make(place / "home")
    commands.Runner(place / "home").check(*words)


REAL = [
    (b"demo", b"--shots", b"1", b"--home", b"x\xff"),
    ("session", "run", "--port", "/dev/null"),
    ("session", "run", "--port", "tcp://127.0.0.1:99999"),
    ("session", "run", "--plan", "A" * 10_000),
    ("session", "resume", "--port", "/dev/zero"),
    ("simulate", "--port", "-1"),
    ("simulate", "--seed"),
    ("demo", "--rate", "nan"),
    ("audit", "verify", "--checkpoint", "/dev/zero"),
    (b"patient", b"show", b"\xff\xfe\x80"),
    (b"audit", b"verify", b"--key", b"\xc3\x28"),
    ("--", "-x"),
    ("stop", "--home", "/dev/null"),
]


@pytest.mark.parametrize("words", REAL, ids=lambda words: repr(words)[:50])
def test_a_real_process_ends_with_a_status_and_one_line(place, words):
    surroundings = os.environ | {"MESO_HOME": str(place / "home"), "TERM": "dumb"}
    done = subprocess.run(
        [*MESO, *words], capture_output=True, stdin=subprocess.DEVNULL, env=surroundings, timeout=60, check=False
    )
    told = done.stderr.decode(errors="replace")
    assert done.returncode in {1, 2}, told
    assert told.count("\n") == 1, told
    assert "Traceback" not in told
    assert commands.BUG not in told


def test_a_surprise_inside_a_command_would_be_seen(place, monkeypatch):
    runner = commands.Runner(place / "home")
    monkeypatch.setattr("meso_device.host.home.find_home", lambda *_: 1 // 0)
    with pytest.raises(commands.Ugly, match="a bug"):
        runner.check("audit", "verify")
