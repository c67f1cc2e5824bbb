"""Two people at a gun that a fault has locked for good: they sign for it as `meso service settle` lets them.

The command's own work, on the world's clock and in its log, with the gun on the bench: no host runs meanwhile.
"""

from collections.abc import Iterator

from drivers.link import LinkEngine
from drivers.link_events import Answered
from drivers.outcome import Done, Outcome, Unknown
from meso_device.accounting.entries import Batch, Committed, Entry
from meso_device.accounting.findings import FindingCode
from meso_device.accounting.materials import Actor
from meso_device.accounting.settlement import WITHOUT_GUN, Settlement
from meso_device.audit.exit_facts import open_findings_of
from meso_device.cli.service_gun import GunAtHand
from meso_device.cli.service_settle import _act, _Work
from meso_device.people.roles import Person, Role
from meso_device.people.signatures import Pair, sign_together
from protocols.errors import MesoError
from protocols.wire.messages import HelloReply, Request

STEP_US = 1_000
ANSWER_US = 4_000_000
UP_US = 3_000_000
FIRST, SECOND = "d1" * 16, "d2" * 16
REASON = "seen_to"


class OnTheBench:
    """The gun on a cable of its own; for `GunAtHand` what `drivers.gun.GunDriver` is."""

    def __init__(self, world) -> None:
        self._world = world
        self._tag = 0
        self._answers: dict[int, Outcome] = {}
        self.link = LinkEngine(world.random.randbytes(16), world.link_keys)
        self.link.opened(world.now_us)

    def hello(self) -> HelloReply:
        """Say HELLO; MesoError where the gun does not answer, or does not prove its key."""
        outcome = self.request(self.link.hello(self._world.random.randbytes(16)))
        if not isinstance(outcome, Done) or not isinstance(outcome.body, HelloReply):
            raise MesoError(f"HELLO: {outcome}")
        return outcome.body

    def request(self, message: Request) -> Outcome:
        """Ask, and return how it ended."""
        world = self._world
        self._tag += 1
        self.link.ask(world.now_us, self._tag, message)
        end_us = world.now_us + ANSWER_US
        while self._tag not in self._answers:
            if world.now_us > end_us:
                return Unknown("no answer")
            self._turn()
        return self._answers.pop(self._tag)

    def listen(self, seconds: float) -> None:
        """Let time go by."""
        end_us = self._world.now_us + int(seconds * 1_000_000)
        while self._world.now_us < end_us:
            self._turn()

    def _turn(self) -> None:
        world, link = self._world, self.link
        while frame := link.transmit(world.now_us):
            world.gun.feed(world.now_us, frame)
        world.now_us += STEP_US
        world.gun.step(world.now_us)
        events = [*link.received(world.now_us, world.gun.take(world.now_us)), *link.tick(world.now_us)]
        for event in events:
            if isinstance(event, Answered):
                self._answers[event.tag] = event.outcome


class Desk:
    """The log, for two people who signed in; for the command what `meso_device.cli.acting.Acting` is."""

    def __init__(self, world) -> None:
        self._world = world
        self.db = world.store._db

    def commit(self, *entries: Entry) -> None:
        """Make records durable."""
        batch = Batch(no=0, entries=entries)
        results = self._world.store.commit([batch], self._world.stamp())
        self._world.watch.durable([batch], results)
        assert isinstance(results[0], Committed), results[0]

    def commit_by_two(self, pair: Pair, entry: Entry, *others: Entry) -> None:
        """Make records durable with two signatures."""
        self.commit(*others, entry, *sign_together(entry, pair))


def settle(world) -> bool:
    """Let two people settle whatever locks the gun; return whether a host can go on with it.

    They cannot where the gun is another one, or has lost its key: that is registered or paired anew, or none of ours.
    """
    world.heal()
    world.die(1)
    world.store = world.store.restarted(world.stamp())
    gun = OnTheBench(world)
    gun.listen(UP_US / 1_000_000)
    uid = world.gun.firmware.gun_uid_text
    seen = False
    for findings in _rounds(world, uid):
        seen = True
        codes = {one.code for one in findings}
        act = _act(codes)
        pair = Pair(act=act, first=_person(FIRST), first_role=Role.TECHNICIAN, second=_person(SECOND),
                    second_role=Role.CLINICIAN)  # fmt: skip
        by = Actor(op=FIRST, role=Role.TECHNICIAN.value, utc_us=world.stamp().ts_us)
        work = _Work(Desk(world), uid, pair, by, REASON)
        world.note(f"two people settle {', '.join(sorted(codes))}")
        try:
            if codes <= WITHOUT_GUN:
                work.sign(Settlement(findings=findings), None)
            else:
                at_hand = GunAtHand(gun, gun.hello())
                work.with_gun(findings, at_hand, lambda: world.gun.body.press_service_button(world.now_us))
        except MesoError as error:
            world.note(f"refused: {error}")
            world.unsettled = str(error)
            return False
    return seen


def _rounds(world, uid: str) -> Iterator[tuple]:
    """Yield what is open, until nothing is that can be settled."""
    for _ in range(3):
        found = tuple(one for one in open_findings_of(world.store._db, uid) if one.code is not FindingCode.IDENTITY)
        if not found:
            return
        yield found
    world.unsettled = f"still open: {found}"


def _person(op: str) -> Person:
    return Person(op=op, login=op[:4], name=op[:4], roles=frozenset(Role))
