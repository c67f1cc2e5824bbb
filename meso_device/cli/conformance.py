"""``meso conformance``: the rules of the wire protocol, one by one, against a gun."""

import contextlib
import secrets
import signal
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from meso_device.cli.options import JsonOption
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
    baud: Annotated[int, typer.Option("--baud", min=300, help="Baud rate of the port.")] = 115_200,
    json: JsonOption = False,
) -> None:
    """Try the rules of the wire protocol against a gun on the bench; 1 when the gun breaks one.

    Settings, epoch-wide counters and the event list of the gun are used, records are made and released: for a gun on
    the bench, not for one in a clinic's use.
    """
    from meso_device.conformance.findings import Broken, NotRun
    from meso_device.conformance.report import document, finding_lines, gun_line, sum_line, untested_lines
    from meso_device.conformance.verdicts import Verdict, chosen_numbers, judge

    if (gun is None) is not simulate:
        raise UsageError("name the gun with --gun PORT, or take a simulated one with --simulate")
    numbers = chosen_numbers(rule or [])
    guarded = simulate or yes_guard_is_on or (not json and _asked())
    findings = []
    with _bench(gun, baud=baud, guarded=guarded, hands=hands) as bench:
        try:
            bench.settle()
        except (Broken, NotRun) as why:
            raise MesoError(f"{gun}: the gun cannot be brought to SAFE, so nothing is tried: {why}") from None
        hello = bench.hello
        if not json:
            say(one_line(gun_line(hello)))
        for finding in judge(bench, numbers, quick=quick):
            findings.append(finding)
            if not json and finding.verdict is not Verdict.NOT_TESTABLE:
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


@contextlib.contextmanager
def _bench(gun: str | None, *, baud: int, guarded: bool, hands: bool) -> Iterator["Bench"]:
    """Open the gun, and leave it stopped when interrupted, else without credit."""
    from meso_device.conformance.bench import Bench
    from meso_device.conformance.person import PersonHands
    from meso_device.conformance.port_line import PortLine
    from meso_device.conformance.simulated import simulated_gun
    from protocols.wire.frame import STOP_FRAME

    host_id = secrets.token_bytes(16)
    if gun is None:
        line, simulated_hands = simulated_gun()
        yield Bench(line, host_id=host_id, hands=simulated_hands, guarded=guarded)
        return
    port = PortLine(gun, baud, waits=hands)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: sys.exit(128 + number))
    try:
        bench = Bench(port, host_id=host_id, hands=PersonHands(_show) if hands else None, guarded=guarded)
        try:
            yield bench
            bench.leave()
        except BaseException:
            if bench.met:  # a gun that was left alone is not stopped either
                with contextlib.suppress(Exception):
                    port.send(STOP_FRAME)
            raise
    finally:
        port.close()


def _show(what: str) -> None:
    """Tell the person at the gun what to do."""
    sys.stderr.write(f"  >> {what}\n")
    sys.stderr.flush()
