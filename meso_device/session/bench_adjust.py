"""What is written to the gun between as found and as left: integers, committed by hash, read back whole."""

from collections.abc import Generator
from typing import Final

from msgspec.structs import replace

from meso_device.calibration.decision import Verdict
from meso_device.calibration.interval import next_interval_days
from meso_device.calibration.judging import new_gain_ppm, new_pl_per_um
from meso_device.calibration.record import GEOMETRY, Adjusted, DepthJudged, DoseJudged, Judged, Stage, What
from meso_device.calibration.rounding import to_integer
from meso_device.calibration.run import Run
from meso_device.session.bench_desk import Bench, Change
from meso_device.session.calibration import PAGE_SIZE, PAGES, GunCalibration, corrections_of, read_calibration, with_row
from meso_device.session.contract import Calibrate, NoticeKind
from meso_device.session.desk import Desk
from meso_device.session.flow import Answer, FlowEnded, LinkTrouble, Need, ask
from protocols.treatment.syringes import smallest_dose_nl
from protocols.units import day_of
from protocols.wire.hashes import hash8
from protocols.wire.messages import CalCommit, CalCommitReply, CalMain, CalWrite, SyringeRow

_MILLION: Final = 1_000_000
_RUN_LETTERS: Final = 14


def adjust(desk: Desk, bench: Bench, command: Calibrate) -> Generator[Need, Answer, Adjusted | None]:
    """Write what the readings as found ask for; a pass renews number and dates alone. None where there is nothing.

    A run that was cut off behind the commit finds its own calibration in the gun, and writes nothing twice.

    Raises:
        FlowEnded: the gun cannot be corrected so far, or does not read back what was written.
        LinkTrouble: no answer.
    """
    run, held = bench.run, desk.calibration
    judged = _correctable(run)
    if held is None or judged is None:
        return None
    if held.main.certificate != _certificate(run):
        held = yield from _write(desk, run, held, judged, command)
    book = desk.gun()
    book.hello = replace(book.hello, cal_id=held.main.cal_id, cal_hash8=held.hash8, cal_due_day=held.main.due_day)
    book.stamp = replace(book.stamp, cal_id=held.main.cal_id)
    desk.calibration = held
    bench.block = b""
    old, new = run.begun.in_force, _in_force(run, held)
    changes = [f"{name} {old[name]} -> {value}" for name, value in new.items() if value != old[name]]
    desk.tell(NoticeKind.INFO, f"written to the gun and read back equal: {', '.join(changes)}")
    return Adjusted(run=run.begun.run, old=old, new=new, cal_hash8=held.hash8.hex())


def proposal(desk: Desk, run: Run, command: Calibrate) -> tuple[Change, ...]:
    """Return what `adjust` would write, for the technician to look at first; nothing where it would write nothing."""
    held, judged = desk.calibration, _correctable(run)
    if held is None or judged is None or held.main.certificate == _certificate(run):
        return ()
    old, new = _in_force(run, held), corrections_of(_renewed(desk, run, held, judged, command))
    if run.begun.what is What.SYRINGE and isinstance(judged, DoseJudged):
        new |= _geometry_of(corrected_row(held.syringes[run.begun.geometry_id], judged))
    return tuple(Change(name, old[name], new[name]) for name in new)


def due_after(run: Run, today: int, interval_days: int) -> int:
    """Return when the next calibration is due, by the verdict as found; 0 where the gun failed in the end."""
    found, newest = run.judged(Stage.AS_FOUND), run.judged(run.stage)
    if found is None or newest is None or newest.verdict in {Verdict.FAIL, Verdict.CONDITIONAL_FAIL}:
        return 0
    return today + next_interval_days(interval_days, found.verdict)


def _in_force(run: Run, held: GunCalibration) -> dict[str, int]:
    """Return what a calibration holds of that which a run can change."""
    if run.begun.what is not What.SYRINGE:
        return held.corrections
    return held.corrections | _geometry_of(held.syringes[run.begun.geometry_id])


def _geometry_of(row: SyringeRow) -> dict[str, int]:
    return {name: getattr(row, name) for name in GEOMETRY}


def corrected_row(row: SyringeRow, judged: DoseJudged) -> SyringeRow:
    """Return the row of a syringe that takes away what was found; that of a pass stays as it is."""
    if judged.verdict is Verdict.PASS:
        return row
    pl_per_um = new_pl_per_um(row.pl_per_um, judged.gain_error_ppm)
    return replace(row, pl_per_um=pl_per_um, min_dose_nl=max(row.min_dose_nl, smallest_dose_nl(pl_per_um)))


def corrected(main: CalMain, judged: Judged, what: What) -> CalMain:
    """Return the corrections that take away what was found; those of a pass, or of a syringe, stay as they are."""
    if judged.verdict is Verdict.PASS or what is What.SYRINGE:
        return main
    match judged:
        case DoseJudged():
            return replace(main, dose_gain_ppm=new_gain_ppm(main.dose_gain_ppm, judged.gain_error_ppm))
        case DepthJudged():
            gain_ppm = new_gain_ppm(main.depth_gain_ppm, judged.gain_error_ppm)
            # Seen from the motor: what was measured at zero, brought to the motor's own scale, is taken off.
            offset_um = judged.offset_nm / 1_000 * (_MILLION + gain_ppm) / _MILLION
            return replace(main, depth_gain_ppm=gain_ppm, depth_offset_um=main.depth_offset_um - to_integer(offset_um))
        case _:
            return main


def _correctable(run: Run) -> Judged | None:
    """Return what was found, where the gun can hold a correction of it: a gain and a straight line, nothing else."""
    judged = run.judged(Stage.AS_FOUND)
    bent = isinstance(judged, DepthJudged) and not judged.linear
    return judged if run.begun.what.corrects and not bent else None


def _certificate(run: Run) -> str:
    return f"C-{run.begun.run[:_RUN_LETTERS]}"


def _renewed(desk: Desk, run: Run, held: GunCalibration, judged: Judged, command: Calibrate) -> CalMain:
    today = day_of(desk.now.utc_us)
    return replace(
        corrected(held.main, judged, run.begun.what),
        cal_id=held.main.cal_id + 1,
        issued_day=today,
        due_day=today + next_interval_days(command.interval_days, judged.verdict),
        certificate=_certificate(run),
    )


def _write(
    desk: Desk, run: Run, held: GunCalibration, judged: Judged, command: Calibrate
) -> Generator[Need, Answer, GunCalibration]:
    if held.hash8.hex() != run.begun.cal_hash8:
        raise FlowEnded("CALIBRATION_CHANGED: the gun holds another calibration than when this run began: begin anew")
    main = _renewed(desk, run, held, judged, command)
    for _, name, low, high in CalMain.RANGES:
        value = getattr(main, name)
        if not low <= value <= high:
            raise FlowEnded(
                f"BEYOND_CORRECTION: {name} would be {value}, the gun takes {low} to {high}: have it repaired"
            )
    block = main.pack() + held.block[PAGE_SIZE:]
    if run.begun.what is What.SYRINGE and isinstance(judged, DoseJudged):
        block = with_row(block, corrected_row(held.syringes[run.begun.geometry_id], judged))
    # All five pages: of an earlier run that was cut off, others may stand in the shadow.
    for page in range(PAGES):
        yield from ask(CalWrite(page, block[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]))
    reply = (yield from ask(CalCommit(main.cal_id, hash8(block)))).body
    if not isinstance(reply, CalCommitReply):
        raise LinkTrouble("CAL_COMMIT was answered by something else")
    back = yield from read_calibration()
    if back.block != block or reply.cal_hash8 != back.hash8 or corrections_of(back.main) != corrections_of(main):
        raise FlowEnded("READBACK_DIFFERS: the gun reads back another calibration than was written: have it repaired")
    return back
