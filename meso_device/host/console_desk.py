"""The operator at the screen: what each command of the screen leads to, and the one answer that it gets.

Every command is judged here again, whatever the screen has checked. Answers wait for what the engine makes of a
command: done is said when it can be seen, refused with the engine's own line.
"""

import contextlib
import secrets
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from meso_device.accounting.entries import Entry, SessionRow
from meso_device.audit.birth import DATABASE_NAME
from meso_device.audit.database import open_for_reading
from meso_device.audit.queries import open_session
from meso_device.host.alarm_board import AlarmRow
from meso_device.host.bench_runs import KnownRun
from meso_device.host.console_afterwards import ConsoleAfterwards, offers
from meso_device.host.console_arming import Arming
from meso_device.host.console_bench import ConsoleBench, why_no_technician
from meso_device.host.console_clinic import ConsoleClinic
from meso_device.host.console_facts import ConsoleFacts
from meso_device.host.console_gun import ConsoleGun
from meso_device.host.console_history import ConsoleHistory
from meso_device.host.console_materials import ConsoleMaterials
from meso_device.host.console_may import LIVE, Seen, is_at_bench, why_not
from meso_device.host.console_people import PRACTICE, ConsolePeople
from meso_device.host.console_plan import ConsolePlan
from meso_device.host.console_settings import ConsoleSettings
from meso_device.host.console_welcome import welcome
from meso_device.host.errands import Errands
from meso_device.host.home import Home
from meso_device.host.members import End
from meso_device.host.owed import Durable, Owed
from meso_device.host.people_desk import PeopleDesk
from meso_device.host.run import plan_of
from meso_device.host.screen_answers import Refuse, Say, ScreenAnswers
from meso_device.host.screen_commands import checked
from meso_device.host.snapshot import Treatment
from meso_device.host.tree_head import TreeHead
from meso_device.host.two_steps import TwoSteps
from meso_device.host.upkeep import SeenTo, ask_upkeep, seen_to
from meso_device.host.verify_run import VerifyRun
from meso_device.host.write_off_desk import Gun, WriteOffDesk
from meso_device.people.roles import Act, Person, role_for
from meso_device.screen_messages import VERSION, Body, BrokenPeer, Message, ToHost, ToScreen
from meso_device.session.contract import (
    Arm,
    CloseSession,
    Command,
    Confirm,
    Disarm,
    Instant,
    OpenSession,
    PauseBench,
    Phase,
    ResumeSession,
    Stop,
    View,
    WriteOff,
)
from protocols.errors import MesoError
from protocols.treatment.plan import TreatmentPlan

SILENCE_US: Final = 60_000_000
ID_BYTES: Final = 16


class ConsoleDesk:
    """Takes the commands of one screen.

    Args:
        facts: What was heard of the gun.
        plans: Treatments that a practice session can be of, by name.
        left_open: Session that an earlier run left open; None if none.
        to_sign: Session of a patient that an earlier run closed and nobody signed for; empty if none.
        known_run: Run at the bench that is open, or complete and unsigned; None if none.
        people: Looks at PINs.
        home: Data directory.
        enrolled: Somebody is enrolled in this data directory.
        simulated: The gun was started with the console.
        settings: What is set.
        before: Who signed in last and which guns were met, as WELCOME says it.
        approved: Digests of the treatments that a clinician here approved.
        plug: Opens a port for the gun; see `ConsoleGun`.
        say: Sends a message to the screen.

    Attributes:
        heard_hello: The screen has begun.
        people: Who is there.
        treatment: The session under way; None if none.
        left_open: Session that nobody has taken up yet.
        ending: The operator's end of the run; None while it goes on.
        seen_to: What two people go on with then; None for nothing.
        owed: Records that people owe the log.
        silenced_until_us: The bell is off until then.
        history: Pages and records for the screen.
        verify: Verifies the log when asked to.
        bench: Runs at the bench.
        approved: As given.
    """

    def __init__(
        self,
        *,
        facts: ConsoleFacts,
        plans: Mapping[str, TreatmentPlan],
        left_open: tuple[SessionRow, TreatmentPlan] | None,
        to_sign: str = "",
        known_run: KnownRun | None = None,
        people: PeopleDesk,
        home: Home,
        enrolled: bool,
        simulated: bool,
        settings: ConsoleSettings,
        before: Body,
        approved: Collection[str] = (),
        plug: Callable[[str], None],
        say: Say,
    ) -> None:
        self._facts = facts
        self._plans = plans
        self._simulated = simulated
        self._settings = settings
        self._before = before
        self.approved = approved
        self._say = say
        self._write_offs = WriteOffDesk(people, self.owe)
        row = left_open[0] if left_open is not None else None
        self._gun = Gun(row.gun_uid, row.simulated) if row is not None else None
        self._steps = TwoSteps(secrets.token_bytes)
        self._arming = Arming(self._steps, facts)
        self._view: View | None = None
        self._coming: Treatment | None = None
        self._answers = ScreenAnswers(say)
        self._plan = ConsolePlan(self._steps, facts, self._answers, people)
        self.owed = Owed(lambda number, why: self._answers.refused(number, "audit", why))
        self._errands = errands = Errands(home.root, people, self._answers)
        self._about_gun = ConsoleGun(facts=facts, steps=self._steps, answers=self._answers, errands=errands, plug=plug)
        self.clinic = ConsoleClinic(
            home=home, facts=facts, plans=plans, errands=errands, answers=self._answers, owe=self.owe
        )
        self._materials = ConsoleMaterials(errands, self._answers, self.owe, self.clinic.refresh)
        self._left_to_sign = to_sign
        self.bench = ConsoleBench(facts=facts, answers=self._answers, errands=errands, owe=self.owe, known=known_run)
        self.verify = VerifyRun(home.root)
        self.tree_head = TreeHead(facts, errands)
        self._home = home
        self.history = ConsoleHistory(self._answers, say, lambda found: offers(found, self.people.person))
        afterwards = ConsoleAfterwards(errands=errands, answers=self._answers, owe=self.owe)
        self._commands: Mapping[ToHost, Callable[[int, Body, Instant], Sequence[Command]]] = {
            ToHost.STOP: self._stop,
            ToHost.PORTS: self._ports,
            ToHost.CONNECT: self._connect,
            ToHost.DISCONNECT: self._disconnect,
            ToHost.SELF_TEST: self._self_test,
            ToHost.HOME: self._home_needle,
            ToHost.SIGN_IN: self._sign_in,
            ToHost.LOCK: self._lock,
            ToHost.ENROL: self._enrol,
            ToHost.PATIENT_FIND: self._by_person("patient", self.clinic.find),
            ToHost.PATIENT_ADD: self._by_person("patient", self.clinic.add),
            ToHost.PATIENT_SHOW: self._by_person("patient", self.clinic.show),
            ToHost.PREPARE: self._by_person("prepare", self.clinic.prepare),
            ToHost.CHECK: self._by_person("check", self.clinic.check),
            ToHost.FIT: self._by_person("check", self.clinic.fit),
            ToHost.LOT: self._by_person("material", self._materials.lot),
            ToHost.LOAD: self._by_person_at_gun("material", self._materials.load),
            ToHost.WASTE: self._by_person_at_gun("material", self._materials.waste),
            ToHost.CLEAN: self._by_person_at_gun("material", self._materials.clean),
            ToHost.OVERRIDE: self._by_person_at_gun("override", self.clinic.override),
            ToHost.SIGN: self._by_person("sign", self.clinic.sign),
            ToHost.BEGIN: self._open_for_patient,
            ToHost.OPEN: self._open,
            ToHost.RESUME: self._resume,
            ToHost.ABANDON: self._abandon,
            ToHost.CONFIRM: self._confirm,
            ToHost.ARM_OPEN: self._arm_open,
            ToHost.ARM_CONFIRM: self._arm_confirm,
            ToHost.DISARM: self._disarm,
            ToHost.RESET_OPEN: self._reset_open,
            ToHost.RESET_CONFIRM: self._reset_confirm,
            ToHost.CLEAR_FAULT: self._clear_fault,
            ToHost.WRITE_OFF: self._write_off,
            ToHost.ACKNOWLEDGE: self._acknowledge,
            ToHost.SILENCE: self._silence,
            ToHost.FINISH: self._finish,
            ToHost.PLAN_EDIT: self._plan_edit,
            ToHost.PLAN_CONFIRM: self._plan_confirm,
            ToHost.SKIP: self._skip,
            ToHost.CELL: self._cell,
            ToHost.NOTE: self._note,
            ToHost.PAGE: self._page,
            ToHost.RECORD: self._record,
            ToHost.AMEND: self._by_person("afterwards", afterwards.amend),
            ToHost.REACTION: self._by_person("afterwards", afterwards.reaction),
            ToHost.UPKEEP: self._upkeep,
            ToHost.SEE_TO: self._by_person("see_to", self._see_to),
            ToHost.VERIFY: self._verify,
            ToHost.QUIT: self._quit,
            ToHost.BENCH_PREPARE: self._by_person("bench", self.bench.prepare),
            ToHost.BENCH_BEGIN: self._by_person("bench", self.bench.begin),
            ToHost.BENCH_RESUME: self._by_person("bench", self.bench.resume),
            ToHost.BENCH_READ: self._bench_read,
            ToHost.BENCH_ADJUST: self._bench_adjust,
            ToHost.BENCH_PAUSE: self._bench_pause,
            ToHost.BENCH_EXCLUDE: self._by_person("bench_record", self.bench.exclude),
            ToHost.BENCH_ABANDON: self._by_person("bench_record", self.bench.abandon),
            ToHost.BENCH_SIGN: self._by_person("bench_sign", self.bench.sign),
        }
        self.people = ConsolePeople(people, self._answers, enrolled=enrolled)
        self.heard_hello = False
        self.treatment: Treatment | None = None
        self.left_open = left_open
        self.ending: End | None = None
        self.seen_to: SeenTo | None = None
        self.silenced_until_us = 0

    # --- the operator's surface ---------------------------------------------------------------------

    def hear(self, message: Message, now: Instant) -> Sequence[Command]:
        """Take a message of the screen and return the commands that follow at once.

        Raises:
            BrokenPeer: it is no command of this wire.
        """
        kind, body = checked(message)
        if not self.heard_hello:
            self._begin(kind, message.id, body)
            return ()
        if kind is ToHost.ALIVE:
            return ()
        if self._answers.is_repeat(message.id):
            return ()
        try:
            return self._commands[kind](message.id, body, now)
        except Refuse as refused:
            self._answers.refused(message.id, refused.code, str(refused))
        except MesoError as error:
            self._answers.refused(message.id, "refused", str(error))
        return ()

    def seen(self, view: View, now: Instant) -> bool:
        """Answer what has come about, or cannot any more; return whether anything was."""
        self._view = view
        if view.gun_uid:
            self._gun = Gun(view.gun_uid, view.simulated)
        if self._facts.unsigned:
            entries, self._facts.unsigned = self._facts.unsigned, []
            self._write_offs.sign(entries)
        self.tree_head.seen(now)
        self.bench.seen(view)
        if self._coming is not None and view.session == self._coming.session:
            self.treatment, self._coming = self._coming, None
            self.left_open = None
            self.clinic.began(self.treatment, self.people.person)
        if self.treatment is not None:
            self.treatment = self.treatment.following(view)
            if view.session == self.treatment.session and view.phase is Phase.CLOSED:
                self.clinic.ended()
        return self._answers.seen(view, now)

    def engine_refused(self, text: str) -> None:
        """Hear that the engine refused: what waits for it is answered with its line."""
        self._answers.refuse_waiting("refused", text)

    def next_deadline_us(self) -> int | None:
        """Return when something waited for is given up, or an instrument has to be called."""
        due = (self._answers.next_deadline_us(), self.bench.slot.next_deadline_us())
        return min((at for at in due if at is not None), default=None)

    def leave_alone(self, now: Instant) -> bool:
        """Sign out whoever left the keys; return whether anybody was signed in."""
        if self.people.person is None:
            return False
        self._steps.forget()
        self.people.lock(now, "idle")
        return True

    def forget_steps(self) -> None:
        """Make half-done confirmations worthless."""
        self._steps.forget()

    def owe(self, entries: Sequence[Entry], durable: Durable | None = None, number: int | None = None) -> None:
        """Take records that people owe the log; see `Owe`."""
        if entries:
            self.owed.put(entries, durable, number)

    @property
    def simulated(self) -> bool:
        """Whether the gun is a simulated one: it was started so, it says so, or the last one here did."""
        return self._simulated or (self._gun is not None and self._gun.simulated)

    @property
    def who(self) -> str:
        """Pseudonym of whoever acts on the session."""
        return PRACTICE if self.treatment is not None and self.treatment.practice else self.people.acts_as[0]

    def can(self) -> dict[str, str]:
        """Return for each command why it cannot be asked for now, or an empty string."""
        if self._view is None:
            return {}
        seen = Seen(
            view=self._view,
            facts=self._facts,
            signed_in=self.people.person is not None,
            enrolled=self.people.enrolled,
            locked=self.people.locked,
            session=self.treatment is not None,
            left_open=self.left_open[0] if self.left_open is not None else None,
            prepared=self.clinic.prepared is not None,
            patient=self._has_patient,
            theirs=not self._has_patient or self.clinic.is_treated_by(self.people.person),
            to_sign=bool(self.to_sign),
            no_technician=why_no_technician(self.people.person),
            run_open=self.bench.is_open,
            run_to_sign=self.bench.is_to_sign,
            run_theirs=self.bench.is_run_by(self.people.person),
        )
        return why_not(seen)

    @property
    def _has_patient(self) -> bool:
        return self.treatment is not None and not self.treatment.practice

    @property
    def to_sign(self) -> str:
        """Session that is closed and not signed for; empty if none. Practice is signed for by whoever is signed in."""
        closed = self._facts.closing.session if self._facts.closing is not None and self._is_signed_for else ""
        return next((one for one in (closed, self._left_to_sign) if one and one not in self.clinic.signed), "")

    @property
    def _is_signed_for(self) -> bool:
        return self._has_patient or (self.treatment is not None and self.people.person is not None)

    def clinic_shown(self, now: Instant) -> Body | None:
        """Return the patient's session for the screen; None if there is none."""
        return None if self.clinic.prepared is None else self.clinic.prepared.shown(now.utc_us)

    # --- answers ------------------------------------------------------------------------------------

    def _begin(self, kind: ToHost, number: int, body: Body) -> None:
        if kind is not ToHost.HELLO or body["version"] != VERSION:
            raise BrokenPeer("it does not begin with HELLO of this version")
        self.heard_hello = True
        body = welcome(
            plans=self._plans,
            approved=self.approved,
            simulated=self._simulated,
            enrolled=self.people.enrolled,
            settings=self._settings,
            before=self._before,
        )
        self._say(ToScreen.WELCOME, number, body)

    def _allow(self, name: str) -> View:
        """Return the newest view.

        Raises:
            Refuse: the command cannot be asked for now.
        """
        why = self.can().get(name, "")
        if why or self._view is None:
            raise Refuse("not_now", why or "not yet")
        return self._view

    def _person(self) -> Person:
        if self.people.person is None:
            raise Refuse("sign_in", "sign in first")
        return self.people.person

    def _by_person(
        self, name: str, act: Callable[[int, Body, Person, Instant], None]
    ) -> Callable[[int, Body, Instant], Sequence[Command]]:
        """Return a command that takes whoever is signed in."""

        def handle(number: int, body: Body, now: Instant) -> Sequence[Command]:
            self._allow(name)
            act(number, body, self._person(), now)
            return ()

        return handle

    def _by_person_at_gun(
        self, name: str, act: Callable[[int, Body, Person, View, Instant], None]
    ) -> Callable[[int, Body, Instant], Sequence[Command]]:
        """Return a command that takes whoever is signed in, and the state of the gun."""

        def handle(number: int, body: Body, now: Instant) -> Sequence[Command]:
            view = self._allow(name)
            act(number, body, self._person(), view, now)
            return ()

        return handle

    # --- stop, disarm, reset ------------------------------------------------------------------------

    def _stop(self, number: int, body: Body, _now: Instant) -> Sequence[Command]:
        self._steps.forget()
        self.engine_refused("STOP was pressed")
        self._answers.done(number)
        return (Stop(source=f"screen: {body['by']}"),)

    def _disarm(self, number: int, body: Body, now: Instant) -> Sequence[Command]:
        self._steps.forget()
        if self._view is None or self._view.phase not in LIVE:
            self._answers.done(number)
            return ()
        self.engine_refused("disarmed")
        self._answers.wait(number, now, lambda view: view.phase not in LIVE)
        return (Disarm(cause=f"screen: {body['cause']}"),)

    def _reset_open(self, number: int, _body: Body, now: Instant) -> Sequence[Command]:
        self._about_gun.reset_open(number, self._allow("reset_open"), now)
        return ()

    def _reset_confirm(self, number: int, body: Body, now: Instant) -> Sequence[Command]:
        return self._about_gun.reset_confirm(number, body, self._allow("reset_open"), self.who, now)

    def _clear_fault(self, number: int, _body: Body, now: Instant) -> Sequence[Command]:
        return self._about_gun.clear_fault(number, self._allow("clear_fault"), self.who, now)

    # --- the gun ------------------------------------------------------------------------------------

    def _ports(self, number: int, _body: Body, now: Instant) -> Sequence[Command]:
        self._allow("connect")
        self._about_gun.ports(number, now)
        return ()

    def _connect(self, number: int, body: Body, _now: Instant) -> Sequence[Command]:
        self._allow("connect")
        self._about_gun.connect(number, body)
        return ()

    def _disconnect(self, number: int, _body: Body, now: Instant) -> Sequence[Command]:
        self._allow("disconnect")
        return self._about_gun.disconnect(number, self.who, now)

    def _self_test(self, number: int, _body: Body, now: Instant) -> Sequence[Command]:
        self._allow("self_test")
        return self._about_gun.self_test(number, self.who, now)

    def _home_needle(self, number: int, _body: Body, now: Instant) -> Sequence[Command]:
        self._allow("home")
        return self._about_gun.home(number, self.who, self.people.person, now)

    # --- arming -------------------------------------------------------------------------------------

    def _arm_open(self, number: int, body: Body, now: Instant) -> Sequence[Command]:
        view = self._allow("arm_open")
        self._answers.done(number, **self._arming.open(body["area"], self.treatment, view, now))
        return ()

    def _arm_confirm(self, number: int, body: Body, now: Instant) -> Sequence[Command]:
        view = self._allow("arm_open")
        area = self._arming.confirm(body, self.treatment, view, now)
        self._answers.wait(number, now, lambda seen: seen.phase is Phase.ARMED, area=area.area)
        return (Arm(area_id=area.area),)

    # --- session ------------------------------------------------------------------------------------

    def _open(self, number: int, body: Body, now: Instant) -> Sequence[Command]:
        self._allow("open")
        plan = self._plans.get(body["treatment"])
        if plan is None:
            raise Refuse("treatment", "there is no treatment of that name")
        session, alias = secrets.token_hex(ID_BYTES), secrets.token_hex(ID_BYTES)
        self._answers.wait(number, now, lambda view: view.session == session, session=session)
        self._coming = Treatment(session=session, alias=alias, practice=True, opened_us=now.utc_us, plan=plan)
        return (OpenSession(plan=plan, session=session, alias=alias, op=PRACTICE, role=PRACTICE, practice=True),)

    def _open_for_patient(self, number: int, _body: Body, now: Instant) -> Sequence[Command]:
        self._allow("begin")
        opening = self.clinic.open(self._person(), now)
        self._answers.wait(number, now, lambda view: view.session == opening.session, session=opening.session)
        self._coming = Treatment(
            session=opening.session,
            alias=opening.alias,
            practice=False,
            opened_us=now.utc_us,
            plan=opening.plan,
        )
        return (opening,)

    def _take_up(
        self, number: int, now: Instant, then: Callable[[Instant, ResumeSession], Sequence[Command]]
    ) -> Sequence[Command]:
        """Take up what was left open; one with a patient only by whoever is signed in and treats."""
        row = left_open_now(self._home)
        if self.left_open is None or row is None:
            raise Refuse("not_now", "no session was left open")
        plan = plan_of(row)

        def taken(resuming: ResumeSession, at: Instant) -> Sequence[Command]:
            # Shots may have been recorded since it was read.
            commands = then(at, replace(resuming, row=left_open_now(self._home) or row))
            self._coming = Treatment(
                session=row.session, alias=row.alias, practice=row.practice, opened_us=row.opened_at_us, plan=plan
            )
            return commands

        if row.practice:
            return taken(ResumeSession(row=row, plan=plan, op=PRACTICE, role=PRACTICE), now)
        self.clinic.take_up(number, (row, plan), self._person(), taken, now)
        return ()

    def _resume(self, number: int, _body: Body, now: Instant) -> Sequence[Command]:
        self._allow("resume")

        def then(at: Instant, resuming: ResumeSession) -> Sequence[Command]:
            session = resuming.row.session
            self._answers.wait(number, at, lambda view: view.session == session, of_gun=False, session=session)
            return (resuming,)

        return self._take_up(number, now, then)

    def _abandon(self, number: int, _body: Body, now: Instant) -> Sequence[Command]:
        self._allow("abandon")
        close = CloseSession(state="interrupted")

        def then(at: Instant, *resuming: ResumeSession) -> Sequence[Command]:
            self._answers.wait(number, at, lambda view: view.phase is Phase.CLOSED, of_gun=False)
            return (*resuming, close)

        return self._take_up(number, now, then) if self.left_open is not None else then(now)

    def _confirm(self, number: int, _body: Body, now: Instant) -> Sequence[Command]:
        self._allow("confirm")
        self._answers.wait(number, now, lambda view: view.phase is not Phase.UNCONFIRMED)
        return (Confirm(how=f"console: {self.who}"),)

    def _finish(self, number: int, _body: Body, now: Instant) -> Sequence[Command]:
        view = self._allow("finish")
        complete = view.shots_given + sum(view.skipped.values()) >= view.shots_planned
        self._answers.wait(number, now, lambda seen: seen.phase is Phase.CLOSED, of_gun=False)
        state = "complete" if complete else "interrupted"
        return (CloseSession(state=state, aftercare=self.clinic.aftercare if self._has_patient else None),)

    # --- the bench ----------------------------------------------------------------------------------

    def _bench_read(self, number: int, body: Body, _now: Instant) -> Sequence[Command]:
        self._allow("bench_read")
        self.bench.read(number, body)
        return ()

    def _bench_adjust(self, number: int, body: Body, now: Instant) -> Sequence[Command]:
        self._allow("bench_read")
        return self.bench.adjust(number, body, now)

    def _bench_pause(self, number: int, _body: Body, now: Instant) -> Sequence[Command]:
        self._allow("bench_pause")
        return self.bench.pause(number, now)

    # --- the plan -----------------------------------------------------------------------------------

    @property
    def _changes_plan(self) -> tuple[str, str]:
        """Pseudonym and role of whoever changes the plan."""
        if self.treatment is not None and self.treatment.practice:
            return PRACTICE, PRACTICE
        if self.people.person is None:
            raise Refuse("sign_in", "sign in first: a change of the plan is somebody's")
        return self.people.person.op, role_for(self.people.person, Act.TREAT).value

    def _plan_edit(self, number: int, body: Body, now: Instant) -> Sequence[Command]:
        return self._plan.edit(number, body, self._allow("plan"), now)

    def _plan_confirm(self, number: int, body: Body, now: Instant) -> Sequence[Command]:
        return self._plan.confirm(number, body, self._allow("plan"), self._changes_plan, now)

    def _skip(self, number: int, body: Body, now: Instant) -> Sequence[Command]:
        return self._plan.skip(number, body, self._allow("plan"), self._changes_plan, now)

    def _cell(self, number: int, body: Body, now: Instant) -> Sequence[Command]:
        return self._plan.choose_cell(number, body, self._allow("plan"), self._changes_plan, now)

    def _note(self, number: int, body: Body, now: Instant) -> Sequence[Command]:
        self._allow("note")
        return self._plan.note(number, body, self.treatment, self.people.person, now)

    def _page(self, number: int, body: Body, _now: Instant) -> Sequence[Command]:
        self._allow("page")
        self.history.page(number, body)
        return ()

    def _record(self, number: int, body: Body, _now: Instant) -> Sequence[Command]:
        self._allow("page")
        self.history.record(number, body)
        return ()

    def _upkeep(self, number: int, _body: Body, now: Instant) -> Sequence[Command]:
        self._allow("page")
        ask_upkeep(number, self._errands, self._answers, now)
        return ()

    def _see_to(self, number: int, body: Body, person: Person, _now: Instant) -> None:
        self.seen_to = seen_to(body["what"], person)
        self._answers.done(number)
        self.ending = End(0)

    def _verify(self, number: int, _body: Body, _now: Instant) -> Sequence[Command]:
        self._allow("verify")
        self.verify.begin()
        self._answers.done(number)
        return ()

    def _quit(self, number: int, _body: Body, _now: Instant) -> Sequence[Command]:
        self._allow("quit")
        self._answers.done(number)
        self.ending = End(0)
        return ()

    def _write_off(self, number: int, body: Body, now: Instant) -> Sequence[Command]:
        self._allow("write_off")
        if self.people.person is None or self._gun is None:
            raise Refuse("sign_in", "sign in first: it takes two people")
        before = len(self._facts.written_off)

        def answered(result: WriteOff | str) -> Sequence[Command]:
            if isinstance(result, str):
                self.engine_refused(result)
                return ()
            return (result,)

        self._answers.wait(number, now, lambda _: len(self._facts.written_off) > before, of_gun=False)
        try:
            self._write_offs.ask(self._gun, self.people.person, body, answered, now)
        except MesoError as error:
            self.engine_refused(str(error))
        return ()

    # --- people and alarms --------------------------------------------------------------------------

    def _sign_in(self, number: int, body: Body, now: Instant) -> Sequence[Command]:
        self._allow("sign_in")
        self._steps.forget()
        self.people.sign_in(number, body, now)
        return ()

    def _enrol(self, number: int, body: Body, now: Instant) -> Sequence[Command]:
        self._allow("enrol")
        self.people.enrol(number, body, now)
        return ()

    def _lock(self, number: int, _body: Body, now: Instant) -> Sequence[Command]:
        self._steps.forget()
        self.people.lock(now)
        self._answers.done(number)
        view = self._view
        if view is not None and view.phase in LIVE:
            return (Disarm(cause="console locked"),)
        return (PauseBench(),) if view is not None and is_at_bench(view) else ()

    def _acknowledge(self, number: int, body: Body, now: Instant) -> Sequence[Command]:
        self._allow("acknowledge")
        login, _ = self.people.shown_as or (PRACTICE, PRACTICE)
        rows = self._facts.alarms.acknowledge(body["no"], by=login, at_us=now.utc_us)
        self.owe([self._acknowledged(row, now) for row in rows])
        self._answers.done(number)
        return ()

    def _acknowledged(self, row: AlarmRow, now: Instant) -> Entry:
        op, role = self.people.acts_as
        treatment = self.treatment
        return Entry(
            kind="alarm.acknowledged",
            key=f"alarm.acknowledged/{row.code}/{now.utc_us}/{now.mono_us}/{row.no}",
            payload={
                "alarm": row.name.replace(" ", "_"),
                "code": row.code,
                "by": op,
                "raised_us": row.at_us,
                "count": row.count,
                "active": row.active,
            },
            op=op,
            role=role,
            session=treatment.session if treatment is not None else "",
            alias=treatment.alias if treatment is not None else "",
            gun=self._facts.stamp(),
        )

    def _silence(self, number: int, _body: Body, now: Instant) -> Sequence[Command]:
        self.silenced_until_us = now.mono_us + SILENCE_US
        self._answers.done(number)
        return ()


def left_open_now(home: Home) -> SessionRow | None:
    """Return the session that was left open, as the log has it now: with what was read from the gun since the start."""
    with contextlib.closing(open_for_reading(home.root / DATABASE_NAME)) as db:
        return open_session(db)
