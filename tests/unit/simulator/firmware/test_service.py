"""On the bench: only with the gun's own button, never on skin, and nothing that dispenses by command."""

import pytest

from protocols.wire.codes import Code, GrantEnd, GrantKind, Mode, Phase, Reason, State, TriggerSource
from protocols.wire.messages import (
    CalRead,
    EpochOpen,
    EventRead,
    EventRecord,
    Goodbye,
    GrantEndedEvent,
    MoveDoneEvent,
    SelfTest,
    SelfTestDoneEvent,
    ServiceEnter,
    ServiceLeave,
    ServiceMove,
    Takeover,
)

MS = 1_000
S = 1_000_000


def bench_grant(rig, *, max_shots=10, **settings):
    rig.bench().set(contact_gate=0, dose_nl=6_000, **settings)
    rig.grant(kind=GrantKind.BENCH, max_shots=max_shots)
    return rig


@pytest.mark.hazard("HZ-39")
@pytest.mark.parametrize(("wait_s", "code"), [(None, Code.E_NEEDS_BUTTON), (29, Code.OK), (31, Code.E_NEEDS_BUTTON)])
def test_service_needs_the_guns_own_button_shortly_before(rig, wait_s, code):
    rig.own()
    if wait_s is not None:
        rig.body.press_service_button(rig.at)
        rig.run(wait_s * S)
    assert Code(rig.ask(ServiceEnter()).code) is code


def test_one_press_serves_one_entry_and_skin_forbids_it(rig):
    rig.own()
    rig.gun.press_button(rig.at)
    rig.body.set_contact(rig.at, True)
    rig.run(MS)
    assert rig.ask(ServiceEnter()).code == Code.E_CONTACT
    rig.body.set_contact(rig.at, False)
    rig.run(MS)
    rig.do(ServiceEnter())
    rig.do(ServiceEnter())
    rig.do(ServiceLeave())
    assert rig.gun.state is State.SAFE
    assert rig.ask(ServiceEnter()).code == Code.E_NEEDS_BUTTON


@pytest.mark.parametrize("leave", [Goodbye(), ServiceLeave(), "takeover", "stop", "reset"])
def test_every_way_out_of_service_ends_its_credit(rig, leave):
    bench_grant(rig)
    if leave == "takeover":
        rig.do(Takeover(rig.token, bytes(16)))
    elif leave == "stop":
        rig.stop()
    elif leave == "reset":
        rig.reset()
    else:
        rig.do(leave)
    rig.run(S)
    assert rig.gun.state is (State.ESTOPPED if leave == "stop" else State.SAFE)
    assert rig.gun.armed_kind is None
    assert rig.shots() == []


@pytest.mark.invariant("I-50")
@pytest.mark.hazard("HZ-39")
def test_a_bench_grant_fires_by_itself_at_its_interval_the_first_time_one_interval_on(rig):
    bench_grant(rig, interval_ms=200, max_shots=4)
    granted_us = rig.gun._board.ticks_us
    rig.run(2 * S)
    starts = [record.ticks_start_us - granted_us for record in rig.records()]
    assert starts == [200_000, 400_000, 600_000, 800_000]
    assert {(record.kind, record.trigger_source, record.area_code) for record in rig.records()} == {(4, 8, 7)}
    assert rig.gun.state is State.SERVICE
    assert [shot.label.kind for shot in rig.shots()] == ["BENCH"] * 4


@pytest.mark.invariant("I-50")
@pytest.mark.hazard("HZ-39")
@pytest.mark.parametrize("after_ms", [50, 115, 125, 180])
def test_skin_ends_a_bench_grant_and_its_stroke_at_once(rig, after_ms):
    bench_grant(rig)
    rig.run(after_ms * MS)
    begun = rig.gun.trigger_count
    rig.body.set_contact(rig.at, True)
    rig.run(S)
    assert rig.of(GrantEndedEvent)[-1].cause == GrantEnd.CONTACT
    assert rig.gun.trigger_count == begun == rig.gun.head_seq
    for record, shot in zip(rig.records(), rig.shots(), strict=True):
        assert record.dose_lo_nl <= shot.dose_nl <= record.dose_hi_nl
        if record.phase != Phase.DONE:
            assert (record.phase, record.reason) == (Phase.ABORTED, Reason.FAULT)
    assert rig.ask(rig.terms(kind=GrantKind.BENCH)).code == Code.E_CONTACT


def test_the_automatic_trigger_goes_on_pressing_while_the_vacuum_is_missing(rig):
    bench_grant(rig, suction_mode=1, suction_threshold_pa=1_900, interval_ms=1_000)
    rig.run(900 * MS)
    assert rig.body.sensors(rig.at).suction_pa > 1_900
    rig.body.set_fault(rig.at, "vacuum_low")
    rig.run(1_500 * MS)
    assert rig.gun.head_seq == 0
    rig.body.heal(rig.at, "vacuum_low")
    rig.run(1_000 * MS)
    assert rig.gun.head_seq == 1
    assert rig.gun.armed_kind is GrantKind.BENCH


def test_the_trigger_means_nothing_to_a_bench_grant_and_primes_in_service(rig):
    bench_grant(rig, interval_ms=1_000)
    rig.pull()
    assert rig.gun.head_seq == 0
    rig.grant(kind=GrantKind.PRIME)
    rig.pull()
    (record,) = rig.records()
    assert (record.kind, record.trigger_source) == (GrantKind.PRIME, TriggerSource.HAND)
    assert rig.gun.state is State.SERVICE


def test_a_bench_grant_needs_its_gate_off(rig):
    rig.bench().set(contact_gate=1)
    reply = rig.ask(rig.terms(kind=GrantKind.BENCH))
    assert (Code(reply.code), reply.field_offset, reply.detail) == (Code.E_RANGE, 12, 23)


def test_bench_strokes_without_product_serve_the_depth(rig):
    rig.bench().set(contact_gate=0, mode=Mode.DRY, dose_nl=0, depth_um=4_000)
    rig.grant(kind=GrantKind.BENCH, max_nl=0, max_shots=2)
    rig.run(S)
    assert [(shot.depth_um, shot.dose_nl) for shot in rig.shots()] == [(4_000, 0)] * 2


@pytest.mark.invariant("I-50")
@pytest.mark.parametrize(("move", "distance_um"), [(1, 0), (2, 0), (3, 0), (3, 5_000), (3, 100_000)])
def test_a_service_move_takes_a_slot_and_neither_dispenses_nor_extends(rig, move, distance_um):
    rig.bench()
    assert rig.do(ServiceMove(move, distance_um, 0)).shot_seq == 1
    assert rig.gun.state is State.MOVING
    rig.until(lambda: rig.gun.state is State.SERVICE, limit_us=60 * S)
    (record,), (shot,) = rig.records(), rig.shots()
    assert (record.kind, record.grant_no, record.planned_nl, record.dose_hi_nl) == (GrantKind.SERVICE, 0, 0, 0)
    assert (record.phase, record.reason) == (Phase.DONE, Reason.NONE)
    assert (shot.label.kind, shot.dose_nl, shot.depth_um) == ("SERVICE", 0, 0)
    assert [(done.shot_seq, done.reason) for done in rig.of(MoveDoneEvent)] == [(1, 0)]
    assert rig.gun._board.tally.session_shots == 0


def test_drawing_the_plunger_back_goes_at_its_speed_whatever_syringe_is_in(rig):
    bench_grant(rig, max_shots=50)
    rig.until(lambda: rig.gun.credit is None, limit_us=60 * S)
    start_um = rig.body.sensors(rig.at).plunger_um
    rig.do(ServiceMove(3, 2_000, rig.gun.head_seq))
    rig.run(250 * MS)
    assert rig.gun.state is State.SERVICE
    assert rig.body.sensors(rig.at).plunger_um == pytest.approx(start_um - 2_000, abs=1)


@pytest.mark.parametrize(
    ("request_", "code", "offset"),
    [
        (ServiceMove(1, 5, 0), Code.E_RANGE, 4),
        (ServiceMove(2, 5, 9), Code.E_RANGE, 4),
        (ServiceMove(3, 5, 9), Code.E_STALE, 8),
        (ServiceMove(4, 0, 0), Code.E_RANGE, 0),
        (ServiceMove(3, 100_001, 0), Code.E_RANGE, 4),
    ],
)
def test_service_moves_that_do_not_fit_are_refused(rig, request_, code, offset):
    rig.bench()
    before = rig.image()
    reply = rig.ask(request_)
    assert (Code(reply.code), reply.field_offset) == (code, offset)
    assert rig.image() == before


def test_no_service_move_on_skin_with_a_live_grant_or_a_full_ring(make_rig):
    rig = make_rig(slots=2).bench()
    rig.body.set_contact(rig.at, True)
    rig.run(MS)
    assert rig.ask(ServiceMove(1, 0, 0)).code == Code.E_CONTACT
    rig.body.set_contact(rig.at, False)
    rig.run(MS).set(contact_gate=0)
    rig.grant(kind=GrantKind.BENCH)
    assert rig.ask(ServiceMove(1, 0, 0)).code == Code.E_STATE
    rig.set(contact_gate=0)
    for seq in (0, 1):
        rig.do(ServiceMove(1, 0, seq))
        rig.run(50 * MS)
    assert rig.ask(ServiceMove(1, 0, 2)).code == Code.E_LOG_FULL


def test_no_service_move_beyond_the_last_number_or_on_broken_memory(rig):
    rig.bench()
    board = rig.gun._board
    board.tally.head_seq = board.ring.released_seq = 0xFFFFFF00
    assert rig.ask(ServiceMove(1, 0, 0xFFFFFF00)).code == Code.E_SEQ_EXHAUSTED
    board.tally.head_seq = board.ring.released_seq = 0

    class Worn:
        read = staticmethod(rig.store.read)

        def write(self, offset, data):
            rig.store.write(offset, data if offset < 4_096 else bytes(len(data)))

    board.nvm.store = Worn()
    assert rig.ask(ServiceMove(1, 0, 0)).code == Code.E_STATE
    assert rig.gun.state is State.FAULT
    assert rig.truth == []


def test_a_service_move_is_stopped_by_stop_and_recorded(rig):
    rig.bench()
    rig.do(ServiceMove(3, 40_000, 0))
    rig.run(20 * MS).stop()
    rig.until(lambda: rig.gun.head_seq == 1, limit_us=60 * S)
    assert rig.gun.state is State.ESTOPPED


def test_a_new_epoch_starts_the_ring_anew_and_keeps_the_rest(rig):
    rig.arm()
    rig.pull()
    rig.do(Goodbye())
    rig.body.set_contact(rig.at, False)
    rig.run(MS).bench()
    epoch, head, odometer = rig.gun.log_epoch, rig.gun.head_seq, rig.hello().odometer_nl
    rig.own()
    rig.gun.press_button(rig.at)
    rig.do(ServiceEnter())
    for request, code in (
        (EpochOpen(epoch ^ 1, head), Code.E_EPOCH),
        (EpochOpen(epoch, head + 1), Code.E_STALE),
        (EpochOpen(epoch, head), Code.E_STATE),
    ):
        before = rig.image()
        assert rig.ask(request).code == code
        assert rig.image() == before
    rig.release()
    new = rig.do(EpochOpen(epoch, head)).log_epoch
    assert new not in {0, epoch}
    for _ in range(2):
        hello = rig.hello()
        assert (hello.log_epoch, hello.head_seq, hello.released_seq, hello.oldest_seq) == (new, 0, 0, 1)
        assert (hello.odometer_nl, hello.last_grant_no, hello.owner_token) == (odometer, 1, rig.token)
        rig.reset()
    rig.arm()
    rig.pull()
    assert rig.records()[0].shot_seq == 1


@pytest.mark.parametrize("cut", range(0, 200, 7))
def test_an_epoch_opened_as_the_power_goes_is_the_old_or_the_new_one(make_rig, cut_store, cut):
    from simulator.firmware import nvm_size

    store = cut_store(nvm_size(64))
    rig = make_rig(store=store).bench()
    rig.do(ServiceMove(1, 0, 0))
    rig.run(50 * MS)
    rig.release()
    epoch = rig.gun.log_epoch
    store.left = cut
    rig.send(rig.frame(EpochOpen(epoch, 1)))
    store.left = None
    rig.reset()
    hello = rig.hello()
    assert (hello.head_seq, hello.released_seq) == ((1, 1) if hello.log_epoch == epoch else (0, 0))


def test_the_self_test_runs_what_it_is_asked_and_tells(rig):
    rig.own()
    rig.do(SelfTest(0b101))
    (done,) = rig.of(SelfTestDoneEvent)
    assert (done.mask, done.failed) == (0b101, 0)
    assert rig.hello().self_test == 511


def test_entering_and_leaving_service_is_in_the_event_list(rig):
    rig.bench()
    rig.do(ServiceLeave())
    records = rig.do(EventRead(1)).records
    entries = [EventRecord.unpack(records[at : at + 32]) for at in range(0, len(records), 32)]
    assert [entry.detail for entry in entries if entry.kind == 11] == [1, 0]


def test_pages_can_be_read_without_service(rig):
    rig.hello()
    assert len(rig.do(CalRead(4)).block) == 64
    assert rig.ask(CalRead(5)).code == Code.E_RANGE
