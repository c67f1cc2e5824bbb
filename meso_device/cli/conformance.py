"""``meso conformance``: the rules of the wire protocol, one by one, against a gun."""

import contextlib
import os
import secrets
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from meso_device.cli.ending import ended_by_signals
from meso_device.cli.options import HomeOption, JsonOption
from meso_device.cli.output import one_line, say, say_json
from protocols.errors import MesoError, UsageError

if TYPE_CHECKING:
    from meso_device.conformance.bench import Bench

app = typer.Typer(rich_markup_mode=None, add_completion=False)

_QUESTION = (
    "The kit gives the gun credit, and a press of its trigger then moves needle and plunger. Is this gun on the bench, "
    "away from people, with its needle guard on? Type yes to go on, anything else to leave these rules out: "
)


@app.command()
def conformance(
    gun: Annotated[
        str | None,
        typer.Option("--gun", metavar="PORT", help="Port of the gun, on the bench.", show_default=False),
    ] = None,
    simulate: Annotated[
        bool, typer.Option("--simulate", help="A simulated gun inside this process, with hands that do all.")
    ] = False,
    rule: Annotated[
        list[str] | None,
        typer.Option("--rule", metavar="W-NNN", help="This rule alone; may be given again.", show_default=False),
    ] = None,
    yes_guard_is_on: Annotated[
        bool,
        typer.Option("--yes-guard-is-on", help="Your word that the needle guard is on: without it no credit is given."),
    ] = False,
    hands: Annotated[
        bool, typer.Option("--hands", help="Somebody is at the gun and presses what this command asks for.")
    ] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Leave out checks longer than five seconds.")] = False,
    link_key_file: Annotated[
        str,
        typer.Option(
            "--link-key-file",
            metavar="FILE",
            help="File with the gun's link key, mode 0600, where it was not paired here.",
            show_default=False,
        ),
    ] = "",
    baud: Annotated[int, typer.Option("--baud", min=300, help="Baud rate of the port.")] = 115_200,
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Try the rules of the wire protocol against a gun on the bench; 1 when the gun breaks one.

    A gun with a link key is tried under tags: its key is the one it was paired with, or that of --link-key-file.
    Settings, epoch-wide counters and the event list of the gun are used, records are made and released: for a gun on
    the bench, not for one in a clinic's use.
    """
    from meso_device.conformance.findings import Broken, NotRun
    from meso_device.conformance.report import (
        document,
        finding_lines,
        gun_line,
        is_told_at_once,
        sum_line,
        untested_lines,
    )
    from meso_device.conformance.verdicts import Verdict, chosen_numbers, judge

    if (gun is None) is not simulate:
        raise UsageError("name the gun with --gun PORT, or take a simulated one with --simulate")
    numbers = chosen_numbers(rule or [])
    given_key = _given_key(link_key_file)
    guarded = simulate or yes_guard_is_on or (not json and _asked())
    findings = []
    with _bench(gun, baud=baud, guarded=guarded, hands=hands, given_key=given_key, home=home) as bench:
        try:
            bench.settle()
        except (Broken, NotRun) as why:
            raise MesoError(f"{gun}: the gun cannot be brought to SAFE, so nothing is tried: {why}") from None
        hello = bench.hello
        if not json:
            say(one_line(gun_line(hello)))
        for finding in judge(bench, numbers, quick=quick):
            findings.append(finding)
            if not json and is_told_at_once(finding):
                for line in finding_lines(finding):
                    say(line)
                sys.stdout.flush()
    if json:
        say_json(document(hello, findings))
    else:
        for line in untested_lines(findings):
            say(line)
        say()
        say(sum_line(findings))
    raise typer.Exit(1 if any(one.verdict is Verdict.FAILED for one in findings) else 0)


def _asked() -> bool:
    """Ask the person at the terminal for the word about the needle guard; without a terminal there is none."""
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        return False
    sys.stdout.write(_QUESTION)
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() == "yes"


def _given_key(link_key_file: str) -> bytes | None:
    """Read the link key of a file, as it is written on a gun's card; None where no file is named."""
    if not link_key_file:
        return None
    from meso_device.conformance.key_file import read_key_file

    return read_key_file("--link-key-file", link_key_file)


def _paired_key(home: Path | None) -> Callable[[bytes], bytes | None]:
    """Return what gives the key that a gun was paired with in the data directory, if there is one."""
    from meso_device.host.home import existing_home, find_home
    from meso_device.host.link_keys import read_link_keys

    root = find_home(home, os.environ)
    return (read_link_keys(existing_home(root)) if root.is_dir() else {}).get


@contextlib.contextmanager
def _bench(
    gun: str | None, *, baud: int, guarded: bool, hands: bool, given_key: bytes | None, home: Path | None
) -> Iterator["Bench"]:
    """Open the gun, and leave it stopped when interrupted, else without credit."""
    from meso_device.conformance.bench import Bench
    from meso_device.conformance.person import PersonHands
    from meso_device.conformance.port_line import PortLine
    from meso_device.conformance.simulated import simulated_gun
    from protocols.wire.frame import STOP_FRAME

    host_id = secrets.token_bytes(16)
    if gun is None:
        line, simulated_hands = simulated_gun(link_key=given_key)
        yield Bench(line, host_id=host_id, hands=simulated_hands, guarded=guarded, link_key_of=lambda _: given_key)
        return
    key_of = _paired_key(home) if given_key is None else lambda _: given_key
    port = PortLine(gun, baud, waits=hands)
    with ended_by_signals(), contextlib.closing(port):
        bench = Bench(
            port,
            host_id=host_id,
            hands=PersonHands(_show) if hands else None,
            guarded=guarded,
            link_key_of=key_of,
        )
        try:
            yield bench
            bench.leave()
        except BaseException:
            if bench.met:  # a gun that was left alone is not stopped either
                with contextlib.suppress(Exception):
                    port.send(STOP_FRAME)
            raise


def _show(what: str) -> None:
    """Tell the person at the gun what to do."""
    sys.stderr.write(f"  >> {what}\n")
    sys.stderr.flush()
