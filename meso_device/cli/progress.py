"""How a run looks to the person who watches it: settings, credit, areas filling up, the log growing with them.

On a terminal a few lines stay in place; elsewhere only what changes is printed, a line each.
"""

from typing import Final

from meso_device.accounting.entries import AreaGiven
from meso_device.cli.printer import Printer
from meso_device.session.contract import Instant, Notice, NoticeKind, Phase, View
from protocols.treatment.plan import AreaPlan, TreatmentPlan
from protocols.units import format_depth, format_dose

DRAW_US: Final = 100_000
BAR: Final = 9
LINE_SHOTS: Final = 5
"""Where lines do not stay in place, one is printed every so many injections."""
_MARKS: Final = {NoticeKind.INFO: " ", NoticeKind.REFUSED: "!", NoticeKind.UNKNOWN: "?", NoticeKind.ALARM: "!"}
_NOTHING: Final = AreaGiven(area_code=0, shots=0, dose_lo_nl=0, dose_hi_nl=0, interrupted=0)


class Progress:
    """Watches a run and prints it; see `Observer`."""

    def __init__(self, plan: TreatmentPlan, printer: Printer, *, live: bool) -> None:
        self._plan = plan
        self._printer = printer
        self._live = live
        self._drawn_us = 0
        self._armed: tuple[Phase, str] = (Phase.NO_SESSION, "")
        self._given: dict[int, int] = {}

    def notice(self, notice: Notice) -> None:
        """Print what the host says."""
        self._printer.line(f"  {_MARKS[notice.kind]} {notice.text}")

    def seen(self, view: View, now: Instant) -> None:
        """Print what has changed; draw at most ten times a second."""
        if not self._live:
            self._print_changes(view)
        elif now.mono_us - self._drawn_us >= DRAW_US or view.phase is Phase.CLOSED:
            self._drawn_us = now.mono_us
            self._printer.picture(picture(self._plan, view))

    def _print_changes(self, view: View) -> None:
        armed = (view.phase, view.area_id)
        if armed != self._armed and view.phase is Phase.ARMED:
            self._printer.line(f"    armed: {view.area_id}, credit granted for {view.held_shots} injections")
        self._armed = armed
        for given in view.given:
            before = self._given.get(given.area_code, 0)
            area = next((area for area in self._plan.areas if area.area_code == given.area_code), None)
            step = given.shots // LINE_SHOTS > before // LINE_SHOTS
            if area is not None and given.shots != before and (step or given.shots == area.shots):
                volume = format_dose(given.dose_hi_nl)
                self._printer.line(f"    {area.area}: {given.shots} of {area.shots} injections, {volume}, on disk")
            self._given[given.area_code] = given.shots


def picture(plan: TreatmentPlan, view: View) -> tuple[str, ...]:
    """Return the lines that show the state of a run."""
    given = {area.area_code: area for area in view.given}
    wide = max(len(area.area) for area in plan.areas)
    rows = [_area_row(area, given.get(area.area_code, _NOTHING), view, wide) for area in plan.areas]
    behind = view.head_seq - view.committed_seq
    step = f"{behind} to copy" if behind else "in step"
    unknown = f"; UNKNOWN: up to {view.held_shots} injections" if view.log_state == "UNKNOWN" else ""
    total = f"{view.shots_given} of {plan.shots} injections, {format_dose(view.dose_hi_nl)} at most"
    return (
        "",
        *rows,
        "",
        f"    gun's own log {view.head_seq}, on this disk {view.committed_seq}: {step}{unknown}",
        f"    given {total}",
        "",
    )


def _area_row(area: AreaPlan, given: AreaGiven, view: View, wide: int) -> str:
    """Return one area in 79 columns at most: code, name of up to ``wide`` letters, setting, how far, state."""
    done = min(BAR, BAR * given.shots // area.shots)
    bar = "█" * done + "░" * (BAR - done)
    state = ""
    if view.area_id == area.area and view.phase in {Phase.ARMING, Phase.ARMED}:
        state = f"ARMED, {view.held_shots} left" if view.phase is Phase.ARMED else "setting"
    elif given.shots >= area.shots:
        state = "done"
    name, setting = area.area.replace("_", " "), f"{format_depth(area.depth_um):>7} {format_dose(area.dose_nl):>8}"
    return f"    {area.short:<4} {name:<{wide}}{setting}  {bar} {given.shots:>3}/{area.shots:<3} {state}".rstrip()
