"""What the screen asks of the plan under way: edit in two acts, skip a point, choose a cell, keep a note."""

from collections.abc import Mapping, Sequence
from typing import Final

from meso_device.accounting.coverage import CELLS_MAX
from meso_device.host.console_facts import ConsoleFacts
from meso_device.host.people_desk import PeopleDesk
from meso_device.host.screen_answers import Refuse, ScreenAnswers
from meso_device.host.snapshot import Treatment
from meso_device.host.two_steps import VALID_US, Bound, TwoSteps
from meso_device.people.lockout import Moment
from meso_device.people.office import Office
from meso_device.people.roles import Person
from meso_device.screen_messages import Body
from meso_device.session.contract import Command, Instant, View
from meso_device.session.plan_commands import ChooseCell, EditPlan, PlanArea, Setpoint, SkipPoint
from meso_device.session.plan_edit import PlanLimits, area_of
from protocols.treatment.plan import AreaPlan

OUT: Final = "out"
IN: Final = "in"
SETPOINTS: Final = {setpoint.word: setpoint for setpoint in Setpoint}
SKIP_REASONS: Final[Mapping[str, str]] = {
    "lesion": "a mole, wound or spot that is to be left alone",
    "vessel": "a vessel under the skin",
    "pain": "too painful there",
    "patient": "the patient does not want it",
    "place": "the place cannot be reached",
    "other": "another reason, said in a note",
}
AGAIN_REASONS: Final[Mapping[str, str]] = {
    "missed": "the points before did not go in here",
    "layer": "a second layer is meant",
    "other": "another reason, said in a note",
}


class ConsolePlan:
    """Takes these commands of one screen.

    Args:
        steps: Gives and takes the tokens.
        facts: What was heard of the gun.
        answers: Answers to the screen.
        people: Keeps notes beside the loop.
    """

    def __init__(self, steps: TwoSteps, facts: ConsoleFacts, answers: ScreenAnswers, people: PeopleDesk) -> None:
        self._steps = steps
        self._facts = facts
        self._answers = answers
        self._people = people
        self._asked: tuple[str, str, int] = ("", "", 0)

    def edit(self, number: int, body: Body, view: View, now: Instant) -> Sequence[Command]:
        """Offer an edit: what it would be, what it was, and what has to be typed again; nothing has changed.

        Raises:
            Refuse: no such area or setpoint.
            UsageError: it is written otherwise, outside the limits or off the grid.
        """
        area, what = self._filed(view, body["area"]), body["what"]
        if what in {OUT, IN}:
            value, typed, text = 0, "", f"leave {area.short} out of the plan"
            if what == IN:
                text = f"put {area.short} back, as the file has it"
        else:
            value, typed, text = self._offer(view, area, what, body["text"])
        self._asked = (area.area, what, value)
        token = self._steps.open(self._bound(view, typed), now.mono_us)
        offer = {"token": token, "expires_ms": VALID_US // 1_000, "short": area.short, "what": what}
        self._answers.done(number, **offer, offered=text, typed=typed)
        return ()

    def confirm(self, number: int, body: Body, view: View, who: tuple[str, str], now: Instant) -> Sequence[Command]:
        """Make the edit that was offered last; answers when the plan has it.

        Raises:
            Refuse: the offer lapsed, another word was typed, or the plan is not what it was.
        """
        area_id, what, value = self._asked
        why = self._steps.take(body["token"], self._bound(view, body["typed"]), body["typed"], now.mono_us)
        if why:
            raise Refuse("step", why)
        op, role = who
        if what in {OUT, IN}:
            wanted = what == IN
            self._answers.wait(number, now, lambda seen: (_planned(seen, area_id) is not None) is wanted)
            return (PlanArea(area_id=area_id, planned=wanted, op=op, role=role),)
        setpoint = SETPOINTS[what]
        self._answers.wait(number, now, lambda seen: _setpoint(seen, area_id, setpoint) == value)
        return (EditPlan(area_id=area_id, setpoint=setpoint, value=value, op=op, role=role),)

    def skip(self, number: int, body: Body, view: View, who: tuple[str, str], now: Instant) -> Sequence[Command]:
        """Leave the next point of an area out; answers when that is recorded."""
        area = self._filed(view, body["area"])
        if body["reason"] not in SKIP_REASONS:
            raise Refuse("reason", "choose a reason from the list")
        before = view.skipped.get(area.area_code, 0)
        self._answers.wait(number, now, lambda seen: seen.skipped.get(area.area_code, 0) > before)
        return (SkipPoint(area_id=area.area, reason=body["reason"], op=who[0], role=who[1]),)

    def choose_cell(self, number: int, body: Body, view: View, who: tuple[str, str], now: Instant) -> Sequence[Command]:
        """Split an area, or say which cell the hand is at; answers when that is recorded."""
        area, cells = self._filed(view, body["area"]), body["cells"]
        if body["reason"] and body["reason"] not in AGAIN_REASONS:
            raise Refuse("reason", "choose a reason from the list")
        if not 1 <= cells <= CELLS_MAX:
            raise Refuse("cells", f"an area takes 1 to {CELLS_MAX} cells")
        before = view.cells.get(area.area_code)
        self._answers.wait(number, now, lambda seen: seen.cells.get(area.area_code) != before)
        op, role = who
        return (ChooseCell(area_id=area.area, cells=cells, cell=body["cell"], reason=body["reason"], op=op, role=role),)

    def note(
        self, number: int, body: Body, treatment: Treatment | None, person: Person | None, now: Instant
    ) -> Sequence[Command]:
        """Keep a text about the patient in the vault; the log gets its commitment alone.

        Raises:
            Refuse: nobody to write about, or nobody who writes.
        """
        if treatment is None or treatment.practice:
            raise Refuse("practice", "a practice session has no patient, so no note is kept")
        if person is None:
            raise Refuse("sign_in", "sign in first: a note is somebody's")

        def keep(office: Office, moment: Moment) -> str:
            return office.vault.add_note(
                treatment.alias, body["text"], by=person, now=moment, session=treatment.session
            )

        def kept(result: object, _now: Instant) -> Sequence[Command]:
            if isinstance(result, str):
                self._answers.done(number, note=result)
            else:
                self._answers.refused(number, "note", str(result))
            return ()

        self._people.ask(keep, kept, now)
        return ()

    def _offer(self, view: View, area: AreaPlan, what: str, text: str) -> tuple[int, str, str]:
        """Return the value, what has to be typed again for it, and the line that offers it."""
        if what not in SETPOINTS:
            raise Refuse("what", "depth, dose or points can be edited")
        if view.plan is None or view.file is None or self._facts.limits is None:
            raise Refuse("not_now", "no gun is connected")
        setpoint = SETPOINTS[what]
        judge = PlanLimits(file=view.file, plan=view.plan, gun=self._facts.limits)
        places = places_of(view, area)
        value = setpoint.parse(text)
        judge.check(area.area, setpoint, value, places)
        limits = judge.of(area.area, setpoint, places)
        was, filed = _setpoint(view, area.area, setpoint), getattr(area, setpoint.value)
        if was is None:
            raise Refuse("area", f"{area.short} is not in the plan: put it back first")
        low, high = setpoint.written(limits.low).split()[0], setpoint.written(limits.high)
        said = f"{setpoint.word} {setpoint.written(value)} (was {setpoint.written(was)}; allowed {low}-{high}; "
        again = judge.retype(area.area, setpoint, value)
        return value, setpoint.written(value).split()[0] if again else "", f"{said}file {setpoint.written(filed)})"

    def _bound(self, view: View, typed: str) -> Bound:
        """Return what an offer is bound to: itself, the plan, the session and the gun's boot."""
        return Bound("edit", typed, (*self._asked, hash(view.plan), view.session, view.gun_uid, view.boot_id))

    @staticmethod
    def _filed(view: View, area_id: str) -> AreaPlan:
        area = area_of(view.file, area_id) if view.file is not None else None
        if area is None:
            raise Refuse("area", "the treatment protocol file does not have that area: it needs another file")
        return area


def places_of(view: View, area: AreaPlan) -> int:
    """Return the points of an area that are behind: given or skipped."""
    given = next((given.shots for given in view.given if given.area_code == area.area_code), 0)
    return given + view.skipped.get(area.area_code, 0)


def _planned(view: View, area_id: str) -> AreaPlan | None:
    return area_of(view.plan, area_id) if view.plan is not None else None


def _setpoint(view: View, area_id: str, setpoint: Setpoint) -> int | None:
    area = _planned(view, area_id)
    return None if area is None else int(getattr(area, setpoint.value))
