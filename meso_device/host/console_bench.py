"""The bench at the console: a technician's run from what stands there to two signatures.

The run itself is the engine's, as for `meso calibrate`; here is only what a person says about it, judged again, and the
run as its durable records tell it. Nothing of a run is kept that its records do not hold, so one that was begun at the
command line is taken up here, and the other way round.
"""

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from meso_device.accounting.entries import CommitFailed, Committed
from meso_device.calibration.order import SENSOR_READINGS, Order
from meso_device.calibration.record import KINDS, Begun, CalibrationRecord, What, entry_of, read_record
from meso_device.calibration.run import Run, RunState
from meso_device.host.bench_file import load_bench
from meso_device.host.bench_orders import HEAD, NEEDLE, PROFILES, OrderWords, order_of
from meso_device.host.bench_runs import (
    KnownRun,
    abandoned_of,
    excluded_of,
    known_run,
    open_run,
    reason_to_sign,
    serial_of,
    signed_of,
)
from meso_device.host.bench_slot import KEYED, BenchSlot, KeyedInstrument
from meso_device.host.console_facts import ConsoleFacts
from meso_device.host.errands import Errands
from meso_device.host.instruments import Instrument, connected
from meso_device.host.owed import Owe
from meso_device.host.screen_answers import Refuse, ScreenAnswers
from meso_device.host.snapshot_bench import BenchShown, prepared_body
from meso_device.people.lockout import Moment
from meso_device.people.office import Office
from meso_device.people.refusals import NotAllowed
from meso_device.people.register import Purpose
from meso_device.people.roles import Act, Person, role_for
from meso_device.people.signatures import Pair, authorise, sign_together
from meso_device.records.calibration_runs import find_run
from meso_device.records.limits import refuse_unreleased
from meso_device.records.recall import refuse_recalled
from meso_device.screen_messages import Body
from meso_device.session.bench_begin import begun_here
from meso_device.session.contract import (
    Calibrate,
    Command,
    Commit,
    DecideAdjustment,
    Effect,
    EngineEvent,
    Instant,
    PauseBench,
    View,
)
from protocols.errors import UsageError
from protocols.units import day_of
from protocols.wire.codes import State

ADJUST_WORD: Final = "ADJUST"
NUMBER_LETTERS_MAX: Final = 4
_OPEN: Final = frozenset({RunState.AS_FOUND, RunState.ADJUST, RunState.AS_LEFT, RunState.JUDGE})
_BUSY: Final = frozenset({State.SERVICE, State.MOVING})


class _Ready(NamedTuple):
    """A run that can go on: what the log says of it, and its instrument."""

    known: KnownRun | None
    instrument: Instrument | None
    keyed: KeyedInstrument


class ConsoleBench:
    """Commands of the screen that are about a run; each was found allowed before it comes here.

    Args:
        facts: What was heard of the gun.
        answers: Answers to the screen.
        errands: Work beside the loop.
        owe: Takes records for the log.
        known: Run that is open, or complete and unsigned, at the start; None if none.

    Attributes:
        slot: Where the instrument is.
    """

    def __init__(
        self, *, facts: ConsoleFacts, answers: ScreenAnswers, errands: Errands, owe: Owe, known: KnownRun | None
    ) -> None:
        self._facts = facts
        self._answers = answers
        self._errands = errands
        self._owe = owe
        self._run = known.run if known is not None else Run()
        self._prepared: tuple[Order, str] | None = None
        self._runner = ""
        self._tried = False
        self._committing: dict[int, list[CalibrationRecord]] = {}
        self.slot = BenchSlot()

    # --- what is known ------------------------------------------------------------------------------

    def stepped(self, event: EngineEvent, effects: Sequence[Effect], now: Instant) -> None:
        """Follow the run by its records as they become durable, and hear what the instrument is asked."""
        match event:
            case Committed():
                for record in self._committing.pop(event.no, ()):
                    self._run = Run((record,)) if isinstance(record, Begun) else self._run.then(record)
            case CommitFailed():
                self._committing.clear()
            case _:
                pass
        for effect in effects:
            if isinstance(effect, Commit):
                entries = [entry for entry in effect.batch.entries if entry.kind in KINDS]
                if entries:
                    self._committing[effect.batch.no] = [read_record(one.kind, one.payload) for one in entries]
        self.slot.stepped(event, effects, now)

    def seen(self, view: View) -> None:
        """Let go of the instrument once its run does not go on."""
        if self.slot.name and (view.bench is None or not view.bench.running):
            self.slot.empty()

    def shown(self) -> BenchShown:
        """Return what the screen is told."""
        slot = self.slot
        keyed = slot.name == KEYED
        return BenchShown(
            run=self._run,
            asked=slot.asked,
            keyed=keyed,
            instrument="" if keyed else slot.name,
            tried=self._tried,
        )

    @property
    def is_open(self) -> bool:
        """Whether a run can go on."""
        return self._run.state in _OPEN

    @property
    def is_to_sign(self) -> bool:
        """Whether a run is complete and nobody signed for it."""
        return self._run.state is RunState.SIGN

    def is_run_by(self, person: Person | None) -> bool:
        """Return whether this is who began the run under way, or went on with it."""
        return person is not None and person.op == self._runner

    # --- beginning ----------------------------------------------------------------------------------

    def prepare(self, number: int, body: Body, person: Person, now: Instant) -> None:
        """Look at what a run is to be, beside the gun that is there; nothing is recorded and nothing moves.

        Raises:
            UsageError: a word is refused.
        """
        role_for(person, Act.CALIBRATE)
        words = words_of(body)
        self._prepared = None

        def read(*_: object) -> Order:
            return order_of(words, load_bench(body["file"]))

        def came(order: Order, at: Instant) -> Sequence[Command]:
            hello, limits, calibration = self._facts.hello, self._facts.limits, self._facts.calibration
            if hello is None or limits is None or calibration is None:
                raise Refuse("not_now", "no gun is connected")
            begun = begun_here(order, hello.serial, limits, calibration, day_of(at.utc_us))
            self._prepared = order, body["port"]
            self._answers.done(number, **prepared_body(begun, body["port"]))
            return ()

        self._errands.send(number, read, came, now)

    def begin(self, number: int, _body: Body, person: Person, now: Instant) -> None:
        """Begin what was prepared; done when its first record is durable."""
        role = role_for(person, Act.CALIBRATE).value
        if self._prepared is None:
            raise Refuse("prepare", "say first what the run is to be")
        order, port = self._prepared
        serial = next((one.serial for one in order.references if one.what == "balance"), "")

        def ready(*_: object) -> _Ready:
            with self._errands.read() as db:
                known = open_run(db)
                refuse_unreleased(db, order.bench_limits)
                refuse_recalled(db, order.references)
            if known is not None:
                raise UsageError(f"run {known.row.run[:8]} ({known.row.what}) is open: go on with it, or give it up")
            return _ready(None, order.what, port, serial)

        def came(made: _Ready, at: Instant) -> Sequence[Command]:
            self._fit(made, port)
            self._prepared = None
            self._answers.wait(number, at, lambda _: self._is(order.run))
            return self._take(
                Calibrate(order=order, adjust=None, interval_days=order.interval_days, op=person.op, role=role)
            )

        self._errands.send(number, ready, came, now)

    def resume(self, number: int, body: Body, person: Person, now: Instant) -> None:
        """Go on with the open run as its records have it; done once it goes on."""
        role = role_for(person, Act.CALIBRATE).value
        port = body["port"]

        def ready(*_: object) -> _Ready:
            with self._errands.read() as db:
                known = open_run(db)
                if known is None:
                    raise UsageError("no run is open")
                begun = known.story.begun
                refuse_recalled(db, begun.references)
            return _ready(known, begun.what, port, serial_of(begun))

        def came(made: _Ready, at: Instant) -> Sequence[Command]:
            self._fit(made, port)
            if made.known is None:
                return ()
            self._run = made.known.run
            self._answers.wait(number, at, lambda view: view.bench is not None and view.bench.running)
            return self._take(made.known.going_on(adjust=None, op=person.op, role=role))

        self._errands.send(number, ready, came, now)

    def _fit(self, ready: _Ready, port: str) -> None:
        if ready.instrument is None:
            self.slot.empty()
        else:
            self.slot.fit(ready.instrument, ready.keyed, port or KEYED)

    def _take(self, command: Calibrate) -> tuple[Command, ...]:
        self._runner, self._tried = command.op, True
        return (command,)

    def _is(self, run: str) -> bool:
        return bool(self._run.records) and self._run.begun.run == run

    # --- under way ----------------------------------------------------------------------------------

    def read(self, number: int, body: Body) -> None:
        """Take a reading that was keyed in.

        Raises:
            UsageError: it is refused; the same question goes on.
        """
        self.slot.give(body["no"], body["text"])
        self._answers.done(number)

    def adjust(self, number: int, body: Body, now: Instant) -> Sequence[Command]:
        """Take the technician's word on what would be written to the gun.

        Raises:
            Refuse: the word that has to be typed was not.
        """
        adjust = body["adjust"]
        if adjust and body["typed"].strip().upper() != ADJUST_WORD:
            raise Refuse("typed", f"type {ADJUST_WORD} to write it to the gun")
        self._answers.wait(number, now, lambda view: view.bench is None or not view.bench.proposal)
        return (DecideAdjustment(adjust=adjust),)

    def pause(self, number: int, now: Instant) -> Sequence[Command]:
        """End the run in order; done when the gun has left SERVICE."""

        def over(view: View) -> bool:
            status = self._facts.status
            away = status is None or status.state not in _BUSY
            return away and (view.bench is None or not view.bench.running)

        self._answers.wait(number, now, over, of_gun=False)
        return (PauseBench(),)

    # --- without the gun ----------------------------------------------------------------------------

    def exclude(self, number: int, body: Body, person: Person, now: Instant) -> None:
        """Let a reading of the stage under way not count."""
        no = _number("reading", body["no"])
        self._add(number, lambda known: excluded_of(known, no, body["reason"]), person, now)

    def abandon(self, number: int, body: Body, person: Person, now: Instant) -> None:
        """Give the open run up; its readings stay."""
        self._add(number, lambda known: abandoned_of(known, body["reason"]), person, now)

    def _add(self, number: int, make: Callable[[KnownRun], CalibrationRecord], person: Person, now: Instant) -> None:
        """Add a record to the open run, by a technician; answers when it is durable."""
        role = role_for(person, Act.CALIBRATE).value

        def look(*_: object) -> tuple[KnownRun, CalibrationRecord]:
            with self._errands.read() as db:
                known = open_run(db)
            if known is None:
                raise UsageError("no run is open")
            return known, make(known)

        def came(made: tuple[KnownRun, CalibrationRecord], _at: Instant) -> Sequence[Command]:
            known, record = made

            def durable(_then: Instant) -> None:
                self._run = known.run.then(record)
                self._answers.done(number)

            self._owe((entry_of(record, known.gun, op=person.op, role=role),), durable, number)
            return ()

        self._errands.send(number, look, came, now)

    def sign(self, number: int, body: Body, person: Person, now: Instant) -> None:
        """Let two people stand by a complete run: who is signed in, and a second person; each by the PIN."""

        def look(office: Office, moment: Moment) -> tuple[KnownRun, Pair, str]:
            with self._errands.read() as db:
                known = known_run(db, find_run(db, body["run"]))
            code = reason_to_sign(known.row, body["reason"])
            first = office.register.check(person.login, body["pin"], moment, purpose=Purpose.SIGNATURE)
            role_for(first.person, Act.BENCH_SIGN_OFF)
            other = office.register.check(body["login2"], body["pin2"], moment, purpose=Purpose.SIGNATURE)
            return known, authorise(Act.BENCH_SIGN_OFF, first, other, moment), code

        def came(made: tuple[KnownRun, Pair, str], _at: Instant) -> Sequence[Command]:
            known, pair, code = made
            signed = signed_of(known.row, pair, code)
            entry = entry_of(signed, known.gun, op=pair.first.op, role=pair.first_role.value)

            def durable(_at: Instant) -> None:
                if self._is(known.row.run):
                    self._run = known.run.then(signed)
                self._answers.done(number)

            self._owe((entry, *sign_together(entry, pair)), durable, number)
            return ()

        self._errands.send(number, look, came, now)


def words_of(body: Body) -> OrderWords:
    """Return what was typed of a run as words; what stayed empty is as on the command line.

    Raises:
        UsageError: a word is refused.
    """
    if body["what"] not in list(What):
        raise UsageError(f"{body['what'][:20]!r} is not calibrated: {', '.join(What)}")
    what = What(body["what"])
    usual = {What.DOSE: 10, What.DEPTH: 5, What.SENSORS: SENSOR_READINGS, What.SYRINGE: 12, What.FILLING: 5}[what]
    return OrderWords(
        what=what,
        targets=tuple(text.strip() for text in body["targets"].split(",") if text.strip()),
        readings=_number("readings", body["readings"]) if body["readings"] else usual,
        profile=body["profile"] or PROFILES[0],
        shots=_number("shots", body["shots"]) if body["shots"] else 1,
        syringe=body["syringe"],
        syringe_lot=body["lot"],
        needle=body["needle"] or NEEDLE,
        head=body["head"] or HEAD,
        water_at_end=True,
    )


def why_no_technician(person: Person | None) -> str:
    """Return why somebody may not calibrate, in one line; empty for nobody and for who may."""
    try:
        if person is not None:
            role_for(person, Act.CALIBRATE)
    except NotAllowed as refused:
        return str(refused)
    return ""


def _number(name: str, text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= NUMBER_LETTERS_MAX):
        raise UsageError(f"{name} {text[:20]!r} refused: a whole number, such as 5")
    return int(text)


def _ready(known: KnownRun | None, what: What, port: str, serial: str) -> _Ready:
    """Return a run with what its readings come from: a port, somebody's keys, or both; the gun alone for sensors."""
    keyed = KeyedInstrument()
    if what is What.SENSORS:
        return _Ready(known, None, keyed)
    return _Ready(known, connected(what, port, serial, keyed) if port else keyed, keyed)
