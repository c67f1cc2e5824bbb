"""Puts a calibration run together from a command line, lets it run, and says what became of it."""

import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from meso_device.calibration.order import Order
from meso_device.calibration.record import (
    Adjusted,
    CalibrationRecord,
    DepthJudged,
    DoseJudged,
    DosePoint,
    FillingJudged,
    Judged,
    SensorPoint,
    SensorsJudged,
    Stage,
    What,
)
from meso_device.calibration.run import Run
from meso_device.cli.asking import read_document
from meso_device.cli.calibration_text import filling_lines, geometry_lines
from meso_device.cli.desk import open_desk
from meso_device.cli.log import reading
from meso_device.cli.output import say, say_json, tell
from meso_device.host.bench import BenchEnd, BenchRequest, run_bench
from meso_device.host.bench_file import parse_bench
from meso_device.host.bench_orders import OrderWords, check_words, order_of
from meso_device.host.bench_runs import open_run, serial_of
from meso_device.host.home import find_home, lock_holder
from meso_device.host.instruments import InstrumentMember, connected, typed_from_stdin
from meso_device.people.register import Purpose
from meso_device.people.roles import Act, role_for
from meso_device.records.calibration_runs import run_story
from meso_device.records.limits import refuse_unreleased
from meso_device.records.recall import refuse_recalled
from meso_device.session.bench_desk import BenchView
from meso_device.session.contract import Calibrate, Instant, Notice, View
from protocols.errors import UsageError
from protocols.units import format_dose

COMMAND: Final = "meso calibrate"
_PERCENT_PPM: Final = 10_000


class Words(Struct, frozen=True, kw_only=True):
    """What every run's command line says."""

    gun: str
    bench: str
    adjust: bool
    sign_in: str
    pin_file: str
    home: Path | None
    json: bool

    def order(self, words: OrderWords, *, thermometer: bool | None = None) -> Order:
        """Return the run that is asked for.

        Args:
            words: What was said of it.
            thermometer: Whether the water's temperature is asked for again; None where somebody can type it.

        Raises:
            UsageError: a word is not one that is known, or the bench file is refused.
        """
        check_words(words)
        asks = sys.stdin.isatty() and not self.json if thermometer is None else thermometer
        bench = parse_bench(read_document(self.bench, f"bench file {self.bench}"), self.bench)
        return order_of(replace(words, water_at_end=asks), bench)


def run_new(words: Words, order: Order, *, balance: str, gauge: str) -> int:
    """Begin a run, report it, and return the exit status.

    Raises:
        UsageError: another run is open.
    """
    with reading(words.home) as db:
        known = open_run(db) if db is not None else None
        refuse_unreleased(db, order.bench_limits)
        if db is not None:
            refuse_recalled(db, order.references)
    if known is not None:
        raise UsageError(
            f"run {known.row.run[:8]} ({known.row.what}) is open: go on with '{COMMAND} resume', or give it up with "
            f"'{COMMAND} abandon'"
        )
    op, role = _sign_in(words)
    serial = next((one.serial for one in order.references if one.what == "balance"), "")
    command = Calibrate(order=order, adjust=words.adjust, interval_days=order.interval_days, op=op, role=role)
    return _run(words, command, order.what, serial, balance=balance, gauge=gauge)


def run_open(words: Words, *, balance: str, gauge: str) -> int:
    """Go on with the newest open run, report it, and return the exit status; 0 where there is none."""
    with reading(words.home) as db:
        known = open_run(db) if db is not None else None
        if db is not None and known is not None:
            refuse_recalled(db, known.story.begun.references)
    if known is None:
        if words.json:
            say_json({"run": "", "state": "none", "exit": 0, "reason": "nothing to resume"})
        else:
            say("nothing to resume")
        return 0
    op, role = _sign_in(words)
    begun = known.story.begun
    command = known.going_on(adjust=words.adjust, op=op, role=role)
    return _run(words, command, begun.what, serial_of(begun), balance=balance, gauge=gauge)


def _sign_in(words: Words) -> tuple[str, str]:
    """Let the technician sign in, before anything is opened."""
    with open_desk(words.home, command=COMMAND, pin_file=words.pin_file) as desk:
        holder = lock_holder(desk.home)
        if holder:
            raise UsageError(f"data directory {desk.home.root} is in use by {holder}: end that one first")
        proof = desk.prove(words.sign_in, Purpose.SIGN_IN)
        role = role_for(proof.person, Act.CALIBRATE)
        return proof.spend(desk.now()).op, role.value


def _run(words: Words, command: Calibrate, what: What, serial: str, *, balance: str, gauge: str) -> int:
    from meso_device.technical_log import TechnicalLog

    quiet = words.json
    root = find_home(words.home, os.environ)

    def instrument() -> InstrumentMember | None:
        return _instrument(what, serial, balance=balance, gauge=gauge, quiet=quiet)

    request = BenchRequest(root=root, command=COMMAND, port=words.gun, calibrate=command, instrument=instrument)
    with TechnicalLog(root, BenchProgress(quiet=quiet), command=COMMAND) as log:
        end = run_bench(request, log)
    return _report(words, end, balance=balance, gauge=gauge)


def _instrument(what: What, serial: str, *, balance: str, gauge: str, quiet: bool) -> InstrumentMember | None:
    if what is What.SENSORS:
        return None
    asking = sys.stdin.isatty() and not quiet
    typed = typed_from_stdin(say_now if asking else None)
    port = balance if what.weighs else gauge
    return InstrumentMember(connected(what, port, serial, typed) if port else typed)


def say_now(text: str) -> None:
    """Print a line at once: somebody waits for it."""
    say(text)
    sys.stdout.flush()


class BenchProgress:
    """Prints what happens at the bench, a line each; see `Observer`."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._seen: BenchView | None = None

    def notice(self, notice: Notice) -> None:
        """Print what the host says."""
        if not self._quiet:
            say_now(f"  {notice.text}")

    def seen(self, view: View, now: Instant) -> None:  # noqa: ARG002  # an observer's signature
        """Print each state and each reading once."""
        bench = view.bench
        if self._quiet or bench is None or not bench.run or bench == self._seen:
            return
        before, self._seen = self._seen, bench
        if before is None or (before.state, before.taken) != (bench.state, bench.taken):
            count = f" {bench.taken} of {bench.planned} readings" if bench.taken else ""
            mark = " SIMULATED" if view.simulated else ""
            say_now(f"  {bench.state}{mark}{count}")


def _report(words: Words, end: BenchEnd, *, balance: str, gauge: str) -> int:
    """Say what became of a run: figures, a line on standard error unless it is complete, and the JSON document."""
    bench = end.view.bench
    records: tuple[CalibrationRecord, ...] = ()
    if bench is not None and bench.run:
        with reading(words.home) as db:
            records = tuple(step.record for step in run_story(db, bench.run).steps) if db is not None else ()
    run = Run(records)
    where = ("--home", str(words.home)) if words.home is not None else ()
    ports = [*(("--balance", balance) if balance else ()), *(("--gauge", gauge) if gauge else ())]
    adjust = ("--adjust",) if words.adjust else ()
    go_on = [*COMMAND.split(), "resume", "--gun", words.gun, *ports, *adjust, *where] if records and end.status else []
    if words.json:
        say_json(_document(run, end, go_on))
    else:
        for stage in Stage:
            if (judged := run.judged(stage)) is not None:
                for line in lines_of(judged):
                    say(line)
        if not end.status:
            say(f"run {run.begun.run[:8]} is complete: let two people sign it with: {COMMAND} sign")
    if end.status:
        reason = end.reason or f"ended by signal {end.status - 128}"
        tell(f"{reason}; go on with: {shlex.join(go_on)}" if go_on else reason)
    return end.status


def _document(run: Run, end: BenchEnd, go_on: Sequence[str]) -> dict[str, object]:
    view, found, left = end.view, run.judged(Stage.AS_FOUND), run.judged(Stage.AS_LEFT)
    newest = left or found
    adjusted = run.adjusted
    return {
        "run": run.begun.run if run.records else "",
        "what": run.begun.what.value if run.records else "",
        "state": run.state.value,
        "verdict": newest.verdict.value if newest is not None else "",
        "exit": end.status,
        "reason": end.reason,
        "gun_uid": view.gun_uid,
        "simulated": view.simulated,
        "readings": len(run.readings),
        "as_found": msgspec.to_builtins(found) if found is not None else None,
        "adjusted": msgspec.to_builtins(adjusted) if isinstance(adjusted, Adjusted) else None,
        "as_left": msgspec.to_builtins(left) if left is not None else None,
        "resume": list(go_on),
    }


def lines_of(judged: Judged) -> list[str]:
    """Return what the readings of a stage came to, for people."""
    title = f"{judged.stage.replace('_', ' ')}: {_words(judged.verdict)}"
    match judged:
        case DoseJudged():
            return [
                f"{title}, all doses together {_percent(judged.gain_error_ppm)}",
                *(_dose_line(point) for point in judged.points),
                *geometry_lines(judged),
            ]
        case DepthJudged():
            bent = "" if judged.linear else ", not linear"
            worst = (
                f"largest error of the travel {judged.error_nm / 1_000:+.1f} um, U {judged.expanded_nm / 1_000:.1f} um"
            )
            line = f"gain {judged.gain_error_ppm:+} ppm, offset {judged.offset_nm / 1_000:+.1f} um"
            return [f"{title}{bent}, {worst}, limit {judged.limit_nm / 1_000:.0f} um; {line}"]
        case SensorsJudged():
            return [title, *(_sensor_line(point) for point in judged.points)]
        case FillingJudged():
            return [title, *filling_lines(judged)]


def _dose_line(point: DosePoint) -> str:
    error = _percent(point.error_pl * 1_000 // point.set_nl)
    expanded = f"U {point.expanded_pl / 1_000:.0f} nL (k {point.k_ppm / 1e6:.2f})"
    singles = "spread of single shots not assessed"
    if point.tolerance_high_nl:
        singles = f"single doses {point.tolerance_low_nl} to {point.tolerance_high_nl} nL"
    limit = f"limit {point.limit_pl // 1_000} nL"
    return f"  {format_dose(point.set_nl)}: {error}, {expanded}, {limit}: {_words(point.verdict)}; {singles}"


def _sensor_line(point: SensorPoint) -> str:
    offset, noise = point.offset_milli / 1_000, point.s_milli / 1_000
    return f"  {point.sensor}: {offset:+.1f} {point.unit}, noise {noise:.1f}, limit {point.limit}"


def _words(verdict: str) -> str:
    return verdict.replace("_", " ")


def _percent(ppm: int) -> str:
    return f"{ppm / _PERCENT_PPM:+.2f} %"
