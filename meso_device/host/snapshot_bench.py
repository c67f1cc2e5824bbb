"""What the screen is told of a run at the bench: the part ``bench`` of a snapshot, and what a run would be.

Integers only, units last in their names::

    bench   null where no run is open, unsigned or made in this run of the host; else {
            run, what (dose | depth | sensors | syringe | filling), profile, serial, place,
            state           a value of `RunState`
            running         it goes on by itself
            doing           a value of `Doing`; empty while it does not run
            step            null; else {use, target, shots, direction, cycle} of the reading under way; target is a dose
                            in nL or a travel in um
            taken, planned  readings of the stage
            stage           as_found | as_left
            adjusted        the gun was written to and its values moved
            why             why it stands still; empty otherwise
            asked           null; else {no, unit (ug | nm)}: a reading that BENCH_READ has to bring
            keyed           readings are keyed in
            instrument      port that they come from; empty where they are keyed in or none are needed
            proposal        [{name, old, new}] that BENCH_ADJUST is asked about
            found, left     null; else {verdict, rule, points, ...} as `judged_body` says
            newest          the newest readings, newest first: [{no, stage, use, target, raw, unit, direction, counted}]
            verdict         of the run; empty before
            due_day         days since 1970-01-01; 0 where nothing is said
            references      [{what, serial, certificate, due_day}]
            }
"""

from typing import Any, Final

from msgspec import Struct

from meso_device.calibration.record import (
    Begun,
    DepthJudged,
    DoseJudged,
    Ended,
    FillingJudged,
    Judged,
    Reading,
    Reference,
    SensorsJudged,
    Stage,
)
from meso_device.calibration.run import Run, RunState
from meso_device.host.bench_runs import why_unfinished
from meso_device.screen_messages import Body
from meso_device.session.bench_desk import BenchView, Doing
from meso_device.session.contract import TakeReading, View
from protocols.treatment.syringes import syringes

NEWEST: Final = 12
_PROVEN: Final = frozenset({RunState.SIGN, RunState.DONE})


class BenchShown(Struct, frozen=True, kw_only=True):
    """What is shown of a run.

    Attributes:
        run: As far as its records are durable.
        asked: The reading that is waited for.
        keyed: Whether somebody keys readings in.
        instrument: Port of the instrument.
        tried: Whether it was begun or gone on with in this run of the host.
    """

    run: Run
    asked: TakeReading | None = None
    keyed: bool = False
    instrument: str = ""
    tried: bool = False


def bench_body(shown: BenchShown | None, view: View) -> Body | None:
    """Return the part of a snapshot; None where there is no run."""
    if shown is None or not shown.run.records:
        return None
    run, begun = shown.run, shown.run.begun
    live = view.bench if view.bench is not None and view.bench.run == begun.run else None
    running = live is not None and live.running
    found, left = run.judged(Stage.AS_FOUND), run.judged(Stage.AS_LEFT)
    newest = left or found
    ended = next((record for record in run.records if isinstance(record, Ended)), None)
    return {
        "run": begun.run,
        "what": begun.what.value,
        "profile": begun.profile,
        "serial": begun.serial,
        "place": begun.place,
        "state": (live.state if live is not None and running else run.state).value,
        "running": running,
        "doing": (live.doing if live is not None else Doing.NOTHING).value,
        "step": None if live is None else _step(live),
        "taken": len(run.of(run.stage)),
        "planned": max(len(run.of(run.stage)), run.planned),
        "stage": run.stage.value,
        "adjusted": run.stage is Stage.AS_LEFT,
        "why": _why(shown, live, view),
        "asked": None if shown.asked is None else {"no": shown.asked.no, "unit": shown.asked.unit},
        "keyed": shown.keyed,
        "instrument": shown.instrument,
        "proposal": [] if live is None else [{"name": c.name, "old": c.old, "new": c.new} for c in live.proposal],
        "found": judged_body(found),
        "left": judged_body(left),
        "newest": [_reading(one, run.excluded) for one in reversed(run.readings[-NEWEST:])],
        "verdict": "" if newest is None else newest.verdict.value,
        "due_day": 0 if ended is None else ended.due_day,
        "references": [reference_body(one) for one in begun.references],
    }


def prepared_body(begun: Begun, port: str) -> Body:
    """Return what a run would be, as the answer to BENCH_PREPARE."""
    names = {one.geometry_id: one.id for one in syringes().values()}
    return {
        "what": begun.what.value,
        "profile": begun.profile,
        "serial": begun.serial,
        "place": begun.place,
        "port": port,
        "targets": list(begun.targets),
        "readings": begun.readings_each,
        "shots": begun.shots_each,
        "syringe": names.get(begun.geometry_id, ""),
        "water_mdegc": begun.water_mdegc,
        "air_mdegc": begun.air_mdegc,
        "pressure_pa": begun.pressure_pa,
        "humidity_permille": begun.humidity_permille,
        "references": [reference_body(one) for one in begun.references],
    }


def judged_body(judged: Judged | None) -> Body | None:
    """Return what the readings of a stage came to.

    Always ``verdict`` and ``rule``. For a dose or a syringe ``gain_error_ppm``, ``pl_per_um``,
    ``expanded_pl_per_um`` (0 where no geometry was measured) and points {set_nl, error_pl, expanded_pl, limit_pl,
    n, low_nl, high_nl (0: single shots not assessed), singles_within, verdict}. For depth ``error_nm``,
    ``expanded_nm``, ``limit_nm``, ``gain_error_ppm``, ``offset_nm``, ``linear`` and points {target_um, up_nm, down_nm}.
    For sensors points {sensor, unit, offset_milli, s_milli, limit, within}. For a filling ``set_nl``,
    ``single_limit_nl``, ``first_outside``, ``first_max``, ``drip_pl``, ``drip_limit_pl``, ``last_error_pl``, and what
    was left in the end, ``left_pl`` as weighed and ``left_logged_nl``.
    """
    if judged is None:
        return None
    body: dict[str, Any] = {"verdict": judged.verdict.value, "rule": judged.rule}
    match judged:
        case DoseJudged():
            body["gain_error_ppm"] = judged.gain_error_ppm
            body["pl_per_um"], body["expanded_pl_per_um"] = judged.pl_per_um, judged.expanded_pl_per_um
            body["points"] = [
                {
                    "set_nl": point.set_nl,
                    "error_pl": point.error_pl,
                    "expanded_pl": point.expanded_pl,
                    "limit_pl": point.limit_pl,
                    "n": len(point.volumes_pl),
                    "low_nl": point.tolerance_low_nl,
                    "high_nl": point.tolerance_high_nl,
                    "singles_within": point.singles_within,
                    "verdict": point.verdict.value,
                }
                for point in judged.points
            ]
        case DepthJudged():
            names = ("error_nm", "expanded_nm", "limit_nm", "gain_error_ppm", "offset_nm", "linear")
            body |= {name: getattr(judged, name) for name in names}
            body["points"] = [
                {"target_um": point.target_um, "up_nm": point.up_nm, "down_nm": point.down_nm}
                for point in judged.points
            ]
        case SensorsJudged():
            names = ("sensor", "unit", "offset_milli", "s_milli", "limit", "within")
            body["points"] = [{name: getattr(point, name) for name in names} for point in judged.points]
        case FillingJudged():
            names = ("set_nl", "single_limit_nl", "first_outside", "first_max", "drip_pl", "drip_limit_pl")
            body |= {name: getattr(judged, name) for name in (*names, "last_error_pl")}
            body["left_pl"], body["left_logged_nl"] = judged.last_pl[-1], judged.last_logged_nl[-1]
    return body


def reference_body(one: Reference) -> Body:
    """Return an instrument as the screen shows it."""
    return {"what": one.what, "serial": one.serial, "certificate": one.certificate, "due_day": one.due_day}


def _why(shown: BenchShown, live: BenchView | None, view: View) -> str:
    if not shown.tried or shown.run.state in _PROVEN or (live is not None and live.running):
        return ""
    return (live.fault if live is not None else "") or why_unfinished(view)


def _step(live: BenchView) -> Body | None:
    step = live.step
    if step is None:
        return None
    return {
        "use": step.use.value,
        "target": step.target,
        "shots": step.shots,
        "direction": step.direction,
        "cycle": step.cycle,
    }


def _reading(one: Reading, excluded: frozenset[int]) -> Body:
    return {
        "no": one.no,
        "stage": one.stage.value,
        "use": one.use.value,
        "target": one.target,
        "raw": one.raw,
        "unit": one.unit,
        "sensor": one.sensor,
        "direction": one.direction,
        "counted": one.no not in excluded,
    }
