"""Planted bugs: each takes one protection out of the product, by patching it in this process and only while it is on.

What cannot be planted by exchanging a function (an order of steps, a pragma) is planted where its method can see it:
as an order in the explorer, as a control in the storage harness.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import wraps
from unittest.mock import patch

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
def cap_off_by_one(stack: ExitStack) -> None:
    """One shot more than the cap still fits."""
    from meso_device.audit import caps

    def room(original, db, intent):
        own = replace(intent, max_shots=intent.max_shots - 1, max_nl=intent.max_nl - intent.max_nl // intent.max_shots)
        return original(db, own)

    _wrap(stack, caps, "exceeded_cap", room)
