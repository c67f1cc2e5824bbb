"""Hostile arguments for every command: each ends with 0, 1 or 2 and at most one line on standard error.

The commands run in this process, with an empty data directory, no terminal and no devices. None may wait, and none may
end with a traceback or with the line that asks to report a bug.
"""

import contextlib
import io
import os
import random
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

from meso_device.cli import app, asking
from meso_device.cli.main import run
from meso_device.cli.registry import COMMANDS
from protocols.errors import MesoError

BUG = "this is a bug in meso-device"
STATUSES = {0, 1, 2}
ENDLESS = {"simulate", "demo"}  # these run until told to end; they are tried with what cannot begin only
VALUES = (
    "", " ", "-", "--", "-1", "-h", "--help=1", "0", "1e309", "nan", "inf", "-0.0", "1_000", "0x10", "9" * 400,
    "A" * 10_000, "B" * 300,
    "\u0000", "a\u0000b", "\x1b[2J", "\x1b]0;t\x07", "\n", "a\nb\r\nc", "\udcff\udc80", "\ufeff",
    "e\u0301", "\u202e", "\u0661\u0662", "\uff10.\uff10\uff12 mL", "0,02 mL", "0.02mL", "1.5", "../no/such/place",
    "/dev/null", "/dev/zero", "/dev/full", "/", ".", "~", "~nobody9", "file:///no/such", "tcp://", "tcp://127.0.0.1:0",
    "tcp://127.0.0.1:99999", "tcp://[::1", "$(id)", "%s%n", "{}", "'; DROP TABLE record;--", "2026-02-30",
    "2026-13-01", "0000-00-00", "9999-12-31", "2026-01-01T00:00:00Z", "99999-01-01", "true", "null", "[]", "*",
)  # fmt: skip


class Ugly(AssertionError):  # noqa: N818  # what has happened
    """A command ended otherwise than a command may."""


@dataclass(frozen=True)
class Option:
    """One thing that a command takes: the flag, or nothing for an argument."""

    flag: str
    takes_value: bool


def tree(command: Any = None, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[Option]]]:
    """Return every command that can be called, with what it takes, as the command line itself tells."""
    if command is None:
        for name in COMMANDS:
            yield from tree(app.command(name), (name,))
        return
    options = [
        Option(max(getattr(parameter, "opts", [""]), key=len) if parameter.param_type_name == "option" else "",
               not getattr(parameter, "is_flag", False))
        for parameter in command.params
    ]  # fmt: skip
    subcommands = getattr(command, "commands", None)
    if subcommands:
        for name, sub in subcommands.items():
            yield from tree(sub, (*path, name))
    else:
        yield path, options


@dataclass
class Ran:
    """What a command did."""

    status: int
    out: str
    err: str


class Runner:
    """Runs commands in this process.

    Args:
        home: Data directory; made anew by nobody, so it may be empty or damaged.
    """

    def __init__(self, home: Path) -> None:
        self.home = home

    def run(self, *words: str, say: str = "") -> Ran:
        """Run one command, as `meso` would, without a terminal; ``say`` is what it is told on standard input."""
        out, told = io.StringIO(), []
        no_terminal = patch.object(asking, "_TERMINAL", "/nowhere")
        with _environment(self.home), no_terminal, _listening(told), contextlib.redirect_stdout(out), _input(say):
            try:
                status = run(words)
            except SystemExit as ended:
                status = ended.code if isinstance(ended.code, int) else 1
        return Ran(status, out.getvalue(), "".join(told))

    def check(self, *words: str) -> Ran:
        """Run one command and raise `Ugly` unless it ended as a command may."""
        before = threading.active_count()
        try:
            ran = self.run(*words)
        except BaseException as error:
            raise Ugly(f"{words!r:.300}: {error!r}") from error
        wrong = (
            (ran.status not in STATUSES and f"status {ran.status}")
            or (BUG in ran.err and "a bug")
            or ("Traceback" in ran.err + ran.out and "a traceback")
            or (ran.err.count("\n") > 1 and "more than a line")
            or (ran.status and not ran.err and not ran.out and "not a word")
            or (not ran.err.removesuffix("\n").isprintable() and "control characters")
            or (threading.active_count() > before and "a thread is left")
        )
        if wrong:
            raise Ugly(f"{wrong}: {words!r:.300} ended with {ran.status}: {ran.err[:500]!r}")
        return ran


@contextlib.contextmanager
def _environment(home: Path) -> Iterator[None]:
    before = dict(os.environ)
    os.environ.update(MESO_HOME=str(home), TERM="dumb")
    os.environ.pop("MESO_DEBUG", None)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _listening(told: list[str]) -> Iterator[None]:
    """Take what is said on standard error, which commands write past all buffers."""
    reading, writing = os.pipe()
    kept = os.dup(2)
    os.dup2(writing, 2)
    os.close(writing)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        with open(reading, "rb") as pipe:  # noqa: PTH123  # a descriptor
            told.append(pipe.read().decode(errors="replace"))


@contextlib.contextmanager
def _input(say: str) -> Iterator[None]:
    kept, sys.stdin = sys.stdin, io.TextIOWrapper(io.BytesIO(say.encode()), "utf-8")
    try:
        yield
    finally:
        sys.stdin = kept


def hostile(chance: random.Random, commands: list[tuple[tuple[str, ...], list[Option]]]) -> tuple[str, ...]:
    """Return one command line that nobody should type."""
    path, options = chance.choice(commands)
    words = list(path)
    for option in chance.sample(options, chance.randrange(len(options) + 1)):
        if option.flag in {"--help", "--home"}:
            continue
        value = chance.choice(VALUES) if chance.random() < 0.9 else mutated(chance)
        if not option.flag:
            words.append(value)
        elif not option.takes_value:
            words += [option.flag] * chance.choice([1, 1, 2]) if chance.random() < 0.8 else [f"{option.flag}={value}"]
        else:
            words += chance.choice(
                [[option.flag, value], [f"{option.flag}={value}"], [option.flag], [option.flag, value] * 2]
            )
    for _ in range(chance.choice([0, 0, 0, 1, 3])):
        words.insert(chance.randrange(len(words) + 1), chance.choice(VALUES))
    return tuple(words)


def mutated(chance: random.Random) -> str:
    """Return any text, surrogates as of bytes that are no UTF-8 among it."""
    ranges = (range(32, 127), range(0x3000), range(0xDC80, 0xDD00))
    return "".join(chr(chance.choice(chance.choice(ranges))) for _ in range(chance.choice([1, 3, 20, 300])))


def can_begin(words: tuple[str, ...]) -> bool:
    """Whether the command might run on for ever, or for long, as somebody would want it to."""
    return bool(set(words) & ENDLESS) or words[:2] in {("session", "run"), ("session", "resume")}


__all__ = ["VALUES", "MesoError", "Ran", "Runner", "Ugly", "can_begin", "hostile", "tree"]
