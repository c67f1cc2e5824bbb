"""Every order of a few faults, over the product's own accounting rules: `python -m tests.world.explore`.

A breadth-first search through all interleavings of one gun, one host, its disk and the line between them: a few shots
of two motion steps, a ring of two slots, small grants, and up to so many faults out of brown-out (with and without the
encoder's latch), power lost in a write, host kill, a message lost, a message doubled (and so delivered late), another
host's takeover, and the board swapped. The rules are the product's functions: the gun's ring, grants, tally, lease and
fence, the host's book, row keys, ledger and caps in a real store. Only the order of steps is modelled here.

Judged at each shot: no cap exceeded, no shot of a silent host or of a grant that is not on disk; at each release: all
of it on disk; at each end: every shot once in a row, its true volume inside [lo, hi], every grant proven over or held.
It shows that there is no counterexample within its bounds; it is no proof. Each rule left out must give one.
"""

import argparse
import gc
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import combinations
from types import SimpleNamespace
from typing import NamedTuple

from msgspec.structs import replace

from meso_device.accounting import shots as host_shots
from meso_device.accounting.book import Admission, GunBook
from meso_device.accounting.clockmap import Label
from meso_device.accounting.entries import Batch, Cap, GrantIntent, GunLedger
from meso_device.accounting.grants import GrantAccount, closed_entry, prepared_entry
from meso_device.audit import caps as store_caps
from meso_device.audit.records import Stamp
from meso_device.audit.store import Store
from meso_device.session.drain import PAGE_RECORDS
from protocols.wire.codes import Code, GrantEnd, GrantKind, Phase, Reason
from protocols.wire.hashes import SLOT_SIZE
from protocols.wire.messages import GrantSet, HelloReply, Slot
from simulator.firmware import boot as gun_boot
from simulator.firmware import firing, granting
from simulator.firmware.faults import FirmwareFaults
from simulator.firmware.grants import GrantBook
from simulator.firmware.lease import Lease
from simulator.firmware.nvm import MemoryStore, Nvm, PowerCut, nvm_size
from simulator.firmware.refusal import Refusal
from simulator.firmware.ring import Intent, LogRing, Outcome
from simulator.firmware.sessions import SessionTable
from simulator.firmware.tally import Tally
from tests.claims import tell
from tests.world.bugs import plant
from tests.world.slots import UID, hello

STEPS = 2
STEP_NL = 1_000
DOSE_NL = STEPS * STEP_NL
RING = 2
GRANT_SHOTS = 2
LEASE_MS = 500
FRAME_LIFE_MS = 450
SILENCE_MS = 2_000  # a host is away: longer than its lease, and than its grant's frame may live
AREA = 3
SESSION = "5" * 32
STAMP = Stamp(ts_us=1, mono_us=1, boot="explore", clock="synced")
SETTINGS = SimpleNamespace(dose_nl=DOSE_NL)
FAULTS = ("brown-out", "torn write", "host kill", "lost", "doubled", "takeover", "board swap")


class Gun(NamedTuple):
    """A gun at rest between two steps: its memory, and what it would forget without power."""

    nvm: bytes
    epoch: int = 1
    boots: int = 0
    open_intent: bytes | None = None
    reused_seq: int = 0
    moved: int = -1  # motion steps of the shot under way; -1 without one
    grant: tuple[int, int, GrantEnd | None] | None = None  # shots and volume spent, and why it ended
    ticks_ms: int = 0
    lease_due_ms: int | None = None
    owner: tuple[int, int, int] | None = None  # session that owns it: board, boot, token; None after a reset
    last: tuple = ()  # newest state-changing request and what was answered


class Host(NamedTuple):
    """What a host process has in memory."""

    alive: bool = True
    hello: tuple | None = None
    ledger: GunLedger | None = None
    session: tuple[int, int, int] | None = None
    slots: tuple[bytes, ...] = ()  # admitted since HELLO
    durable: int = 0  # of these, how many the disk has
    pending: tuple[tuple, ...] = ()  # on their way to the disk
    asked: tuple | None = None
    grant: tuple[int, int, str] | None = None
    released: int = 0
    less: int = 0  # asked for too much: so many shots fewer from now on


class Disk(NamedTuple):
    """What is durable."""

    rows: tuple[tuple[str, int, int, bytes], ...] = ()  # key, epoch, seq, ring bytes
    grants: tuple[tuple[int, int, int, bool], ...] = ()  # epoch, number, shots, closed


class Shot(NamedTuple):
    """What the motor really did."""

    epoch: int
    seq: int
    grant_no: int
    given_nl: int


class World(NamedTuple):
    """One state of the search."""

    gun: Gun
    host: Host = Host()
    disk: Disk = Disk()
    line: tuple[tuple, ...] = ()  # messages on their way, in no order
    truth: tuple[Shot, ...] = ()
    faults: int = 0
    silent: bool = False  # no host has been heard for longer than the lease


class Broken(Exception):  # noqa: N818  # ends a path, not the program
    """What must never be, as one line."""


@dataclass(frozen=True, slots=True)
class Order:
    """The rules of order; each can be left out."""

    intent_first: bool = True
    row_before_grant: bool = True
    pages_in_order: bool = True
    drain_before_close: bool = True
    fence: bool = True


@dataclass(frozen=True, slots=True)
class Result:
    """What a search found: how many states, and each kind of violation with one path to it."""

    states: int
    ends: int
    violations: dict[str, tuple[str, ...]]
    bad_ends: int
    cpu_s: float


class Explorer:
    """A search with its bounds."""

    def __init__(
        self,
        *,
        shots: int = 3,
        faults: int = 2,
        kinds: tuple[str, ...] = FAULTS,
        order: Order = Order(),
        grant_shots: int = GRANT_SHOTS,
    ) -> None:
        self.shots = shots
        self.faults = faults
        self.kinds = frozenset(kinds)
        self.order = order
        self.grant_shots = grant_shots
        self._memo: dict = {}

    # --- the search -------------------------------------------------------------------------------

    def run(self, *, states_max: int = 10_000_000, finding: str = "") -> Result:
        """Visit every state that can be reached; ends early at a bound, or at a violation that begins like this."""
        gc.disable()  # nothing here is circular, and looking for it takes half of the time
        try:
            return self._run(states_max, finding)
        finally:
            gc.enable()

    def _run(self, states_max: int, finding: str) -> Result:
        begun_s = time.process_time()
        start = World(gun=self._new_gun(1), faults=self.faults)
        came_from: dict[World, tuple[World, str] | None] = {start: None}
        queue = deque([start])
        violations: dict[str, tuple[str, ...]] = {}
        ends = bad_ends = 0
        while queue and len(came_from) < states_max:
            if finding and any(text.startswith(finding) for text in violations):
                break
            world = queue.popleft()
            progress = False
            try:
                for name, fault, step in self._steps(world):
                    progress |= not fault
                    try:
                        after = self._tidied(step())
                    except Broken as broken:
                        bad_ends += 1
                        violations.setdefault(str(broken), (*_path(came_from, world), name))
                        continue
                    if after not in came_from:
                        came_from[after] = (world, name)
                        queue.append(after)
                if not progress:
                    ends += 1
                    self._judge_end(world)
            except Broken as broken:
                bad_ends += 1
                violations.setdefault(str(broken), _path(came_from, world))
        return Result(len(came_from), ends, violations, bad_ends, time.process_time() - begun_s)

    def _once(self, work: Callable, *given):
        """Pure functions of what is given are computed once."""
        key = (work, given)
        if key not in self._memo:
            try:
                self._memo[key] = (work(*given), None)
            except Refusal as refused:
                self._memo[key] = (None, refused)
        result, refused = self._memo[key]
        if refused is not None:
            raise refused
        return result

    def _steps(self, world: World) -> Iterator[tuple[str, bool, Callable[[], World]]]:
        yield from self._gun_steps(world)
        yield from self._line_steps(world)
        if world.host.alive:
            yield from self._host_steps(world)
        else:
            yield "host starts", False, lambda: world._replace(host=Host())
        if world.faults:
            yield from self._fault_steps(world._replace(faults=world.faults - 1))

    def _tidied(self, world: World) -> World:
        """Take from the line what can have no effect: answers that nobody waits for, questions asked no more."""
        line = tuple(message for message in world.line if self._matters(world, message))
        return world if len(line) == len(world.line) else world._replace(line=line)

    def _matters(self, world: World, message: tuple) -> bool:
        if message[0] == "host":
            return message[1] == world.host.asked or not self.order.pages_in_order
        request = message[1:]
        if request == world.host.asked:
            return True
        if request[0] in ("grant", "release"):
            return request[1] == world.gun.owner or not self.order.fence
        return False

    # --- the gun ----------------------------------------------------------------------------------

    def _new_gun(self, epoch: int) -> Gun:
        store = MemoryStore(nvm_size(RING))
        return self._once(_boot, Gun(bytes(store.data), epoch), 0)

    def _gun_steps(self, world: World) -> Iterator[tuple[str, bool, Callable[[], World]]]:
        gun = world.gun
        if gun.moved < 0:
            if gun.grant is not None and gun.grant[2] is None and self._once(_may_fire, gun):
                yield "trigger", False, lambda: self._fire(world)
        elif gun.moved < STEPS:
            yield "motion", False, lambda: _moved(world)
        else:
            yield "outcome", False, lambda: world._replace(gun=self._once(_finish, gun, "", self.order.intent_first))
        under_way = any(message[1] == "grant" for message in world.line)
        if (under_way or (gun.grant is not None and gun.grant[2] is None)) and not (world.silent or world.host.session):
            late = gun._replace(ticks_ms=gun.ticks_ms + SILENCE_MS)
            yield "silence", False, lambda: world._replace(gun=late, silent=True)

    def _fire(self, world: World, fault: str = "") -> World:
        gun = self._once(_fire, world.gun, fault, self.order.intent_first)
        if fault == "nvm_torn_intent":
            return world._replace(gun=gun)
        number, shots = _newest_grant(world.gun)
        if _head(world.gun) + 1 - RING > _released(world.gun):
            raise Broken("I-04: a record was overwritten before it was released")
        shot = Shot(gun.epoch, _head(world.gun) + 1, number, 0)
        given_nl = sum(each.given_nl for each in world.truth)
        if world.silent:
            raise Broken("W4: a shot began though the host was silent for longer than the lease")
        if given_nl + DOSE_NL > self.shots * DOSE_NL:
            raise Broken("W2: a shot began that goes over the cap")
        if not any((epoch, no) == (gun.epoch, number) for epoch, no, _, _ in world.disk.grants):
            raise Broken("I-10: a shot of a grant that is not on disk")
        if sum((each.epoch, each.grant_no) == (gun.epoch, number) for each in world.truth) >= shots:
            raise Broken("I-12: more shots of a grant than it permits")
        return world._replace(gun=gun, truth=(*world.truth, shot))

    # --- the line ---------------------------------------------------------------------------------

    def _line_steps(self, world: World) -> Iterator[tuple[str, bool, Callable[[], World]]]:
        for message in dict.fromkeys(world.line):
            rest = _without(world, message)
            if message[0] == "gun":
                yield f"gun hears {_name(message)}", False, lambda m=message, r=rest: self._gun_hears(r, m[1:])
            elif world.host.alive:
                yield f"host hears {_name(message)}", False, lambda m=message, r=rest: self._host_hears(r, m[1], m[2])

    def _gun_hears(self, world: World, request: tuple) -> World:
        try:
            gun, reply = self._once(_gun_answers, world.gun, request)
        except Refusal as refused:
            gun, reply = world.gun, ("refused", refused.code)
        if request[0] == "release" and reply[0] == "released":
            have = {(epoch, seq) for _, epoch, seq, _ in world.disk.rows}
            if any((gun.epoch, seq) not in have for seq in range(1, reply[1] + 1)):
                raise Broken("I-08: the gun was let go of a record that is not on disk")
        if request[0] == "takeover" and gun is not world.gun:
            world = world._replace(silent=False)
        return _say(world._replace(gun=gun), ("host", request, reply))

    def _host_hears(self, world: World, request: tuple, reply: tuple) -> World:
        host = world.host
        stray = host.asked != request
        if stray and (self.order.pages_in_order or reply[0] != "page" or host.hello is None):
            return world
        host = host._replace(asked=host.asked if stray else None)
        world = world._replace(host=host)
        match reply:
            case ("refused", Code.E_FENCED | Code.E_SESSION):
                return _dropped(world)
            case ("refused", _) if request[0] == "grant":
                return world._replace(host=_queued(host._replace(grant=None), ("close", host.hello[0], host.grant[0])))
            case ("refused", _):
                return _dropped(world)
            case ("hello", *said):
                ledger = self._once(self._ledger, world.disk)
                return world._replace(host=host._replace(hello=tuple(said), ledger=ledger, released=said[2]))
            case ("taken", token):
                return world._replace(host=host._replace(session=token))
            case ("page", _, slots):
                return self._page(world, request[2], slots, stray=stray)
            case ("released", upto):
                return world._replace(host=host._replace(released=max(host.released, upto)))
            case ("granted",):
                return world._replace(host=host._replace(grant=(*host.grant[:2], "live")))
        return world

    # --- the host ---------------------------------------------------------------------------------

    def _host_steps(self, world: World) -> Iterator[tuple[str, bool, Callable[[], World]]]:
        host = world.host
        if host.pending:
            yield f"disk has {host.pending[0][0]}", False, lambda: self._commit(world)
        if host.session and world.gun.owner != host.session:
            yield "host hears that the gun was reset", False, lambda: _dropped(world)
        if host.asked is not None:
            if not any(message[1:] == host.asked or message[1] == host.asked for message in world.line):
                yield "host repeats", False, lambda: _say(world, ("gun", *host.asked))
            return
        if host.hello is None:
            if not host.pending:
                yield "host says hello", False, lambda: _ask(world, ("hello",))
            return
        if not host.session:
            yield "host takes over", False, lambda: _ask(world, ("takeover", *host.hello[-3:]))
            return
        book = self._book(host)
        head = _head(world.gun) if world.gun.epoch == host.hello[0] else 0
        if head > book.admitted_seq:
            count = min(PAGE_RECORDS, head - book.admitted_seq)
            yield "host reads", False, lambda: _ask(world, ("read", host.hello[0], book.admitted_seq + 1, count))
        if book.committed_seq > host.released:
            release = ("release", host.session, host.hello[0], book.committed_seq, book.committed_hash8)
            yield "host releases", False, lambda: _ask(world, release)
        if host.grant is not None and host.grant[2] == "prepared":
            yield "host grants", False, lambda: self._send_grant(world, book)
        if host.pending:
            return
        drained = book.committed_seq == head and world.gun.moved < 0 and world.gun.owner == host.session
        closable = [grant for grant in book.provable_grants() if drained or not self.order.drain_before_close]
        if host.grant is not None:
            if host.grant[2] == "live" and self._spent(host, book):
                closed = _queued(host._replace(grant=None), ("close", host.hello[0], host.grant[0]))
                yield "host closes", False, lambda: world._replace(host=closed)
        elif closable:
            closed = _queued(host, ("close", host.hello[0], closable[0].grant_no))
            yield "host closes an unknown grant", False, lambda: world._replace(host=closed)
        elif drained and self._wish(world) > 0 and host.released >= book.committed_seq:
            yield "host prepares", False, lambda: self._prepare(world, book)

    def _book(self, host: Host) -> GunBook:
        return self._once(_book, host.hello, host.ledger, host.slots, host.durable)[0]

    def _page(self, world: World, from_seq: int, slots: bytes, *, stray: bool) -> World:
        host = world.host
        got = tuple(slots[at : at + SLOT_SIZE] for at in range(0, len(slots), SLOT_SIZE))
        if stray:
            return world._replace(host=_queued(host, ("late shots", host.hello[0], got)))
        if from_seq != self._book(host).admitted_seq + 1:
            return world
        host = host._replace(slots=host.slots + got)
        _, found = self._once(_book, host.hello, host.ledger, host.slots, host.durable)
        granted = {no for epoch, no, _, _ in world.disk.grants if epoch == host.hello[0]}
        if found and not (found.startswith("orphan") and host.grant is not None and host.grant[0] in granted):
            raise Broken(f"the host finds {found}")
        return world._replace(host=_queued(host, ("shots", host.hello[0], got)))

    def _commit(self, world: World) -> World:
        host, disk = world.host, world.disk
        step, host = host.pending[0], host._replace(pending=host.pending[1:])
        match step:
            case ("shots" | "late shots", epoch, got):
                if step[0] == "shots":
                    host = host._replace(durable=host.durable + len(got))
                disk = disk._replace(rows=self._rows(disk, epoch, got))
            case ("prepare", epoch, number, shots):
                refused = self._once(self._room, disk, epoch, number, shots)
                if not refused:
                    disk = disk._replace(grants=(*disk.grants, (epoch, number, shots, False)))
                if host.grant is not None and refused:
                    host = host._replace(grant=None, less=host.less + 1)
                elif host.grant is not None and host.grant[2] == "waits":
                    host = host._replace(grant=(number, shots, "prepared"))
            case ("close", epoch, number):
                if not any((e, no) == (epoch, number) for e, no, _, _ in disk.grants):
                    raise Broken(f"the store is broken: grant {number} was never prepared")
                grants = tuple((e, no, n, c or (e, no) == (epoch, number)) for e, no, n, c in disk.grants)
                disk = disk._replace(grants=grants)
                if host.ledger is not None:
                    ledger = self._once(self._ledger, disk)
                    still = {(grant.log_epoch, grant.grant_no) for grant in ledger.open_grants}
                    left = tuple(g for g in host.ledger.open_grants if (g.log_epoch, g.grant_no) in still)
                    known = replace(host.ledger, open_grants=left, last_grant_no=ledger.last_grant_no)
                    host = host._replace(ledger=known)
        return world._replace(host=host, disk=disk)

    def _rows(self, disk: Disk, epoch: int, slots: tuple[bytes, ...]) -> tuple:
        rows = {row[0]: row for row in disk.rows}
        for raw in slots:
            seq = Slot.unpack(raw).shot_seq
            key = host_shots.shot_key(UID.hex(), epoch, seq)
            if not self.order.pages_in_order:
                key = f"{key}#{len(rows)}"
            rows.setdefault(key, (key, epoch, seq, raw))
        return tuple(sorted(rows.values()))

    def _wish(self, world: World) -> int:
        """Shots that the treatment plans next: it plans one more than the caps allow, so it needs them."""
        given = sum(self._once(_for_patient, epoch, raw) for _, epoch, _, raw in world.disk.rows)
        return min(self.grant_shots, self.shots + 1 - given) - world.host.less

    def _prepare(self, world: World, book: GunBook) -> World:
        host, number = world.host, book.last_grant_no + 1
        shots = self._wish(world)
        host = host._replace(grant=(number, shots, "waits" if self.order.row_before_grant else "prepared"))
        return world._replace(host=_queued(host, ("prepare", host.hello[0], number, shots)))

    def _send_grant(self, world: World, book: GunBook) -> World:
        number, shots, _ = world.host.grant
        not_after_ms = world.gun.ticks_ms + FRAME_LIFE_MS
        return _ask(world, ("grant", world.host.session, number, shots, book.committed_seq, not_after_ms))

    def _spent(self, host: Host, book: GunBook) -> bool:
        number, shots, _ = host.grant
        durable = host.slots[: host.durable]
        return sum(Slot.unpack(raw).grant_no == number for raw in durable) >= shots

    # --- a real store, asked what it knows ----------------------------------------------------------

    def _store(self, disk: Disk) -> Store:
        store = Store.in_memory(software="explore", stamp=STAMP, randomness=bytes)
        batches = []
        for epoch in sorted({e for e, *_ in disk.grants} | {e for _, e, *_ in disk.rows}):
            batches += self._of_epoch(disk, epoch)
        if batches:
            store.commit(batches, STAMP)
        if store.broken:
            raise Broken(f"the store is broken: {store.broken}")
        return store

    def _of_epoch(self, disk: Disk, epoch: int) -> list[Batch]:
        """What a log of one epoch holds; the boards come one after the other."""
        grants = [grant for grant in disk.grants if grant[0] == epoch]
        entries = [_prepared(epoch, number, shots) for _, number, shots, _ in grants]
        for key, row_epoch, _, raw in disk.rows:
            if row_epoch == epoch:
                record = host_shots.read_slot(UID, epoch, raw)
                context = _context() if record.slot.grant_no else host_shots.ShotContext()
                entries.append(replace(host_shots.shot_entry(record, _stamp(epoch), Label(1, 0), context), key=key))
        for _, number, shots, closed in grants:
            if closed:
                account = GrantAccount(
                    grant_no=number, kind=1, area_code=AREA, max_shots=shots, max_nl=shots * DOSE_NL, context=_context()
                )
                entries.append(closed_entry(account, _stamp(epoch), "explored"))
        return [Batch(no=0, entries=(entry,)) for entry in entries]

    def _ledger(self, disk: Disk) -> GunLedger:
        store = self._store(disk)
        ledger = store.load_gun(UID.hex(), simulated=True)
        store._db.close()
        return ledger

    def _room(self, disk: Disk, epoch: int, number: int, shots: int) -> bool:
        """Whether the caps refuse a grant, asked as the store asks it."""
        store = self._store(disk._replace(grants=(*disk.grants, (epoch, number, shots, False))))
        cap = Cap(name="area", limit_nl=self.shots * DOSE_NL, limit_shots=self.shots, area_code=AREA, session=SESSION)
        refused = store_caps.exceeded_cap(store._db, _intent(epoch, number, shots, (cap,)))
        store._db.close()
        return refused is not None

    # --- faults -----------------------------------------------------------------------------------

    def _fault_steps(self, world: World) -> Iterator[tuple[str, bool, Callable[[], World]]]:
        gun, kinds = world.gun, self.kinds
        if "brown-out" in kinds:
            for latched in {0, max(0, gun.moved) * STEP_NL}:
                name = f"brown-out, {latched} nL latched"
                yield name, True, lambda n=latched: world._replace(gun=self._once(_boot, gun, n))
        if (
            "torn write" in kinds
            and gun.moved < 0
            and gun.grant
            and gun.grant[2] is None
            and self._once(_may_fire, gun)
        ):
            yield "power lost in INTENT", True, lambda: self._fire(world, "nvm_torn_intent")
            yield "power lost after INTENT", True, lambda: self._fire(world, "nvm_after_intent")
        if "torn write" in kinds and gun.moved == STEPS:
            torn = lambda: self._once(_finish, gun, "torn_outcome", self.order.intent_first)  # noqa: E731
            yield "power lost in OUTCOME", True, lambda: world._replace(gun=torn())
        if "host kill" in kinds and world.host.alive:
            line = tuple(message for message in world.line if message[0] == "gun")
            yield "host killed", True, lambda: world._replace(host=Host(alive=False), line=line)
        for message in dict.fromkeys(world.line):
            if "lost" in kinds:
                yield f"{_name(message)} lost", True, lambda m=message: _without(world, m)
            if "doubled" in kinds:
                yield f"{_name(message)} doubled", True, lambda m=message: _say(world, m)
        if "takeover" in kinds and gun.owner:
            yield "another host takes over", True, lambda: world._replace(gun=self._once(_other_host, gun))
        if "board swap" in kinds and gun.moved < 0:
            fresh = self._new_gun(gun.epoch + 1)
            yield "board swapped", True, lambda: world._replace(gun=fresh)

    # --- the end ----------------------------------------------------------------------------------

    def _judge_end(self, world: World) -> None:
        rows: dict[tuple[int, int], list[Slot]] = {}
        for _, epoch, seq, raw in world.disk.rows:
            rows.setdefault((epoch, seq), []).append(Slot.unpack(raw))
        truth = {(shot.epoch, shot.seq): shot for shot in world.truth}
        if len(truth) != len(world.truth):
            raise Broken("I-02: a number was issued twice")
        for place, slots in rows.items():
            if place not in truth or len(slots) != 1:
                raise Broken("W1: a row too many")
            slot, shot = slots[0], truth[place]
            if not slot.dose_lo_nl <= shot.given_nl <= slot.dose_hi_nl:
                raise Broken("W1: the true volume is not inside [lo, hi]")
            if shot.given_nl < DOSE_NL and slot.phase == Phase.DONE:
                raise Broken("W1: an interrupted shot is booked as done")
        lost: dict[tuple[int, int], int] = {}
        for place, shot in truth.items():
            if place not in rows:
                if shot.epoch == world.gun.epoch:
                    raise Broken("W1: a shot has no row")
                lost[shot.epoch, shot.grant_no] = lost.get((shot.epoch, shot.grant_no), 0) + 1
        held = 0
        for epoch, number, shots, closed in world.disk.grants:
            if closed:
                continue
            booked = sum(e == epoch and slot.grant_no == number for (e, _), many in rows.items() for slot in many)
            held += shots - booked
            if lost.pop((epoch, number), 0) > shots - booked:
                raise Broken("I-20: more was given than is held")
            if epoch == world.gun.epoch:
                raise Broken("L1: a grant is never proven over")
        if lost:
            raise Broken("I-20: shots of a lost board are neither booked nor held")
        if not held and len(rows) < self.shots:
            raise Broken("L1: the session does not go on")


# --- the gun, step by step: pure functions of its state ----------------------------------------------


class _Parts:
    """The firmware's parts, put together from a state."""

    def __init__(self, gun: Gun) -> None:
        self.store = MemoryStore(len(gun.nvm))
        self.store.data[:] = gun.nvm
        self.nvm = Nvm(self.store, slots=RING)
        self.faults = FirmwareFaults()
        self.tally = Tally(self.nvm)
        self.ring = LogRing(self.nvm, self.tally, self.faults)
        self.book = GrantBook(self.nvm)
        self.lease = Lease(self.faults)
        self.ticks_us = gun.ticks_ms * 1_000
        for cell in (self.nvm.owner, self.nvm.grant, self.nvm.hold_up, self.nvm.released):
            cell.load()

    @classmethod
    def running(cls, gun: Gun) -> "_Parts":
        parts = cls(gun)
        parts.tally.load()
        ring = parts.ring
        ring._uid, ring.log_epoch = UID, gun.epoch
        ring.open_intent, ring._reused_seq = gun.open_intent, gun.reused_seq
        released = parts.nvm.released.load()
        ring.released_seq = int.from_bytes(released[4:8], "little") if released else 0
        if gun.grant is not None:
            parts.book.restart(ring)
            newest = parts.book.newest
            newest.shots, newest.planned_nl, newest.ended = gun.grant
        if gun.lease_due_ms is not None:
            parts.lease.start(gun.lease_due_ms * 1_000, 0, gun.lease_due_ms)
        return parts

    def freeze(self, gun: Gun, **changes) -> Gun:
        newest = self.book.newest
        return gun._replace(
            nvm=bytes(self.store.data),
            open_intent=self.ring.open_intent,
            reused_seq=self.ring._reused_seq,
            grant=None if newest is None else (newest.shots, newest.planned_nl, newest.ended),
            lease_due_ms=None if self.lease.due_us is None else self.lease.due_us // 1_000,
            **changes,
        )

    def end_credit(self, cause: GrantEnd) -> None:
        live = self.book.live
        if live is not None:
            live.ended = cause
            self.lease.end()


def _boot(gun: Gun, latched_nl: int) -> Gun:
    """Power lost, and back: as the firmware's boot does it."""
    parts = _Parts(gun)
    if latched_nl and gun.open_intent is not None:
        seq = int.from_bytes(gun.open_intent[:4], "little")
        parts.nvm.hold_up.save(b"".join(n.to_bytes(4, "little") for n in (gun.epoch, seq, latched_nl)))
    board = SimpleNamespace(
        ring=parts.ring,
        nvm=parts.nvm,
        body=SimpleNamespace(never_started=lambda *_: None),
        now_us=0,
        label=lambda **_: None,
    )
    parts.ring.mount(UID, gun.epoch)
    gun_boot._close_open_record(board)
    parts.book.restart(parts.ring)
    return parts.freeze(gun, boots=gun.boots + 1, moved=-1, ticks_ms=0, owner=None, last=())


def _may_fire(gun: Gun) -> bool:
    parts = _Parts.running(gun)
    return (
        firing.lease_is_fresh(parts) and firing.credit_allows(parts.book.live, SETTINGS) and firing.ring_allows(parts)
    )


def _fire(gun: Gun, fault: str, intent_first: bool) -> Gun:
    parts = _Parts.running(gun)
    if fault:
        parts.faults.set(fault)
    grant = parts.book.live
    try:
        if intent_first:
            parts.ring.begin(_the_intent(grant.terms.grant_no))
    except PowerCut:
        return _boot(gun._replace(nvm=bytes(parts.store.data), open_intent=None), 0)
    grant.spend(DOSE_NL)
    return parts.freeze(gun, moved=0)


def _finish(gun: Gun, fault: str, intent_first: bool) -> Gun:
    parts = _Parts.running(gun)
    if not intent_first:
        parts.ring.begin(_the_intent(parts.book.last_no))
    if fault:
        parts.faults.set(fault)
    try:
        parts.ring.finish(Outcome(DOSE_NL, DOSE_NL, 0, 0, 0, Phase.DONE, Reason.NONE))
    except PowerCut:
        return _boot(gun._replace(nvm=bytes(parts.store.data)), 0)
    live = parts.book.live
    if live is not None and not firing.credit_allows(live, SETTINGS):
        parts.end_credit(GrantEnd.SPENT)
    return parts.freeze(gun, moved=-1)


def _other_host(gun: Gun) -> Gun:
    parts = _Parts.running(gun)
    return _own(gun, parts, ())[0]


def _own(gun: Gun, parts: "_Parts", request: tuple) -> tuple[Gun, tuple]:
    token = _token(parts) + 1
    parts.nvm.owner.save(token.to_bytes(4, "little") + bytes(16))
    parts.end_credit(GrantEnd.TAKEOVER)
    session = (gun.epoch, gun.boots, token)
    reply = ("taken", session)
    return parts.freeze(gun, owner=session, last=(request, reply)), reply


def _gun_answers(gun: Gun, request: tuple) -> tuple[Gun, tuple]:
    """What the gun does with a request, and answers."""
    parts = _Parts.running(gun)
    ring, kind = parts.ring, request[0]
    if kind == "hello":
        newest = parts.book.newest
        last_no = newest.terms.grant_no if newest is not None else 0
        said = (gun.epoch, ring.head_seq, ring.released_seq, ring.oldest_seq, ring.chain_head8, last_no)
        return gun, ("hello", *said, gun.epoch, gun.boots, _token(parts))
    if kind == "read":
        return gun, ("page", *ring.read(*request[1:]))
    if gun.last and gun.last[0] == request:
        return gun, gun.last[1]
    if kind == "takeover":
        if request[1:3] != (gun.epoch, gun.boots):
            raise Refusal(Code.E_SESSION)
        if request[3] != _token(parts):
            raise Refusal(Code.E_STALE)
        return _own(gun, parts, request)
    if not gun.owner:
        raise Refusal(Code.E_SESSION)
    SessionTable.fence(SimpleNamespace(owner=gun.owner), request[1])
    if kind == "release":
        reply = ("released", ring.release(*request[2:]))
        return parts.freeze(gun, last=(request, reply)), reply
    return _take_grant(gun, parts, request)


def _take_grant(gun: Gun, parts: _Parts, request: tuple) -> tuple[Gun, tuple]:
    """GRANT_SET in the order of `granting.set_grant`, as far as accounting goes."""
    _, (_, _, token), number, shots, expect_head_seq, not_after_ms = request
    terms = GrantSet(
        number, expect_head_seq, token, GrantKind.TREAT, AREA, bytes(8), shots, shots * DOSE_NL, LEASE_MS, 600,
        not_after_ms, bytes(8),
    )  # fmt: skip
    reply = ("granted",)
    if not parts.book.is_repeat(terms):
        if gun.moved >= 0:
            raise Refusal(Code.E_BUSY)
        granting.check_number(terms, parts.book.last_no)
        granting.check_age(terms, head_seq=parts.ring.head_seq, uptime_ms=gun.ticks_ms)
        if not parts.ring.free:
            raise Refusal(Code.E_LOG_FULL)
        parts.end_credit(GrantEnd.REPLACED)
        parts.book.accept(terms, 0)
        parts.lease.start(parts.ticks_us, LEASE_MS, not_after_ms)
    return parts.freeze(gun, last=(request, reply)), reply


def _token(parts: _Parts) -> int:
    item = parts.nvm.owner.load()
    return int.from_bytes(item[:4], "little") if item else 0


def _head(gun: Gun) -> int:
    return _Parts.running(gun).ring.head_seq


def _released(gun: Gun) -> int:
    return _Parts.running(gun).ring.released_seq


def _newest_grant(gun: Gun) -> tuple[int, int]:
    terms = _Parts.running(gun).book.newest.terms
    return terms.grant_no, terms.max_shots


def _the_intent(grant_no: int) -> Intent:
    return Intent(1, 0, grant_no, bytes(8), DOSE_NL, 0, AREA, GrantKind.TREAT, 1, 1, 1)


# --- the host, step by step ----------------------------------------------------------------------------


def _book(said: tuple, ledger: GunLedger, slots: tuple[bytes, ...], durable: int) -> tuple[GunBook, str]:
    """The host's book after these slots, and what it found wrong with the last."""
    epoch, head, released, oldest, chain8, last_no, *_ = said
    greeting: HelloReply = hello(
        log_epoch=epoch,
        head_seq=head,
        released_seq=released,
        oldest_seq=oldest,
        chain_head8=chain8,
        last_grant_no=last_no,
    )
    book, found = GunBook(greeting, ledger), ""
    for number, raw in enumerate(slots, 1):
        admission = book.admit(raw, now_utc_us=1)
        if not isinstance(admission, Admission):
            return book, admission.finding.code.value
        found = "" if admission.finding is None else admission.finding.code.value
        if number <= durable:
            book.committed(admission.record.slot.shot_seq, admission.record.hash8)
    return book, found


def _for_patient(epoch: int, raw: bytes) -> bool:
    return host_shots.read_slot(UID, epoch, raw).for_patient


def _stamp(epoch: int):
    return GunBook(hello(log_epoch=epoch), GunLedger(gun_uid=UID.hex())).stamp


def _context() -> host_shots.ShotContext:
    return host_shots.ShotContext(session=SESSION, alias="a" * 32, area_id="area", product="product")


def _intent(epoch: int, number: int, shots: int, caps: tuple[Cap, ...] = ()) -> GrantIntent:
    return GrantIntent(
        gun_uid=UID.hex(), log_epoch=epoch, grant_no=number, kind=1, session=SESSION, alias="a" * 32, area_code=AREA,
        product="product", lot="", max_shots=shots, max_nl=shots * DOSE_NL, caps=caps,
    )  # fmt: skip


def _prepared(epoch: int, number: int, shots: int):
    return prepared_entry(_intent(epoch, number, shots), _stamp(epoch), _context(), {"expect_head_seq": 0})


def _moved(world: World) -> World:
    shot = world.truth[-1]
    gun = world.gun._replace(moved=world.gun.moved + 1)
    return world._replace(gun=gun, truth=(*world.truth[:-1], shot._replace(given_nl=shot.given_nl + STEP_NL)))


def _dropped(world: World) -> World:
    """The host gives the connection up: all it had in memory of it is gone, what is on its way to the disk is not."""
    pending = tuple(("late shots", *step[1:]) if step[0] == "shots" else step for step in world.host.pending)
    return world._replace(host=Host(pending=pending))


def _queued(host: Host, step: tuple) -> Host:
    return host._replace(pending=(*host.pending, step))


def _ask(world: World, request: tuple) -> World:
    return _say(world._replace(host=world.host._replace(asked=request)), ("gun", *request))


def _say(world: World, message: tuple) -> World:
    return world._replace(line=tuple(sorted((*world.line, message), key=repr)))


def _without(world: World, message: tuple) -> World:
    line = list(world.line)
    line.remove(message)
    return world._replace(line=tuple(line))


def _name(message: tuple) -> str:
    return str(message[1]) if message[0] == "gun" else f"reply to {message[1][0]}"


def _path(came_from: dict, world: World) -> tuple[str, ...]:
    steps = []
    while (before := came_from[world]) is not None:
        world, name = before
        steps.append(name)
    return tuple(reversed(steps))


# --- each rule left out ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A rule left out: by a bug planted in the product, or by another order of steps; and what must find it.

    Attributes:
        finding: Beginning of the violation that this rule prevents.
        faults: Fewest faults with which it shows.
        kinds: Faults that are enough for it: the search is quicker with fewer.
        bug: Name in `tests.world.bugs`; empty where only the order is another.
        order: Rules of order in force.
        grant_shots: Shots of a grant.
    """

    finding: str
    kinds: tuple[str, ...]
    faults: int = 1
    bug: str = ""
    order: Order = Order()
    grant_shots: int = GRANT_SHOTS


RULES = {
    "release before commit": LeftOut("I-08", ("host kill",), bug="release_early"),
    "intent after motion": LeftOut("W2", ("brown-out",), order=Order(intent_first=False)),
    "ring in RAM": LeftOut("I-02", ("brown-out",), bug="ring_in_ram"),
    "ring overwrites": LeftOut("I-04", (), bug="ring_overwrite", grant_shots=3),
    "identity lacks epoch": LeftOut("I-08", ("board swap",), bug="no_epoch"),
    "no dedupe": LeftOut("W1: a row too many", ("doubled",), order=Order(pages_in_order=False)),
    "grant refills": LeftOut("I-12", ("doubled",), bug="grant_refill"),
    "grant before its row": LeftOut("I-10", (), order=Order(row_before_grant=False)),
    "closed before drained": LeftOut("the host finds orphan", ("host kill",), order=Order(drain_before_close=False)),
    "reserve not counted": LeftOut("W2", ("board swap",), bug="cap_ignores_unknown"),
    "caps forgotten": LeftOut("W2", (), bug="cap_in_memory"),
    "cap off by one": LeftOut("W2", (), bug="cap_off_by_one"),
    "lease off": LeftOut("W4", ("host kill",), bug="lease_off"),
    "late grant taken": LeftOut("W4", ("host kill",), bug="late_grant_taken"),
    "fence ignored": LeftOut("W2", ("takeover",), bug="fence_ignored", order=Order(fence=False)),
    "interrupted as done": LeftOut("W1: the true volume", ("brown-out",), bug="interrupted_as_done"),
    "interrupted as nothing": LeftOut("W1: the true volume", ("brown-out",), bug="interrupted_as_zero"),
    "latched as all": LeftOut("W1: the true volume", ("brown-out",), bug="latch_taken_as_all"),
    "lost log closes grants": LeftOut("the store is broken", ("board swap",), bug="stranded_closed"),
}


def without(name: str, *, everything: bool = False) -> Result:
    """Search with one rule left out, up to the first bad end; with ``everything``, through all of them."""
    rule = RULES[name]
    with plant(rule.bug) if rule.bug else nullcontext():
        explorer = Explorer(
            shots=3, grant_shots=rule.grant_shots, faults=rule.faults, kinds=rule.kinds, order=rule.order
        )
        return explorer.run(states_max=200_000, finding="" if everything else rule.finding)


def main(args: list[str] | None = None) -> int:
    """Run the explorer; exit 1 for a violation with all rules, or a rule that can be left out unseen."""
    parser = argparse.ArgumentParser(prog="explore", description="every order of a few faults, accounting rules only")
    parser.add_argument("--shots", type=int, default=3)
    parser.add_argument("--faults", type=int, default=2)
    parser.add_argument("--states", type=int, default=10_000_000, help="give up at so many")
    given = parser.parse_args(args)
    states = bad_ends = 0
    # So many faults are of at most so many kinds: all searches of so many kinds together leave out nothing.
    for kinds in combinations(FAULTS, given.faults):
        result = Explorer(shots=given.shots, faults=given.faults, kinds=kinds).run(states_max=given.states)
        states, bad_ends = states + result.states, bad_ends + result.bad_ends + (result.states >= given.states)
        print(
            f"{given.shots} shots, {given.faults} faults of {', '.join(kinds)}: {result.bad_ends} violations, "
            f"{result.states} states, {result.ends} ends, {result.cpu_s:.1f} s CPU",
            flush=True,
        )
        for text, path in result.violations.items():
            print(f"  {text} <- {' | '.join(path)}")
    unseen = []
    for name, rule in RULES.items():
        found = without(name)
        seen = any(text.startswith(rule.finding) for text in found.violations)
        unseen += [] if seen else [name]
        shown = next((text for text in found.violations if text.startswith(rule.finding)), "NOT FOUND")
        print(f"without the rule: {name:25} {shown} ({found.states} states, {found.cpu_s:.1f} s CPU)")
    figures = {
        "states": states,
        "violations": bad_ends,
        "rules_left_out": len(RULES),
        "found": len(RULES) - len(unseen),
    }
    return tell("rules hold in every order", figures, ok=not bad_ends and not unseen)


if __name__ == "__main__":
    sys.exit(main())
