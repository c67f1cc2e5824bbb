"""Grants: the bounded credit that the trigger spends. A set, never an addition."""

from typing import Final

from msgspec import Struct

from protocols.wire.codes import Code, ContactGate, GrantEnd, GrantKind, GrantState, Mode, State
from protocols.wire.messages import GrantGetReply, GrantSet, LimitsGetReply, Settings
from simulator.firmware.limits import check_grant, session_allows
from simulator.firmware.nvm import Nvm
from simulator.firmware.refusal import Refusal
from simulator.firmware.ring import LogRing
from simulator.firmware.settings import ActiveSettings
from simulator.firmware.tally import Tally

# Holes are allowed so that a host never uses a number again that it once prepared; a wild number is refused.
GRANT_NO_AHEAD_MAX: Final = 1_000
_AT: Final = GrantSet.OFFSETS
_U32: Final = 2**32


class Grant(Struct):
    """The newest grant and what became of it.

    Attributes:
        terms: As set.
        block: The 48 bytes of its GRANT_SET.
        shots: Its records.
        planned_nl: Their planned volume.
        valid_until_us: Ticks after which no shot begins.
        ended: Why it ended; None while it is live.
    """

    terms: GrantSet
    block: bytes
    shots: int = 0
    planned_nl: int = 0
    valid_until_us: int = 0
    ended: GrantEnd | None = None

    @property
    def remaining_shots(self) -> int:
        """Shots left."""
        return 0 if self.ended is not None else max(0, self.terms.max_shots - self.shots)

    @property
    def remaining_nl(self) -> int:
        """Volume left."""
        return 0 if self.ended is not None else max(0, self.terms.max_nl - self.planned_nl)

    def allows(self, dose_nl: int) -> bool:
        """Whether one more shot of this dose fits."""
        return self.remaining_shots > 0 and dose_nl <= self.remaining_nl

    def spend(self, dose_nl: int) -> None:
        """Take a shot off; its INTENT is in memory."""
        self.shots += 1
        self.planned_nl += dose_nl


class GrantBook:
    """The newest grant of this gun. Its number and terms are in memory, its credit is not.

    Attributes:
        newest: The newest grant, None when there was never one.
    """

    __slots__ = ("_nvm", "newest")

    def __init__(self, nvm: Nvm) -> None:
        self._nvm = nvm
        self.newest: Grant | None = None

    @property
    def live(self) -> Grant | None:
        """The grant whose credit can be spent."""
        grant = self.newest
        return grant if grant is not None and grant.ended is None else None

    @property
    def last_no(self) -> int:
        """Highest grant number accepted."""
        return self.newest.terms.grant_no if self.newest is not None else 0

    def restart(self, ring: LogRing) -> None:
        """At boot: the newest grant is known, what it used is counted from its records, its credit is gone."""
        block = self._nvm.grant.load()
        self.newest = None
        if block is not None:
            grant = Grant(GrantSet.unpack(block), block)
            grant.shots, grant.planned_nl, _ = ring.records_of(grant.terms.grant_no, grant.terms.max_shots)
            spent = grant.shots >= grant.terms.max_shots
            grant.ended = GrantEnd.SPENT if spent else GrantEnd.FAULT
            self.newest = grant

    def is_repeat(self, grant: GrantSet) -> bool:
        """Whether this very grant is the newest already.

        Raises:
            Refusal: E_GRANT_NO where the number is taken by other terms.
        """
        newest = self.newest
        if newest is None or newest.terms.grant_no != grant.grant_no:
            return False
        if newest.block != grant.pack():
            raise Refusal(Code.E_GRANT_NO, _AT["grant_no"])
        return True

    def accept(self, terms: GrantSet, ticks_us: int) -> Grant:
        """Make a checked grant the newest; in memory before it is live."""
        block = terms.pack()
        self._nvm.grant.save(block)
        self.newest = Grant(terms, block, valid_until_us=ticks_us + terms.valid_s * 1_000_000)
        return self.newest

    def renews(self, terms: GrantSet) -> bool:
        """Whether a grant goes on where the newest stands or was used up: then a held trigger may stay held."""
        newest = self.newest
        if newest is None or newest.ended not in {None, GrantEnd.SPENT}:
            return False
        was = newest.terms
        return (was.kind, was.area_code, was.settings_hash8) == (terms.kind, terms.area_code, terms.settings_hash8)

    def reply_for(self, grant_no: int, ring: LogRing) -> GrantGetReply:
        """What GRANT_GET says."""
        newest = self.newest
        if newest is None or grant_no != newest.terms.grant_no:
            older = 0 < grant_no < self.last_no
            state = GrantState.VOID if older else GrantState.NONE
            return GrantGetReply(grant_no, state, 0, 0, bytes(8), 0, 0, 0, 0, 0, 0, 0)
        terms = newest.terms
        state = GrantState.LIVE
        if newest.ended is not None:
            state = GrantState.SPENT if newest.ended is GrantEnd.SPENT else GrantState.VOID
        shots, _, dose_hi_nl = ring.records_of(grant_no, terms.max_shots)
        return GrantGetReply(
            grant_no,
            state,
            terms.kind,
            terms.area_code,
            terms.settings_hash8,
            terms.max_shots,
            newest.remaining_shots,
            terms.max_nl,
            newest.remaining_nl,
            dose_hi_nl,
            max(shots, newest.shots),
            terms.lease_ms,
        )


def check_number(grant: GrantSet, last_no: int) -> None:
    """Refuse a number that is not above the last, or far above it.

    Raises:
        Refusal: E_GRANT_NO.
    """
    if not last_no < grant.grant_no <= last_no + GRANT_NO_AHEAD_MAX:
        raise Refusal(Code.E_GRANT_NO, _AT["grant_no"])


def check_age(grant: GrantSet, *, head_seq: int, uptime_ms: int) -> None:
    """Refuse a grant made before a record that its host has not read, or one that lay in a buffer.

    Raises:
        Refusal: E_STALE, E_LATE, or E_RANGE for a date more than a lease ahead, which no good host gives.
    """
    if grant.expect_head_seq != head_seq:
        raise Refusal(Code.E_STALE, _AT["expect_head_seq"])
    ahead_ms = (grant.not_after_uptime_ms - uptime_ms) % _U32
    if ahead_ms > _U32 // 2:
        raise Refusal(Code.E_LATE, _AT["not_after_uptime_ms"])
    if ahead_ms > grant.lease_ms:
        raise Refusal(Code.E_RANGE, _AT["not_after_uptime_ms"])


def check_terms(
    grant: GrantSet, active: ActiveSettings, limits: LimitsGetReply, tally: Tally, state: State
) -> Settings:
    """Refuse terms that do not belong to the state, the active settings, or the gun; returns the settings.

    Raises:
        Refusal: names the field.
    """
    in_service = state is State.SERVICE
    if grant.kind == GrantKind.BENCH and not in_service:
        raise Refusal(Code.E_NEEDS_SERVICE, _AT["kind"])
    if grant.kind in {GrantKind.TREAT, GrantKind.DRY} and in_service:
        raise Refusal(Code.E_STATE, _AT["kind"])
    settings = active.values
    if settings is None or grant.settings_hash8 != active.hash8:
        raise Refusal(Code.E_SETTINGS, _AT["settings_hash8"])
    if grant.area_code != settings.area_code:
        raise Refusal(Code.E_AREA, _AT["area_code"])
    _check_kind(GrantKind(grant.kind), settings)
    check_grant(limits, grant)
    if not session_allows(limits, tally, settings.dose_nl):
        raise Refusal(Code.E_LIMIT, _AT["max_shots"])
    if grant.max_nl < settings.dose_nl:
        raise Refusal(Code.E_RANGE, _AT["max_nl"])
    return settings


def _check_kind(kind: GrantKind, settings: Settings) -> None:
    """A kind and settings that contradict each other; detail names the settings' field."""
    dry = settings.mode == Mode.DRY
    if (kind is GrantKind.DRY and not dry) or (kind in {GrantKind.TREAT, GrantKind.PRIME} and dry):
        raise Refusal(Code.E_RANGE, _AT["kind"], detail=Settings.OFFSETS["mode"])
    gate_off = settings.contact_gate == ContactGate.OFF
    if (kind in {GrantKind.TREAT, GrantKind.DRY} and gate_off) or (kind is GrantKind.BENCH and not gate_off):
        raise Refusal(Code.E_RANGE, _AT["kind"], detail=Settings.OFFSETS["contact_gate"])
