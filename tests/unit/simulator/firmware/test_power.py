"""A whole gun that loses power at any moment: what moved is recorded, once, and the record holds the truth."""

import os
from random import Random

import pytest

from protocols.wire.codes import Mode, Phase, Reason, ResetCause, State
from protocols.wire.hashes import chain_seed8, record_hash8, slot_is_final
from protocols.wire.messages import BootEvent, EventRead, EventRecord, GrantRevoke, Slot
from simulator.firmware import nvm_size

MS = 1_000
RUNS = int(os.environ.get("MESO_POWER_RUNS", "25"))


def whole(rig):
    """Every record once, in one chain, and equal to what physically happened."""
    slots = rig.read_log()
    before = chain_seed8(rig.gun._board.gun_uid, rig.gun.log_epoch)
    truth = {}
    for shot in rig.shots():
        assert truth.setdefault(shot.label.shot_seq, shot) is shot
    assert sorted(truth) == list(range(1, len(slots) + 1))
    for seq, raw in enumerate(slots, 1):
        record = Slot.unpack(raw)
        assert slot_is_final(rig.gun.log_epoch, raw)
        assert (record.shot_seq, record.prev_hash8) == (seq, before)
        before = record_hash8(rig.gun._board.gun_uid, rig.gun.log_epoch, raw)
        shot = truth[seq]
        assert record.dose_lo_nl <= shot.dose_nl <= record.dose_hi_nl <= record.planned_nl
        assert (shot.label.area_code, shot.label.grant_no) == (record.area_code, record.grant_no)
        # A cut after the last step finds a whole stroke with an unwritten OUTCOME.
        assert shot.outcome == Phase(record.phase).name or record.phase == Phase.INTERRUPTED
        assert record.flags >> 2 & 1
    return slots


@pytest.mark.invariant("I-02")
@pytest.mark.invariant("I-03")
@pytest.mark.invariant("I-49")
@pytest.mark.hazard("HZ-04")
@pytest.mark.parametrize("seed", range(RUNS))
def test_power_lost_at_any_byte_and_any_moment_leaves_records_equal_to_the_truth(make_rig, cut_store, seed):
    chance = Random(seed)
    store = cut_store(nvm_size(512))
    rig = make_rig(seed=seed, store=store, slots=512)
    for _ in range(12):
        rig.arm(
            settings={
                "mode": chance.choice((Mode.SINGLE, Mode.CONTINUOUS)),
                "dose_nl": chance.choice((6_000, 20_000)),
                "antidrip_nl": chance.choice((0, 2_000)),
            },
            max_shots=20,
        )
        if chance.random() < 0.5:
            store.left = chance.randrange(700)
        for _ in range(chance.randrange(1, 4)):
            rig.body.press_trigger(rig.at)
            rig.run(chance.randrange(10, 300) * MS)
            rig.body.release_trigger(rig.at)
            rig.run(chance.randrange(10, 120) * MS)
        store.left = None
        if rig.gun.powered:
            rig.gun.power_off(rig.at)
        rig.at += 60 * MS
        while True:
            store.left = chance.choice((None, chance.randrange(400)))
            rig.gun.boot(rig.at, ResetCause.BROWN_OUT)
            if rig.gun.powered:
                store.left = None
                break
        rig.hear()
        rig.run(300 * MS, beat=False)
    rig.own()
    assert len(whole(rig)) > 10


@pytest.mark.invariant("I-01")
@pytest.mark.hazard("HZ-02")
def test_no_step_is_ordered_before_its_intent_reads_back(make_rig, cut_store):
    store = cut_store(nvm_size(64))
    rig = make_rig(store=store)
    trace = []
    start, write, read = rig.body.start_stroke, store.write, store.read

    class Traced:
        def __getattr__(self, name):
            return getattr(rig.body, name)

        def start_stroke(self, now_us, stroke):
            trace.append(("step", stroke.label.shot_seq))
            start(now_us, stroke)

    def traced_write(offset, data):
        trace.append(("write", offset))
        write(offset, data)

    def traced_read(offset, size):
        trace.append(("read", offset))
        return read(offset, size)

    rig.gun._board.body = Traced()
    store.write, store.read = traced_write, traced_read
    rig.arm()
    for _ in range(4):
        rig.pull()
    offset_of = rig.gun._board.nvm.slot_offset
    for seq in range(1, 5):
        step = trace.index(("step", seq))
        written = trace.index(("write", offset_of(seq)))
        assert written < trace.index(("read", offset_of(seq)), written) < step
        assert ("write", offset_of(seq) + 52) in trace[:written]  # the outcome of the lap before is erased first
        assert ("write", offset_of(seq) + 52) in trace[step:]


@pytest.mark.invariant("I-03")
@pytest.mark.invariant("I-19")
@pytest.mark.hazard("HZ-04")
@pytest.mark.parametrize(
    ("fault", "records", "lo_above"),
    [
        ("nvm_before_intent", 0, None),
        ("nvm_torn_intent", 0, None),
        ("nvm_after_intent", 1, None),
        ("after_motion_before_outcome", 1, 9_000),
        ("torn_outcome", 1, 9_000),
    ],
)
def test_power_lost_by_name_gives_the_record_that_it_must(rig, fault, records, lo_above):
    rig.arm()
    rig.pull()  # so that the plunger's place is known
    rig.faults.set(fault)
    rig.pull()
    assert not rig.gun.powered
    assert rig.gun.next_deadline_us() is None
    assert rig.gun.transmit(rig.at) == b""
    rig.send(rig.frame(rig.block()))
    rig.reset()
    assert rig.gun.state is State.SAFE
    found = rig.records()[1:]
    assert len(found) == len(rig.shots()) - 1 == records
    for record in found:
        assert (record.phase, record.reason, record.dose_hi_nl) == (Phase.INTERRUPTED, Reason.RESET, 10_000)
        assert record.dose_lo_nl <= rig.shots()[-1].dose_nl
        assert (record.dose_lo_nl > lo_above) if lo_above else (record.dose_lo_nl == 0)
    rig.own()
    whole(rig)


@pytest.mark.invariant("I-19")
@pytest.mark.parametrize("latched", [True, False])
def test_the_encoder_latched_at_brown_out_narrows_the_range_only_when_the_supply_holds_up(rig, latched):
    rig.arm(settings={"dose_nl": 100_000, "flow_nl_per_s": 100_000})
    rig.pull(hold_us=20 * MS, rest_us=1_200 * MS)
    if not latched:
        rig.faults.set("brownout_no_latch")
    rig.press().run(600 * MS)
    rig.reset()
    record, shot = rig.records()[1], rig.shots()[1]
    assert record.dose_lo_nl <= shot.dose_nl <= record.dose_hi_nl == 100_000
    assert 0 < shot.dose_nl - record.dose_lo_nl < 400 if latched else record.dose_lo_nl == 0


def test_a_reset_without_loss_of_power_stops_the_stroke_too(rig):
    rig.arm(settings={"dose_nl": 100_000, "flow_nl_per_s": 100_000})
    rig.press().run(300 * MS)
    rig.gun.boot(rig.at, ResetCause.WATCHDOG)
    rig.body.release_trigger(rig.at)
    rig.run(300 * MS)
    (record,), (shot,) = rig.records(), rig.shots()
    assert (record.phase, shot.outcome) == (Phase.INTERRUPTED, "INTERRUPTED")
    assert record.dose_lo_nl <= shot.dose_nl <= record.dose_hi_nl


def test_the_first_stroke_after_a_reset_trusts_no_plunger_position(rig):
    rig.arm(settings={"dose_nl": 100_000, "flow_nl_per_s": 100_000, "antidrip_nl": 20_000})
    rig.pull(hold_us=20 * MS, rest_us=1_500 * MS)
    rig.reset()
    rig.arm(settings={"dose_nl": 100_000, "flow_nl_per_s": 100_000})
    rig.press().run(100 * MS)  # still taking up what was drawn back
    rig.reset()
    assert rig.records()[-1].dose_lo_nl == 0
    rig.own()
    whole(rig)


def test_what_a_stopped_stroke_left_drawn_back_is_not_taken_for_dose(rig):
    slow = {"dose_nl": 100_000, "flow_nl_per_s": 20_000}
    rig.arm(settings={"dose_nl": 20_000, "antidrip_nl": 20_000})
    rig.pull(rest_us=400 * MS)
    rig.set(**slow)
    rig.grant()
    rig.press().run(300 * MS)
    rig.do(GrantRevoke(0))
    rig.let_go().run(200 * MS)
    rig.grant()
    rig.press().run(300 * MS)
    rig.body.release_trigger(rig.at)
    rig.run(10 * MS).reset()
    assert [shot.dose_nl for shot in rig.shots()[1:]] == [0, 0]
    assert rig.records()[-1].dose_lo_nl == 0


def test_every_boot_is_told_counted_and_kept_in_the_event_list(rig):
    for boot, cause in enumerate((ResetCause.WATCHDOG, ResetCause.BROWN_OUT, ResetCause.PIN), 2):
        rig.reset(cause)
        told = rig.of(BootEvent)[-1]
        assert (told.boot_id, told.reset_cause) == (boot, cause)
    rig.hello()
    body = rig.do(EventRead(1))
    entries = [EventRecord.unpack(body.records[at : at + 32]) for at in range(0, len(body.records), 32)]
    assert [(entry.event_no, entry.kind, entry.detail) for entry in entries] == [
        (1, 1, ResetCause.POWER_ON), (2, 1, ResetCause.WATCHDOG), (3, 1, ResetCause.BROWN_OUT), (4, 1, ResetCause.PIN),
    ]  # fmt: skip


def test_the_event_list_overwrites_its_oldest_and_counts_the_lost(rig):
    for _ in range(100):
        rig.reset()
    rig.hello()
    found, from_no = [], 1
    while (body := rig.do(EventRead(from_no))).records:
        found += [EventRecord.unpack(body.records[at : at + 32]).event_no for at in range(0, len(body.records), 32)]
        from_no = found[-1] + 1
    assert body.lost == 101 - 72
    assert found == list(range(30, 102))


@pytest.mark.parametrize("step_us", [1, 7, 333, 5_000, 60_000, 10_000_000])
def test_a_late_caller_sees_what_a_punctual_one_sees(make_rig, step_us):
    """Events are worked through in order of time however seldom the gun is called."""

    def treat(step):
        rig = make_rig(seed=4).own()
        rig.body.set_contact(rig.at, True)
        rig.gun.advance(rig.at)
        rig.set(mode=Mode.CONTINUOUS, dose_nl=6_000)
        rig.grant(lease_ms=2_000)
        rig.body.press_trigger(rig.at)
        rig.body.occlude(rig.at + 1, False)
        end = rig.at + 1_500 * MS
        while rig.at < end:
            rig.at = min(end, rig.at + step)
            rig.gun.advance(rig.at)
        return rig.gun.state, [record.pack() for record in rig.records()], rig.shots()

    if step_us == 1:
        step_us = 11
    assert treat(step_us) == treat(1_000)


@pytest.mark.invariant("I-51")
@pytest.mark.hazard("HZ-36")
def test_every_record_of_this_gun_says_that_it_is_simulated(gun_in):
    from protocols.wire.messages import ServiceMove

    rig = gun_in(State.SERVICE)
    rig.do(ServiceMove(1, 0, 0))
    rig.run(100 * MS)
    rig.arm()
    rig.pull()
    rig.reset()
    assert [record.flags >> 2 & 1 for record in rig.records()] == [1, 1]
    assert rig.hello().flags & 1
