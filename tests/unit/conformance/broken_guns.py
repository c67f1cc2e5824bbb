"""Simulated guns that are broken on purpose, by name: which rules they break, and what is replaced in the firmware.

Each breaks one thing. The kit must find every one, by the number of the rule.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from zlib import crc32

from cobs import cobs
from msgspec.structs import replace

import simulator.firmware.boot as boot_module
import simulator.firmware.dispatch as dispatch
import simulator.firmware.estop as estop
import simulator.firmware.firing as firing
import simulator.firmware.firmware as firmware
import simulator.firmware.granting as granting
import simulator.firmware.grants as grants
import simulator.firmware.outbox as outbox
import simulator.firmware.reports as reports
import simulator.firmware.requests as requests
import simulator.firmware.ring as ring
import simulator.firmware.service as service
from protocols.wire.codes import Alarm, Code, GrantEnd, GrantKind, Phase, Reason, State
from protocols.wire.frame import REPLY, VERSION_BYTE, Deframer, decode_block, encode_frame
from protocols.wire.hashes import hash8
from protocols.wire.messages import (
    Auth,
    AuthReply,
    Describe,
    DescribeReply,
    EpochOpen,
    Heartbeat,
    LogRelease,
    Settings,
    SettingsGet,
    SettingsGetReply,
    StatusGet,
    StatusRate,
    Takeover,
)
from protocols.wire.seal import TAG_SIZE, session_key
from protocols.wire.states import GunEvent
from simulator.firmware.board import Board
from simulator.firmware.calibration import CalibrationStore
from simulator.firmware.draw import NumberSource
from simulator.firmware.journal import Journal
from simulator.firmware.lease import Lease
from simulator.firmware.refusal import Refusal
from simulator.firmware.sessions import SessionTable
from simulator.firmware.settings import ActiveSettings
from simulator.firmware.tally import Tally


@dataclass(frozen=True)
class Broken:
    """A gun with one thing broken."""

    name: str
    rules: tuple[str, ...]
    hazards: tuple[str, ...]
    breaks: Callable[[Any], None]


BROKEN: dict[str, Broken] = {}


def broken(*rules, hazards=()):
    """Enter a function that breaks something with a monkeypatch; hazards are those that it would bring."""

    def enter(breaks):
        name = breaks.__name__
        BROKEN[name] = Broken(name, rules, hazards, breaks)
        return breaks

    return enter


def instead(patch, owner, name, made):
    """Put ``made(original)`` in the place of something."""
    patch.setattr(owner, name, made(getattr(owner, name)))


def handler(patch, kind, made):
    """Put ``made(original)`` in the place of a request's handler."""
    patch.setitem(requests.HANDLERS, kind.TYPE, made(requests.HANDLERS[kind.TYPE]))


# line and frame


class Lenient(Deframer):
    """Believes a frame whatever its CRC."""

    def feed(self, data):
        frames = []
        for block in (self._block + data).split(b"\0")[:-1]:
            try:
                raw = cobs.decode(block)
            except cobs.DecodeError:
                raw = b""
            if len(raw) >= 16:
                sealed = raw[:-4] + crc32(raw[:-4]).to_bytes(4, "little")
                frames += [frame] if (frame := decode_block(cobs.encode(sealed))) else []
        self._block = data.rsplit(b"\0", 1)[-1] if b"\0" in data else self._block + data
        return frames


@broken("W-010", "W-211")
def crc_is_ignored(patch):
    patch.setattr(firmware, "Deframer", Lenient)


@broken("W-010")
def bad_frames_are_not_counted(patch):
    def made(status):
        return lambda board, rx_bad_frames, *, authenticated: status(board, 0, authenticated=authenticated)

    instead(patch, requests, "status", made)


@broken("W-017")
def request_number_zero_is_answered(patch):
    def made(take):
        def taking(self, frame, rx_bad_frames):
            if not frame.req_id and frame.type in requests.HANDLERS:
                self._board.outbox.reply(frame.type | 0x80, 0, frame.session, bytes(4))
            take(self, frame, rx_bad_frames)

        return taking

    instead(patch, dispatch.Dispatcher, "take", made)


@broken("W-008")
def numbers_are_big_endian(patch):
    def made(_):
        def describe(call, request):
            swapped = Describe(int.from_bytes(request.offset.to_bytes(4, "big"), "little"), request.length)
            body = requests._describe(call, swapped)
            return DescribeReply(body.total_length, body.offset, body.data)

        return describe

    handler(patch, Describe, made)


@broken("W-015")
def aux_is_not_the_uptime(patch):
    def made(encode):
        return lambda type_code, req_id, session, aux, payload: encode(type_code, req_id, session, 5, payload)

    instead(patch, outbox, "encode_frame", made)


# requests and replies


@broken("W-018")
def replies_are_sent_twice(patch):
    def made(reply):
        def twice(self, *args):
            reply(self, *args)
            reply(self, *args)

        return twice

    instead(patch, outbox.Outbox, "reply", made)


@broken("W-029", hazards=("HZ-01",))
def a_repeated_change_is_executed_again(patch):
    patch.setattr(SessionTable, "repeated", lambda self, session, frame: None)


@broken("W-029")
def a_repeated_change_gets_another_reply(patch):
    def made(repeated):
        def other(self, session, frame):
            kept = repeated(self, session, frame)
            return kept and kept[:-1] + bytes([kept[-1] ^ 1])

        return other

    instead(patch, SessionTable, "repeated", made)


@broken("W-028", "W-036")
def the_fence_stands_before_the_kept_reply(patch):
    def made(repeated):
        def first_the_fence(self, session, frame):
            if frame.type != Takeover.TYPE:
                self.fence(session)
            return repeated(self, session, frame)

        return first_the_fence

    instead(patch, SessionTable, "repeated", made)
    patch.setattr(dispatch, "REQ_ID_END", 64_000)


@broken("W-030")
def old_numbers_are_executed(patch):
    def made(repeated):
        def forgiving(self, session, frame):
            try:
                return repeated(self, session, frame)
            except Refusal:
                return None

        return forgiving

    instead(patch, SessionTable, "repeated", made)


@broken("W-031")
def request_numbers_never_end(patch):
    patch.setattr(dispatch, "REQ_ID_END", 70_000)


@broken("W-198", hazards=("HZ-32",))
def longer_requests_are_cut_to_size(patch):
    def made(parse):
        def cutting(frame):
            size = dispatch.REQUESTS[frame.type].SIZE
            return parse(replace(frame, payload=frame.payload[:size]))

        return cutting

    instead(patch, dispatch, "parse", made)


@broken("W-023", "W-090")
def ranges_are_not_checked(patch):
    def unchecked(frame):
        return dispatch.REQUESTS[frame.type].unpack(frame.payload)

    patch.setattr(dispatch, "parse", unchecked)


@broken("W-195", hazards=("HZ-32",))
def any_version_is_heard(patch):
    patch.setattr(dispatch.Dispatcher, "_check_version", lambda self, frame: None)


@broken("W-203", hazards=("HZ-40",))
def a_gun_without_a_key_says_that_its_link_is_authenticated(patch):
    def made(flags):
        return lambda board, sensors, *, authenticated: flags(board, sensors, authenticated=True)

    instead(patch, reports, "flags", made)


@broken("W-021")
def refusals_carry_more_than_four_bytes(patch):
    def made(reply):
        def padded(self, type_code, req_id, session, payload, key):
            reply(self, type_code, req_id, session, payload + bytes(4) if payload[0] else payload, key)

        return padded

    instead(patch, outbox.Outbox, "reply", made)


@broken("W-002")
def a_refused_request_changes_something(patch):
    def made(parse):
        def spilling(frame):
            try:
                return parse(frame)
            except Refusal:
                LIVE[-1].tally.odometer_nl += 1
                raise

        return spilling

    remember_boards(patch)
    instead(patch, dispatch, "parse", made)


# sessions


@broken("W-047")
def hello_ends_the_credit(patch):
    def made(hello):
        def greeting(self, frame):
            self._board.end_credit(GrantEnd.REVOKED)
            return hello(self, frame)

        return greeting

    instead(patch, dispatch.Dispatcher, "_hello", made)


@broken("W-051")
def session_numbers_are_given_again(patch):
    def made(hello):
        def same(self, asked, gun_uid):
            session = hello(self, asked, gun_uid)
            session.number = 78 if self.owner is not None and self.owner.number == 77 else 77
            return session

        return same

    instead(patch, SessionTable, "hello", made)


@broken("W-055")
def takeover_leaves_the_token(patch):
    def made(take_over):
        def leaving(self, session, expected, host_id):
            return take_over(self, session, expected, host_id) and self.owner_token - 1

        return leaving

    instead(patch, SessionTable, "take_over", made)


@broken("W-055")
def the_former_owner_may_still_change(patch):
    patch.setattr(SessionTable, "fence", lambda self, session: None)


@broken("W-054")
def takeover_asks_for_no_token(patch):
    def made(take_over):
        return lambda self, session, expected, host_id: take_over(self, session, self.owner_token, host_id)

    instead(patch, SessionTable, "take_over", made)


@broken("W-062")
def boot_id_stays(patch):
    def made(mount):
        def same_boot(board):
            mount(board)
            board.boot_id = 1

        return same_boot

    instead(patch, boot_module, "_mount", made)


@broken("W-043")
def events_carry_a_session(patch):
    patch.setattr(
        outbox, "_event_frame", lambda event, uptime_ms, _: encode_frame(event.TYPE, 0, 7, uptime_ms, event.pack())
    )


# lease


@broken("W-067", "W-213", "W-068", hazards=("HZ-10",))
def the_lease_never_ends(patch):
    patch.setattr(Lease, "runs", property(lambda self: False))


@broken("W-066")
def the_lease_runs_from_the_heartbeats_arrival(patch):
    def beat(self, ticks_us, heartbeat):
        if heartbeat.hb_no > self._hb_no and self.due_us is not None:
            self._hb_no = heartbeat.hb_no
            self.due_us = ticks_us + self._lease_us

    patch.setattr(Lease, "beat", beat)


@broken("W-065")
def the_same_heartbeat_renews_again(patch):
    def made(beat):
        def again(self, ticks_us, heartbeat):
            self._hb_no = 0
            if heartbeat.hb_no == 5:
                heartbeat = replace(heartbeat, echo_uptime_ms=ticks_us // 1_000)
            beat(self, ticks_us, heartbeat)

        return again

    instead(patch, Lease, "beat", made)


@broken("W-065")
def any_sessions_heartbeat_renews(patch):
    def heartbeat(self, frame):
        self._board.lease.beat(self._board.ticks_us, Heartbeat.unpack(frame.payload))

    patch.setattr(dispatch.Dispatcher, "_heartbeat", heartbeat)


@broken("W-213", hazards=("HZ-38",))
def the_lease_runs_from_acceptance(patch):
    def start(self, ticks_us, lease_ms, not_after_uptime_ms):
        self._lease_us = lease_ms * 1_000
        self.due_us = ticks_us + self._lease_us

    patch.setattr(Lease, "start", start)


@broken("W-068", hazards=("HZ-10",))
def any_frame_renews_the_lease(patch):
    def made(request):
        def renewing(self, frame, rx_bad_frames, **how):
            lease = self._board.lease
            if lease.due_us is not None:
                lease.due_us = self._board.ticks_us + 500_000
            return request(self, frame, rx_bad_frames, **how)

        return renewing

    instead(patch, dispatch.Dispatcher, "_request", made)


@broken("W-069")
def heartbeats_are_answered(patch):
    def made(heartbeat):
        def answering(self, frame):
            heartbeat(self, frame)
            self._board.outbox.reply(0x94, frame.req_id, frame.session, bytes(4))

        return answering

    instead(patch, dispatch.Dispatcher, "_heartbeat", made)


# STOP


@broken("W-072")
def stop_is_heard_between_frames_only(patch):
    patch.setattr(estop.StopRecogniser, "count", lambda self, data: 0)

    class Late(Deframer):
        """Needs a delimiter of its own before STOP, so that one in mid-frame is lost with the frame."""

        def feed(self, data):
            if data.endswith(firmware.STOP_FRAME) and len(data) > len(firmware.STOP_FRAME):
                return []
            return super().feed(data)

    patch.setattr(firmware, "Deframer", Late)


@broken("W-076")
def stop_needs_its_own_number(patch):
    patch.setattr(firmware, "TYPE_ESTOP", 0xEE)


@broken("W-072", "W-074")
def stop_is_heard_only_while_armed(patch):
    def made(stop):
        def armed_only(self, source):
            if self.state in {State.ARMED, State.MOVING}:
                stop(self, source)

        return armed_only

    instead(patch, Board, "stop", made)


@broken("W-078")
def the_latch_is_lost_on_restart(patch):
    def made(load):
        def losing(self):
            load(self)
            self.latch_id = 0

        return losing

    instead(patch, estop.StopLatch, "load", made)


@broken("W-075")
def a_second_stop_leaves_the_nonce(patch):
    def made(set_):
        def leaving(self, source):
            nonce = self._nonce
            new = set_(self, source)
            self._nonce = nonce
            return new

        return leaving

    instead(patch, estop.StopLatch, "set", made)


@broken("W-074", "W-075")
def each_stop_counts_the_latch(patch):
    def set_(self, source):
        new = not self.latch_id
        self._last_id += 2
        self.latch_id, self.source = self._last_id, source
        self._save()
        return new

    patch.setattr(estop.StopLatch, "set", set_)


@broken("W-085")
def a_nonce_is_good_for_ever(patch):
    patch.setattr(estop, "NONCE_US", 10**12)


@broken("W-086")
def the_reset_is_forgotten_on_restart(patch):
    def clear(self):
        self._nonce = self.latch_id = 0

    patch.setattr(estop.StopLatch, "clear", clear)


@broken("W-180")
def an_acknowledgement_clears_the_latch(patch):
    def made(acknowledge):
        def clearing(self, alarm):
            acknowledge(self, alarm)
            if alarm == Alarm.ESTOP and self.latch.latch_id:
                self.latch.clear()
                self.change(GunEvent.LATCH_RESET)
                self.cease(Alarm.ESTOP)

        return clearing

    instead(patch, Board, "acknowledge", made)


# settings


@broken("W-089")
def settings_are_not_read_back_as_written(patch):
    def made(get):
        def lying(call, request):
            reply = get(call, request)
            block = bytearray(reply.block)
            block[48] ^= 1
            return SettingsGetReply(bytes(block), reply.settings_hash8)

        return lying

    handler(patch, SettingsGet, made)


@broken("W-089")
def the_settings_hash_leaves_bytes_out(patch):
    def made(take):
        def short(self, settings):
            take(self, settings)
            self.hash8 = hash8(self.block[:64])

        return short

    instead(patch, ActiveSettings, "take", made)


@broken("W-001", "W-087", hazards=("HZ-08",))
def settings_are_clamped(patch):
    def made(set_):
        def clamping(call, request):
            limits = call.board.identity.limits
            near = replace(
                request,
                depth_um=min(request.depth_um, limits.depth_um_max) // limits.depth_grid_um * limits.depth_grid_um,
                dose_nl=min(request.dose_nl, limits.dose_nl_max) // limits.dose_grid_nl * limits.dose_grid_nl,
                flow_nl_per_s=min(request.flow_nl_per_s, limits.flow_nl_per_s_max),
            )
            return set_(call, near)

        return clamping

    handler(patch, Settings, made)


@broken("W-088", hazards=("HZ-06",))
def settings_leave_the_credit(patch):
    def made(end_credit):
        return lambda self, cause: None if cause is GrantEnd.SETTINGS else end_credit(self, cause)

    instead(patch, Board, "end_credit", made)


# grants


@broken("W-100", hazards=("HZ-01",))
def a_repeated_grant_refills(patch):
    def made(is_repeat):
        def refilling(self, grant):
            repeat = is_repeat(self, grant)
            if repeat and self.newest is not None:
                self.newest.shots = self.newest.planned_nl = 0
            return repeat

        return refilling

    instead(patch, grants.GrantBook, "is_repeat", made)


@broken("W-101")
def grants_are_added_up(patch):
    def made(accept):
        def adding(self, terms, ticks_us):
            was = 0 if self.newest is None else self.newest.terms.max_shots - self.newest.shots
            grant = accept(self, terms, ticks_us)
            grant.shots -= was
            return grant

        return adding

    instead(patch, grants.GrantBook, "accept", made)


@broken("W-099", "W-041", hazards=("HZ-11",))
def credit_survives_a_reset(patch):
    def made(restart):
        def living(self, log):
            restart(self, log)
            if self.newest is not None:
                self.newest.ended = None
                self.newest.valid_until_us = 10**12

        return living

    instead(patch, grants.GrantBook, "restart", made)


@broken("W-097", hazards=("HZ-38",))
def a_late_grant_is_taken(patch):
    def made(check_age):
        def patient(grant, *, head_seq, uptime_ms):
            try:
                check_age(grant, head_seq=head_seq, uptime_ms=uptime_ms)
            except Refusal as refused:
                if refused.code != Code.E_LATE:
                    raise

        return patient

    instead(patch, granting, "check_age", made)


@broken("W-097")
def a_stale_head_is_taken(patch):
    def made(check_age):
        return lambda grant, *, head_seq, uptime_ms: check_age(
            grant, head_seq=grant.expect_head_seq, uptime_ms=uptime_ms
        )

    instead(patch, granting, "check_age", made)


@broken("W-097")
def any_grant_number_is_taken(patch):
    patch.setattr(granting, "check_number", lambda grant, last_no: None)


@broken("W-107", "W-067")
def the_end_of_a_grant_is_not_told(patch):
    def made(tell):
        return lambda self, event: None if type(event).__name__ == "GrantEndedEvent" else tell(self, event)

    instead(patch, Board, "tell", made)


@broken("W-106")
def a_press_after_the_end_fires(patch):
    def made(end_credit):
        def keeping(self, cause):
            grant = self.grants.live
            end_credit(self, cause)
            if grant is not None and cause is GrantEnd.REVOKED:
                grant.ended = None
                self.lease.due_us = self.ticks_us + 10_000_000
                self.state = State.ARMED

        return keeping

    instead(patch, Board, "end_credit", made)


# trigger and stroke


@broken("W-115")
def it_fires_without_contact(patch):
    patch.setattr(firing, "contact_allows", lambda grant, settings, sensors: True)


@broken("W-096", hazards=("HZ-09",))
def intervals_are_not_kept(patch):
    patch.setattr(firing, "interval_us", lambda board, settings: 111_000)


@broken("W-116", hazards=("HZ-09",))
def bounces_count(patch):
    import simulator.firmware.trigger as trigger

    patch.setattr(trigger, "DEBOUNCE_US", 1_000)


@broken("W-117", hazards=("HZ-11",))
def a_held_trigger_fires_with_the_grant(patch):
    patch.setattr(Board, "trigger_held", property(lambda self: False))

    def made(set_grant):
        def eager(board, request):
            reply = set_grant(board, request)
            if board.hand.pressed:
                board.pull.begin(1)
            return reply

        return eager

    instead(patch, requests, "set_grant", made)


@broken("W-121", hazards=("HZ-09",))
def a_single_shot_repeats(patch):
    from simulator.firmware.trigger import Pull

    patch.setattr(Pull, "wants_more", lambda self, settings: bool(self.source))


@broken("W-177", "W-105", hazards=("HZ-39",))
def a_bench_grant_goes_on_on_skin(patch):
    import simulator.firmware.reactions as reactions

    def contact_made(board, _firing, _event):
        board.contact = True

    patch.setitem(reactions._REACTIONS, reactions.ContactMade, contact_made)


# the log


@broken("W-154", hazards=("HZ-24",))
def records_are_released_when_read(patch):
    def made(read):
        def releasing(self, log_epoch, from_seq, count):
            count, slots = read(self, log_epoch, from_seq, count)
            self.released_seq = max(self.released_seq, from_seq + count - 1)
            return count, slots

        return releasing

    instead(patch, ring.LogRing, "read", made)


@broken("W-016", hazards=("HZ-24",))
def records_are_released_by_aux(patch):
    def made(take):
        def releasing(self, frame, rx_bad_frames):
            log = self._board.ring
            log.released_seq = max(log.released_seq, min(frame.aux, log.head_seq))
            take(self, frame, rx_bad_frames)

        return releasing

    instead(patch, dispatch.Dispatcher, "take", made)


@broken("W-132", hazards=("HZ-28",))
def the_sequence_starts_anew_on_restart(patch):
    def made(mount):
        def anew(self, gun_uid, log_epoch):
            mount(self, gun_uid, log_epoch)
            self._tally.begin_epoch(gun_uid, log_epoch)
            self.released_seq = 0
            self._nvm.store.write(self._nvm.slot_offset(1), bytes(72 * 64))

        return anew

    instead(patch, ring.LogRing, "mount", made)


@broken("W-131", "W-151")
def the_chain_hash_leaves_the_epoch_out(patch):
    patch.setattr(ring, "record_hash8", lambda gun_uid, log_epoch, slot: hash8(gun_uid + slot))


@broken("W-131")
def the_chain_is_not_chained(patch):
    patch.setattr(ring.LogRing, "chain_head8", property(lambda self: bytes(8)))


@broken("W-151")
def a_release_beyond_the_head_is_taken(patch):
    def made(release):
        def generous(call, request):
            log = call.board.ring
            upto = min(request.upto_seq, log.head_seq)
            proof = request.record_hash8 if upto == request.upto_seq else log.chain_head8
            return release(call, LogRelease(request.log_epoch, upto, proof))

        return generous

    handler(patch, LogRelease, made)


@broken("W-151")
def a_release_needs_no_proof(patch):
    def made(release):
        return lambda self, log_epoch, upto_seq, proof: release(
            self, log_epoch, upto_seq, self._hash8(upto_seq) if 0 < upto_seq <= self.head_seq else proof
        )

    instead(patch, ring.LogRing, "release", made)


@broken("W-153")
def releases_are_forgotten_on_restart(patch):
    def made(mount):
        def forgetting(self, gun_uid, log_epoch):
            mount(self, gun_uid, log_epoch)
            self.released_seq = max(0, self.released_seq - 1)

        return forgetting

    instead(patch, ring.LogRing, "mount", made)


@broken("W-147")
def any_epoch_is_read(patch):
    def made(read):
        return lambda self, log_epoch, from_seq, count: read(self, self.log_epoch, from_seq, count)

    instead(patch, ring.LogRing, "read", made)


@broken("W-159")
def the_epoch_is_not_bumped(patch):
    def made(open_epoch):
        def same(board, request):
            service.need_service(board)
            board.ring.begin_epoch(board.ring.log_epoch)
            return board.ring.log_epoch

        return same

    instead(patch, service, "open_epoch", made)


@broken("W-158")
def an_epoch_is_opened_over_unreleased_records(patch):
    def made(open_epoch):
        def hasty(board, request):
            board.ring.released_seq = board.ring.head_seq
            return open_epoch(board, EpochOpen(request.expected_epoch, request.expected_head_seq))

        return hasty

    instead(patch, service, "open_epoch", made)


@broken("W-145", hazards=("HZ-04",))
def a_stroke_cut_off_is_recorded_as_done(patch):
    patch.setattr(
        boot_module, "interrupted", lambda planned_nl, _: ring.Outcome(0, 0, 0, 0, 0, Phase.DONE, Reason.NONE)
    )


@broken("W-144")
def the_odometer_counts_twice(patch):
    def made(count):
        def doubling(self, shot_seq, slot, proof):
            before = self.odometer_nl
            count(self, shot_seq, slot, proof)
            self.odometer_nl += self.odometer_nl - before

        return doubling

    instead(patch, Tally, "count", made)


@broken("W-138")
def doses_are_swapped(patch):
    def made(finish):
        def swapping(self, outcome):
            swapped = replace(outcome, dose_lo_nl=outcome.dose_hi_nl + 1)
            return finish(self, swapped)

        return swapping

    instead(patch, ring.LogRing, "finish", made)


@broken("W-080", "W-110", hazards=("HZ-04",))
def an_aborted_stroke_says_done(patch):
    def made(finish):
        return lambda self, outcome: finish(self, replace(outcome, phase=Phase.DONE, reason=Reason.NONE))

    instead(patch, ring.LogRing, "finish", made)


@broken("W-142", hazards=("HZ-23",))
def priming_is_recorded_as_treatment(patch):
    def made(begin):
        return lambda self, intent: begin(
            self, replace(intent, kind=GrantKind.TREAT) if intent.kind == GrantKind.PRIME else intent
        )

    instead(patch, ring.LogRing, "begin", made)


@broken("W-122")
def the_vacuum_is_reached_for_nothing(patch):
    import simulator.firmware.reactions as reactions

    patch.setitem(reactions._REACTIONS, reactions.SuctionReached, lambda *_: None)


@broken("W-130")
def the_needle_stays_out_after_a_boot(patch):
    patch.setattr(Board, "home", lambda self: None)


# service, calibration, the rest


@broken("W-172")
def service_needs_no_button(patch):
    def made(enter):
        def open_door(board):
            board.button_us = board.ticks_us
            enter(board)

        return open_door

    instead(patch, service, "enter", made)


@broken("W-163")
def a_calibration_page_takes_effect_at_once(patch):
    def made(write_page):
        def hasty(self, page, block):
            write_page(self, page, block)
            self.active = replace(self.active, block=bytes(self._shadow))

        return hasty

    instead(patch, CalibrationStore, "write_page", made)


@broken("W-174")
def a_service_movement_needs_no_fresh_head(patch):
    def made(move):
        return lambda board, firing_, request: move(
            board, firing_, replace(request, expect_head_seq=board.ring.head_seq)
        )

    instead(patch, service, "move", made)


@broken("W-186")
def the_event_list_starts_anew_on_restart(patch):
    def made(restart):
        def anew(self, boot_id):
            restart(self, boot_id)
            self._last_no = 0

        return anew

    instead(patch, Journal, "restart", made)


@broken("W-193")
def the_status_rate_is_not_heeded(patch):
    handler(patch, StatusRate, lambda _: lambda call, request: None)


@broken("W-194")
def a_change_of_state_is_not_shown_at_once(patch):
    def change(self, event):
        from protocols.wire.states import GUN, next_state

        self.state = next_state(GUN, self.state, event)

    patch.setattr(Board, "change", change)


@broken("W-184")
def a_lost_link_raises_no_alarm(patch):
    import simulator.firmware.board as board_module

    patch.delitem(board_module._ALARM_OF_END, GrantEnd.LEASE)


@broken("W-184", hazards=("HZ-40",))
def a_read_ends_the_alarm_of_a_lost_link(patch):
    def made(handle):
        def handled(call, request):
            call.board.cease(Alarm.LINK_LOST)
            return handle(call, request)

        return handled

    handler(patch, StatusGet, made)


LIVE: list[Board] = []


def remember_boards(patch):
    """Keep the newest board, for breakages that have none at hand."""

    def made(init):
        def remembering(self, *args, **kwargs):
            init(self, *args, **kwargs)
            LIVE.append(self)

        return remembering

    instead(patch, Board, "__init__", made)


# link authentication: guns that hold a key


@broken("W-215", hazards=("HZ-40",))
def the_link_key_is_lost_with_the_power(patch):
    def made(restart):
        def without(self):
            restart(self)
            self.link_key = self.link_key if self.owner_token == 0 else b""

        return without

    instead(patch, SessionTable, "restart", made)


@broken("W-216", hazards=("HZ-40",))
def a_read_shows_the_link_key(patch):
    def made(handle):
        return lambda call, request: SettingsGetReply((call.board.sessions.link_key + bytes(72))[:72], bytes(8))

    handler(patch, SettingsGet, made)


@broken("W-216", hazards=("HZ-40",))
def a_type_that_nobody_knows_erases_the_link_key(patch):
    def made(take):
        def erasing(self, frame, rx_bad_frames):
            if frame.type == 0x2E:
                self._board.sessions.link_key = b""
            take(self, frame, rx_bad_frames)

        return erasing

    instead(patch, dispatch.Dispatcher, "take", made)


@broken("W-217", hazards=("HZ-40",))
def the_nonce_is_always_the_same(patch):
    patch.setattr(NumberSource, "draw_nonce", lambda self: b"n" * 16)


@broken("W-217", hazards=("HZ-40",))
def auth_again_gets_another_nonce(patch):
    def made(handle):
        def fresh(call, request):
            if not call.session.proven:
                return handle(call, request)
            return AuthReply(call.board.draw.draw_nonce())

        return fresh

    handler(patch, Auth, made)

    def hello_made(hello):
        def again(self, request, gun_uid):
            session = hello(self, request, gun_uid)
            session.gun_nonce = self._draw.draw_nonce()
            session.key = session_key(
                self.link_key,
                gun_uid=gun_uid,
                session=session.number,
                host_nonce=request.host_nonce,
                gun_nonce=session.gun_nonce,
            )
            return session

        return again

    instead(patch, SessionTable, "hello", hello_made)


@broken("W-218", hazards=("HZ-40",))
def auth_in_a_proven_session_is_answered_without_a_tag(patch):
    def made(reply):
        def untagged(self, type_code, req_id, session, payload, key=b""):
            again = type_code == Auth.TYPE | REPLY and session in PROVEN
            PROVEN.add(session)
            reply(self, type_code, req_id, session, payload, b"" if again else key)

        return untagged

    PROVEN.clear()
    instead(patch, outbox.Outbox, "reply", made)


PROVEN: set[int] = set()


@broken("W-219", hazards=("HZ-40",))
def a_tagged_hello_of_another_host_is_answered(patch):
    def again(self, frame):
        session = self._board.sessions.find(frame.session)
        return dispatch._OK + dispatch.hello(self._board, session, dispatch.parse(frame), authenticated=True).pack()

    patch.setattr(dispatch.Dispatcher, "_hello_again", again)


@broken("W-220", hazards=("HZ-40",))
def the_keys_of_old_sessions_are_kept(patch):
    known = {}

    def hello_made(hello):
        def remembering(self, request, gun_uid):
            session = hello(self, request, gun_uid)
            known[session.number] = session
            return session

        return remembering

    instead(patch, SessionTable, "hello", hello_made)
    instead(patch, SessionTable, "keyed", lambda keyed: lambda self, number: keyed(self, number) or known.get(number))


@broken("W-221", hazards=("HZ-40",))
def any_tag_is_right(patch):
    def opened(key, sender, frame):
        return replace(frame, ver_flags=VERSION_BYTE, payload=frame.payload[:-TAG_SIZE])

    patch.setattr(dispatch, "open_frame", opened)


@broken("W-221")
def wrong_tags_are_not_counted(patch):
    def made(take):
        def uncounted(self, frame, rx_bad_frames):
            take(self, frame, rx_bad_frames)
            self._board.rx_untrue = 0

        return uncounted

    instead(patch, dispatch.Dispatcher, "take", made)


@broken("W-222", hazards=("HZ-40",))
def untagged_changes_are_made(patch):
    def made(request):
        return lambda self, frame, rx_bad, *, trusted, tagged: request(self, frame, rx_bad, trusted=True, tagged=tagged)

    instead(patch, dispatch.Dispatcher, "_request", made)


@broken("W-222", hazards=("HZ-40",))
def untagged_heartbeats_renew_the_lease(patch):
    def made(take):
        def beaten(self, frame, rx_bad_frames):
            if frame.type == Heartbeat.TYPE and frame.ver_flags == VERSION_BYTE:
                self._heartbeat(frame)
            else:
                take(self, frame, rx_bad_frames)

        return beaten

    instead(patch, dispatch.Dispatcher, "take", made)


@broken("W-223", hazards=("HZ-40",))
def refusals_bear_no_tag(patch):
    def made(reply):
        def untagged(self, type_code, req_id, session, payload, key=b""):
            reply(self, type_code, req_id, session, payload, b"" if payload[0] else key)

        return untagged

    instead(patch, outbox.Outbox, "reply", made)


@broken("W-224", hazards=("HZ-40",))
def events_bear_no_tag(patch):
    instead(patch, outbox, "_event_frame", lambda frame: lambda event, uptime_ms, voice: frame(event, uptime_ms, None))


@broken("W-224", hazards=("HZ-40",))
def events_have_no_number_that_grows(patch):
    def made(frame):
        def numbered(event, uptime_ms, voice):
            if voice is not None:
                voice.events_told = 0
            return frame(event, uptime_ms, voice)

        return numbered

    instead(patch, outbox, "_event_frame", made)


@broken("W-225", hazards=("HZ-40",))
def authenticated_is_said_without_a_tag(patch):
    def made(status):
        return lambda board, rx_bad_frames, *, authenticated: status(board, rx_bad_frames, authenticated=True)

    instead(patch, requests, "status", made)


@broken("W-226", hazards=("HZ-40", "HZ-12"))
def stop_is_asked_for_a_tag(patch):
    def made(heard):
        def asked(self):
            if not self._board.sessions.link_key:
                heard(self)

        return asked

    instead(patch, firmware.GunFirmware, "_stop_heard", made)
