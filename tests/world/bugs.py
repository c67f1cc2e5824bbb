"""Planted bugs: each takes one protection out of the product, by patching it in this process and only while it is on.

What cannot be planted by exchanging a function (an order of steps, a pragma) is planted where its method can see it:
as an order in the explorer, as a control in the storage harness.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import wraps
from unittest.mock import patch

from msgspec.structs import force_setattr, replace

_BUGS: dict[str, Callable[[ExitStack], None]] = {}


def planted_bugs() -> tuple[str, ...]:
    """Return the names of all bugs that can be planted here."""
    return tuple(_BUGS)


@contextmanager
def plant(name: str) -> Iterator[None]:
    """Let a bug be in the product until the end of the block."""
    with ExitStack() as stack:
        _BUGS[name](stack)
        yield


def _bug(bug: Callable[[ExitStack], None]) -> Callable[[ExitStack], None]:
    _BUGS[bug.__name__] = bug
    return bug


def _set(stack: ExitStack, owner: object, name: str, value: object) -> None:
    stack.enter_context(patch.object(owner, name, value))


def _wrap(stack: ExitStack, owner: object, name: str, after: Callable) -> None:
    """Let `after(original, *given)` run in the place of a function."""
    original = getattr(owner, name)

    @wraps(original)
    def wrapped(*args, **kwargs):
        return after(original, *args, **kwargs)

    _set(stack, owner, name, wrapped)


# --- the gun's ring and boot --------------------------------------------------------------------------


@_bug
def ring_in_ram(stack: ExitStack) -> None:
    """After a reset the gun knows no record that the host has not released."""
    from simulator.firmware.ring import LogRing

    def mount(original, ring, gun_uid, log_epoch):
        if ring._tally.load():
            released = ring._nvm.released.load()
            upto = int.from_bytes(released[4:8], "little") if released else 0
            ring._nvm.store.write(ring._nvm.slot_offset(1), bytes(72 * ring._nvm.slots))
            ring._tally.head_seq = min(upto, ring._tally.head_seq)
            ring._tally.save()
        original(ring, gun_uid, log_epoch)

    _wrap(stack, LogRing, "mount", mount)


@_bug
def ring_overwrite(stack: ExitStack) -> None:
    """A full ring overwrites its oldest record."""
    from simulator.firmware.ring import LogRing

    _set(stack, LogRing, "free", property(lambda ring: 1))


@_bug
def interrupted_as_done(stack: ExitStack) -> None:
    """A stroke in which power was lost is booked as given in full."""
    from simulator.firmware import boot

    def done(original, planned_nl, latched_nl):
        return replace(original(planned_nl, latched_nl), dose_lo_nl=planned_nl)

    _wrap(stack, boot, "interrupted", done)


@_bug
def interrupted_as_zero(stack: ExitStack) -> None:
    """A stroke in which power was lost is booked as nothing given."""
    from simulator.firmware import boot

    def nothing(original, planned_nl, latched_nl):
        return replace(original(planned_nl, latched_nl), dose_lo_nl=0, dose_hi_nl=0)

    _wrap(stack, boot, "interrupted", nothing)


@_bug
def latch_taken_as_all(stack: ExitStack) -> None:
    """What the encoder had counted at brown-out is booked as all that was given."""
    from simulator.firmware import boot

    def latched(original, planned_nl, latched_nl):
        return replace(original(planned_nl, latched_nl), dose_hi_nl=latched_nl)

    _wrap(stack, boot, "interrupted", latched)


# --- grants, lease, fence ---------------------------------------------------------------------------------


@_bug
def grant_refill(stack: ExitStack) -> None:
    """The same grant again is credit again."""
    from simulator.firmware import granting
    from simulator.firmware.grants import GrantBook

    _set(stack, GrantBook, "is_repeat", lambda book, grant: False)

    def check(original, grant, last_no):
        original(grant, last_no - (grant.grant_no == last_no))

    def age(original, grant, **now):
        original(replace(grant, expect_head_seq=now["head_seq"]), **now)

    _wrap(stack, granting, "check_number", check)
    _wrap(stack, granting, "check_age", age)


@_bug
def old_grant_number(stack: ExitStack) -> None:
    """Any number is taken, so a grant that lay in a buffer comes to life after a newer one."""
    from simulator.firmware import granting

    _set(stack, granting, "check_number", lambda grant, last_no: None)


@_bug
def late_grant_taken(stack: ExitStack) -> None:
    """A grant frame that was stuck for longer than it may live takes effect."""
    from simulator.firmware import granting

    def age(original, grant, *, head_seq, uptime_ms):
        original(replace(grant, not_after_uptime_ms=uptime_ms), head_seq=head_seq, uptime_ms=uptime_ms)

    _wrap(stack, granting, "check_age", age)


@_bug
def lease_off(stack: ExitStack) -> None:
    """Credit outlives its lease."""
    from simulator.firmware.lease import Lease

    _set(stack, Lease, "runs", False)


@_bug
def lease_from_arrival(stack: ExitStack) -> None:
    """A heartbeat renews a whole lease from when it comes, however long the line had it."""
    from simulator.firmware.lease import Lease

    def beat(original, lease, ticks_us, heartbeat):
        due_us = lease.due_us
        grew = original(lease, ticks_us, heartbeat)
        if lease.due_us != due_us:
            lease.due_us = ticks_us + lease._lease_us
        return grew

    _wrap(stack, Lease, "beat", beat)


@_bug
def grant_date_ignored(stack: ExitStack) -> None:
    """The lease of a new grant runs from its arrival, not to its own date."""
    from simulator.firmware.lease import Lease

    def start(original, lease, ticks_us, lease_ms, not_after_uptime_ms):
        original(lease, ticks_us, lease_ms, ticks_us // 1_000 + lease_ms)

    _wrap(stack, Lease, "start", start)


@_bug
def fence_ignored(stack: ExitStack) -> None:
    """Whoever is not the owner is obeyed."""
    from simulator.firmware.sessions import SessionTable

    _set(stack, SessionTable, "fence", lambda table, session: None)


# --- the host's book and rows -------------------------------------------------------------------------------


@_bug
def release_early(stack: ExitStack) -> None:
    """The gun is let go of a record when it is read, not when it is on disk."""
    from meso_device.accounting.book import GunBook

    def admit(original, book, ring, **now):
        admission = original(book, ring, **now)
        if hasattr(admission, "record"):
            book.committed(admission.record.slot.shot_seq, admission.record.hash8)
        return admission

    _wrap(stack, GunBook, "admit", admit)


@_bug
def no_epoch(stack: ExitStack) -> None:
    """A row's identity lacks the epoch."""
    from meso_device.accounting import shots

    _set(stack, shots, "shot_key", lambda gun_uid, log_epoch, shot_seq: f"shot/{gun_uid}/0/{shot_seq}")


@_bug
def stranded_closed(stack: ExitStack) -> None:
    """A grant of another epoch is taken for one that this gun's log can prove over."""
    from meso_device.accounting.book import GunBook

    original = GunBook.__init__

    def init(book, hello, ledger):
        original(book, hello, ledger)
        book.grants |= {grant.grant_no: grant for grant in book.stranded}
        book.stranded = []

    _set(stack, GunBook, "__init__", init)


# --- caps ---------------------------------------------------------------------------------------------------


@_bug
def cap_ignores_unknown(stack: ExitStack) -> None:
    """What open grants may still cost is not counted."""
    from meso_device.audit import caps

    _set(stack, caps, "_held", lambda db, cap, intent: (0, 0))


@_bug
def cap_in_memory(stack: ExitStack) -> None:
    """What was given is counted by the process, and forgotten when it ends."""
    from meso_device.audit import caps

    _set(stack, caps, "_used", lambda db, cap: (0, 0))


@_bug
def strays_uncounted(stack: ExitStack) -> None:
    """What a gun brings home for no session counts for nobody, also where it may be this session's."""
    from meso_device.audit import caps

    _set(stack, caps, "strays", lambda db, **whose: (0, 0))


@_bug
def cap_off_by_one(stack: ExitStack) -> None:
    """One shot more than the cap still fits."""
    from meso_device.audit import caps

    def room(original, db, intent):
        own = replace(intent, max_shots=intent.max_shots - 1, max_nl=intent.max_nl - intent.max_nl // intent.max_shots)
        return original(db, own)

    _wrap(stack, caps, "exceeded_cap", room)


# --- the gun: shots, STOP, contact --------------------------------------------------------------------------


@_bug
def intent_after_motion(stack: ExitStack) -> None:
    """What a shot is going to be is in memory only when it is over."""
    from simulator.firmware.ring import LogRing

    def begin(original, ring, intent):
        seq = original(ring, intent)
        ring._nvm.store.write(ring._nvm.slot_offset(seq), bytes(52))
        return seq

    def finish(original, ring, outcome):
        if ring.open_intent is not None:
            ring._nvm.store.write(ring._nvm.slot_offset(ring.head_seq + 1), ring.open_intent)
        return original(ring, outcome)

    _wrap(stack, LogRing, "begin", begin)
    _wrap(stack, LogRing, "finish", finish)


@_bug
def estop_orphan(stack: ExitStack) -> None:
    """A stroke that STOP breaks off gets no final record."""
    from simulator.firmware.firing import Firing

    def ended(original, firing, stroke):
        board = firing._board
        if stroke.cause == "STOPPED" and board.latch.latch_id and board.shot is not None:
            board.ring.open_intent = None
            board.shot = None
            board.rest()
            return
        original(firing, stroke)

    _wrap(stack, Firing, "stroke_ended", ended)


@_bug
def volatile_latch(stack: ExitStack) -> None:
    """The gun's stop latch is forgotten without power."""
    from simulator.firmware.estop import StopLatch

    _set(stack, StopLatch, "_save", lambda latch: None)


@_bug
def stop_needs_session(stack: ExitStack) -> None:
    """The gun refuses STOP before anyone has said HELLO."""
    from simulator.firmware.firmware import GunFirmware

    def heard(original, firmware):
        if firmware._board.sessions.greeted:
            original(firmware)

    _wrap(stack, GunFirmware, "_stop_heard", heard)


@_bug
def bench_on_skin(stack: ExitStack) -> None:
    """Off-skin grants fire on skin."""
    from simulator.firmware import firing

    def allows(original, grant, settings, sensors):
        return grant.terms.kind in firing._OFF_SKIN or original(grant, settings, sensors)

    _wrap(stack, firing, "contact_allows", allows)


@_bug
def hash_unchecked(stack: ExitStack) -> None:
    """The gun does not compare its settings with those of the grant."""
    from simulator.firmware import firing, granting

    def terms(original, grant, active, *rest):
        return original(replace(grant, settings_hash8=active.hash8), active, *rest)

    _wrap(stack, granting, "check_terms", terms)
    _set(stack, firing, "settings_are_the_grants", lambda board, grant: True)


@_bug
def area_stale(stack: ExitStack) -> None:
    """Credit outlives a change of the settings."""
    from protocols.wire.codes import GrantEnd
    from simulator.firmware import firing
    from simulator.firmware.board import Board

    def end(original, board, cause):
        if cause is not GrantEnd.SETTINGS:
            original(board, cause)

    _wrap(stack, Board, "end_credit", end)
    _set(stack, firing, "settings_are_the_grants", lambda board, grant: True)


@_bug
def seq_wraps(stack: ExitStack) -> None:
    """The last number of an epoch is not the last."""
    from simulator.firmware.ring import LogRing

    _set(stack, LogRing, "exhausted", False)


@_bug
def seq_wrap_16(stack: ExitStack) -> None:
    """A row's identity has 16 bits of the shot's number."""
    from meso_device.accounting import shots

    _wrap(stack, shots, "shot_key", lambda original, uid, epoch, seq: original(uid, epoch, seq & 0xFFFF))


# --- the wire -------------------------------------------------------------------------------------------------


@_bug
def crc_ignored(stack: ExitStack) -> None:
    """A damaged frame is taken for what it seems to be."""
    from cobs import cobs

    from protocols.wire import frame

    def decode(original, block):
        if not frame.DECODED_SIZE_MIN < len(block) <= frame.ENCODED_SIZE_MAX:
            return None
        try:
            decoded = cobs.decode(block)
        except cobs.DecodeError:
            return None
        if len(decoded) < frame.DECODED_SIZE_MIN:
            return None
        return frame.Frame(*frame.HEADER.unpack_from(decoded), decoded[frame.HEADER_SIZE : -4])

    _wrap(stack, frame, "decode_block", decode)


@_bug
def decoder_unbounded(stack: ExitStack) -> None:
    """A stream without a delimiter is kept whole."""
    from protocols.wire import frame

    _set(stack, frame, "ENCODED_SIZE_MAX", 1 << 40)


@_bug
def late_reply_taken(stack: ExitStack) -> None:
    """A reply is matched by its type, not by the number of its request."""
    from drivers.link import LinkEngine
    from protocols.wire.frame import REPLY

    def take(original, link, now_us, frame, events):
        for req_id, call in link._calls.flight.items():
            if call.type | REPLY == frame.type:
                frame = replace(frame, req_id=req_id)
                break
        original(link, now_us, frame, events)

    _wrap(stack, LinkEngine, "_take_reply", take)


@_bug
def retry_new_id(stack: ExitStack) -> None:
    """A repeated request is a new one to the gun."""
    from drivers.link import LinkEngine
    from protocols.wire.frame import encode_frame

    def send(original, link, now_us, call):
        if call.tries and call.req_id in link._calls.flight:
            del link._calls.flight[call.req_id]
            call.req_id = link._next_id
            link._next_id += 1
            link._calls.flight[call.req_id] = call
            call.frame = encode_frame(call.type, call.req_id, link.session, link.committed_seq, call.payload)
        return original(link, now_us, call)

    _wrap(stack, LinkEngine, "_send", send)


@_bug
def stop_behind_queue(stack: ExitStack) -> None:
    """STOP waits until everything before it has been sent."""
    from drivers.link import LinkEngine

    def following(original, link, now_us):
        ready, link._stop.ready, due_us = link._stop.ready, False, link._stop.due_us
        link._stop.due_us = now_us + 1
        frame = original(link, now_us)
        link._stop.ready, link._stop.due_us = ready, due_us
        return frame or original(link, now_us)

    _wrap(stack, LinkEngine, "_next_frame", following)


@_bug
def release_plus_one(stack: ExitStack) -> None:
    """The release names one record more than is durable."""
    from meso_device.session import drain

    original = drain.LogRelease
    _set(stack, drain, "LogRelease", lambda epoch, upto, hash8: original(epoch, upto + 1, hash8))


# --- the host's decisions ---------------------------------------------------------------------------------------


@_bug
def readback_skipped(stack: ExitStack) -> None:
    """The host takes what it sent for what the gun has."""
    from drivers.outcome import Done
    from meso_device.session import arming
    from protocols.wire.hashes import hash8
    from protocols.wire.messages import Settings, SettingsGet, SettingsGetReply

    sent = [bytes(Settings.SIZE)]

    def ask(original, request):
        if isinstance(request, Settings):
            sent[0] = request.pack()
        if isinstance(request, SettingsGet):
            return Done(SettingsGetReply(sent[0], hash8(sent[0])))
        return (yield from original(request))

    _wrap(stack, arming, "ask", ask)


@_bug
def auto_resume(stack: ExitStack) -> None:
    """After a restart or reconnect the session goes on without a person's word."""
    from meso_device.session.desk import SessionState

    _set(stack, SessionState, "confirmed", property(lambda session: True, lambda session, value: None))


@_bug
def findings_ignored(stack: ExitStack) -> None:
    """What is open against a gun does not keep it from being armed."""
    from meso_device.session import connect, engine

    def ready(original, desk):
        findings, desk.findings = desk.findings, {}
        try:
            return original(desk)
        finally:
            desk.findings = findings

    for module in (connect, engine):
        _wrap(stack, module, "ready_phase", ready)


@_bug
def readonly_writes(stack: ExitStack) -> None:
    """A host that another one has fenced off goes on as if it owned the gun."""
    from meso_device.session.engine import SessionEngine

    _set(stack, SessionEngine, "_fence", lambda engine: None)


@_bug
def gun_swap_ignored(stack: ExitStack) -> None:
    """Any gun will do for a session that is bound to one."""
    from meso_device.session import connect

    _wrap(stack, connect, "check_hello", lambda original, hello, ledger, bound: original(hello, ledger, ""))


@_bug
def unknown_as_failed(stack: ExitStack) -> None:
    """Silence is shown as a failure."""
    from meso_device.session import link_loss
    from meso_device.session.contract import Notice

    def unknown(original, desk, book, grant):
        entry = original(desk, book, grant)
        told = desk.notices
        told[-1] = Notice(told[-1].kind, f"grant {grant.grant_no} failed")
        return entry

    _wrap(stack, link_loss, "_unknown", unknown)


@_bug
def unknown_forgotten(stack: ExitStack) -> None:
    """A restarted host knows nothing of the grants that its predecessor left open."""
    from meso_device.audit import queries

    def grants(original, db, gun_uid, condition):
        return () if "NOT IN" in condition else original(db, gun_uid, condition)

    _wrap(stack, queries, "_grants", grants)


@_bug
def stroke_not_awaited(stack: ExitStack) -> None:
    """A grant is closed while a stroke of its is still to be recorded."""
    from meso_device.session import connect

    def told(book):
        return True
        yield

    _set(stack, connect, "_all_told", told)


@_bug
def event_as_record(stack: ExitStack) -> None:
    """A hint counts as a record."""
    from types import SimpleNamespace

    from meso_device.session.engine import SessionEngine
    from protocols.wire.messages import ShotEvent

    def heard(original, engine, heard):
        desk = engine._desk
        if isinstance(heard.event, ShotEvent) and desk.session is not None and desk.area is not None:
            given_nl = heard.event.dose_hi_nl
            slot = SimpleNamespace(
                area_code=desk.area.area_code, dose_lo_nl=given_nl, dose_hi_nl=given_nl, phase=heard.event.phase
            )
            desk.session.count(SimpleNamespace(slot=slot))
        original(engine, heard)

    _wrap(stack, SessionEngine, "_heard", heard)


@_bug
def commit_error_ignored(stack: ExitStack) -> None:
    """A commit that failed is taken for done."""
    from meso_device.accounting.entries import CommitFailed, Committed
    from meso_device.session.engine import SessionEngine

    def step(original, engine, now, event):
        if isinstance(event, CommitFailed):
            event = Committed(no=event.no, appended=0)
        return original(engine, now, event)

    _wrap(stack, SessionEngine, "step", step)


@_bug
def grant_before_row(stack: ExitStack) -> None:
    """The grant is sent while its row is still on its way to the disk."""
    from meso_device.accounting.entries import Committed
    from meso_device.session.flow import Record
    from meso_device.session.foreground import Foreground

    def need(original, foreground, flow, need):
        if isinstance(need, Record) and need.grant is not None:
            foreground._commit(need, lambda _: None)
            foreground._advance(Committed(no=0, appended=1))
        else:
            original(foreground, flow, need)

    _wrap(stack, Foreground, "_need", need)


@_bug
def lease_on_wall_clock(stack: ExitStack) -> None:
    """Heartbeats are timed by the wall clock."""
    from meso_device.session.engine import SessionEngine

    start: list[int] = []

    def beat(original, engine):
        now = engine._desk.now
        start[:] = start or [now.utc_us - now.mono_us]
        engine._desk.now = replace(now, mono_us=now.utc_us - start[0])
        original(engine)
        engine._desk.now = now

    _wrap(stack, SessionEngine, "_beat", beat)


@_bug
def timeout_on_wall_clock(stack: ExitStack) -> None:
    """How long ago the gun was heard is measured by the wall clock."""
    from meso_device.session.desk import Desk

    start: list[int] = []

    def uptime(original, desk):
        now = desk.now
        start[:] = start or [now.utc_us - now.mono_us]
        desk.now = replace(now, mono_us=now.utc_us - start[0])
        try:
            return original(desk)
        finally:
            desk.now = now

    _wrap(stack, Desk, "gun_uptime_ms", uptime)


@_bug
def lease_from_io(stack: ExitStack) -> None:
    """Heartbeats come from the port's side of the host, and go on when what decides hangs."""
    from tests.world.world import World

    def turn_host(original, world):
        if world._hung_until_us > world.now_us and world.port_open:
            engine = world.engine
            engine._desk.now = world.instant()
            engine._desk.uptime_ms = world.gun.firmware._board.uptime_ms
            engine._outbox.effects = []
            engine._beat()
            for effect in engine._outbox.effects:
                world.do(effect)
            while frame := world.link.transmit(world.host_us):
                world.carry("h2g", frame)
            original(world)
            world._host_due_us = min(world._hung_until_us, world.now_us + 100_000)
            return
        original(world)

    _wrap(stack, World, "turn_host", turn_host)


@_bug
def clamp_limit(stack: ExitStack) -> None:
    """What is over a limit is cut to it instead of refused."""
    from meso_device.session import arming, settings

    def check(original, block, limits, area_id):
        for name, highest in (("depth_um", limits.depth_um_max), ("dose_nl", limits.dose_nl_max)):
            force_setattr(block, name, min(getattr(block, name), highest))
        original(block, limits, area_id)

    for module in (arming, settings):
        _wrap(stack, module, "check_against_limits", check)


@_bug
def prime_as_treat(stack: ExitStack) -> None:
    """What primes a needle counts as given to the patient."""
    from meso_device.accounting import shots
    from protocols.wire.codes import GrantKind

    _set(stack, shots, "PATIENT_KINDS", frozenset({GrantKind.TREAT, GrantKind.DRY, GrantKind.PRIME}))


# --- the log ----------------------------------------------------------------------------------------------------


@_bug
def dedupe_by_time(stack: ExitStack) -> None:
    """A shot is known by its second, area and dose."""
    from meso_device.accounting import book

    def entry(original, record, gun, label, context):
        made = original(record, gun, label, context)
        slot = record.slot
        return replace(made, key=f"shot/{gun.gun_uid}/{label.at_us // 1_000_000}/{slot.area_code}/{slot.planned_nl}")

    _wrap(stack, book, "shot_entry", entry)


@_bug
def no_dedupe(stack: ExitStack) -> None:
    """A record delivered a second time is a second row."""
    from meso_device.audit.store import Store

    def append(original, store, entry, stamp, added):
        if original(store, entry, stamp, added):
            return True
        return original(store, replace(entry, key=f"{entry.key}/{store._frontier.size}"), stamp, added)

    _wrap(stack, Store, "_append", append)


@_bug
def conflict_swallowed(stack: ExitStack) -> None:
    """Other bytes under a known key are dropped without a word."""
    from meso_device.audit.store import Store

    _set(stack, Store, "_conflict", lambda store, entry: None)


@_bug
def chain_wrong_field(stack: ExitStack) -> None:
    """The chain covers only the beginning of a record."""
    from hashlib import sha256

    from meso_device.audit import records

    _set(stack, records, "leaf_hash", lambda body: sha256(b"\0" + body[:64]).digest())


@_bug
def simulated_dropped(stack: ExitStack) -> None:
    """A simulated gun's rows do not say so."""
    from meso_device.audit import records

    def envelope(original, entry, stamp):
        fields = original(entry, stamp)
        if "simulated" in fields:
            fields["simulated"] = False
        return fields

    _wrap(stack, records, "_envelope", envelope)


@_bug
def clock_map_overwrite(stack: ExitStack) -> None:
    """The newest clock map labels the shots of every boot."""
    from meso_device.accounting.clockmap import ClockMaps

    def label(original, maps, boot_id, ticks_us, *, now_utc_us):
        return original(maps, max(maps._rows, default=boot_id), ticks_us, now_utc_us=now_utc_us)

    _wrap(stack, ClockMaps, "label", label)


@_bug
def wal_normal(stack: ExitStack) -> None:
    """A commit does not wait for the disk."""
    from meso_device.audit import database

    settings = tuple(("synchronous", "NORMAL", 1) if row[0] == "synchronous" else row for row in database._SETTINGS)
    _set(stack, database, "_SETTINGS", settings)


@_bug
def pragma_unread(stack: ExitStack) -> None:
    """What makes a commit durable is asked for and not read back."""
    from meso_device.audit import database

    _set(stack, database, "_expect", lambda db, pragma, value, back: database.run(db, f"PRAGMA {pragma}={value}"))


@_bug
def lock_missing(stack: ExitStack) -> None:
    """A second host opens the data directory."""
    from fcntl import LOCK_UN
    from types import SimpleNamespace

    from meso_device.host import home

    quiet = SimpleNamespace(**{**vars(home.fcntl), "flock": lambda fd, how: None, "LOCK_UN": LOCK_UN})
    _set(stack, home, "fcntl", quiet)


# --- link authentication ----------------------------------------------------------------------------------------


@_bug
def untagged_reply_taken(stack: ExitStack) -> None:
    """In an authenticated session the host takes what bears no tag."""
    from drivers.link_auth import Seal
    from protocols.wire.seal import TAGGED

    def opened(original, seal, frame):
        return original(seal, frame) if frame.ver_flags == TAGGED else frame

    _wrap(stack, Seal, "open", opened)


@_bug
def old_event_taken(stack: ExitStack) -> None:
    """The host takes a tagged event again."""
    from drivers import link_auth

    _set(stack, link_auth, "EVENTS", {})


@_bug
def keyless_gun_believed(stack: ExitStack) -> None:
    """A gun that was paired and says it has no key is talked to without one."""
    from drivers.link import LinkEngine
    from protocols.wire.codes import Capability
    from protocols.wire.messages import Hello, HelloReply
    from protocols.wire.replies import unpack_reply

    def take(original, link, now_us, frame, events):
        body = unpack_reply(Hello.TYPE, frame.payload).body
        keyless = isinstance(body, HelloReply) and not body.capabilities & Capability.LINK_AUTH
        keys = link._link_keys
        link._link_keys = {} if keyless else keys
        original(link, now_us, frame, events)
        link._link_keys = keys

    _wrap(stack, LinkEngine, "_take_hello_reply", take)


@_bug
def untagged_boot_dated(stack: ExitStack) -> None:
    """The time in a BOOT without a tag is taken for the gun's."""
    from drivers.link import LinkEngine

    def take(original, link, now_us, frame, events):
        told = len(events)
        original(link, now_us, frame, events)
        events[told:] = [replace(event, uptime_ms=frame.aux) for event in events[told:]]

    _wrap(stack, LinkEngine, "_take_unproven", take)


@_bug
def untagged_change_done(stack: ExitStack) -> None:
    """A gun with a link key does what a frame without a tag asks for."""
    from simulator.firmware.dispatch import Dispatcher

    def request(original, dispatcher, frame, rx_bad_frames, *, trusted, tagged):
        return original(dispatcher, frame, rx_bad_frames, trusted=True, tagged=tagged)

    _wrap(stack, Dispatcher, "_request", request)


@_bug
def untagged_beat_taken(stack: ExitStack) -> None:
    """A gun with a link key lets a heartbeat without a tag renew its lease."""
    from protocols.wire.messages import Heartbeat
    from simulator.firmware.dispatch import Dispatcher

    def take(original, dispatcher, frame, rx_bad_frames):
        if frame.type == Heartbeat.TYPE and frame.ver_flags >> 3 == 2:
            dispatcher._heartbeat(frame)
        else:
            original(dispatcher, frame, rx_bad_frames)

    _wrap(stack, Dispatcher, "take", take)


@_bug
def any_tag_right(stack: ExitStack) -> None:
    """A gun with a link key looks whether there is a tag, and not at it."""
    from protocols.wire.frame import VERSION_BYTE
    from protocols.wire.seal import TAG_SIZE, TAGGED
    from simulator.firmware import dispatch

    def opened(key, sender, frame):
        if frame.ver_flags != TAGGED or len(frame.payload) < TAG_SIZE:
            return None
        return replace(frame, ver_flags=VERSION_BYTE, payload=frame.payload[:-TAG_SIZE])

    _set(stack, dispatch, "open_frame", opened)


@_bug
def tag_counts_twice(stack: ExitStack) -> None:
    """A gun does a tagged request again when it comes again."""
    from simulator.firmware.sessions import SessionTable

    _set(stack, SessionTable, "repeated", lambda table, session, frame: None)


@_bug
def stop_needs_tag(stack: ExitStack) -> None:
    """A gun with a link key passes over STOP, which never bears a tag."""
    from simulator.firmware.firmware import GunFirmware

    def heard(original, firmware):
        if not firmware._board.sessions.link_key:
            original(firmware)

    _wrap(stack, GunFirmware, "_stop_heard", heard)
