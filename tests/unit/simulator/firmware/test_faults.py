"""Faults by name: each does what its table says, so that tests may trust it."""

import pytest

from protocols.errors import UsageError
from protocols.wire.codes import Alarm, Code, State
from protocols.wire.hashes import record_hash8, slot_is_final
from protocols.wire.messages import AlarmAck, EpochOpen, LogRelease, TimePing
from simulator.firmware import FIRMWARE_FAULTS, FirmwareFaults

MS = 1_000
S = 1_000_000


def treated(rig, shots=4):
    rig.arm(max_shots=20)
    for _ in range(shots):
        rig.pull()
    return rig


def test_names_and_strengths_are_checked():
    faults = FirmwareFaults()
    with pytest.raises(UsageError, match="lease_ignored"):
        faults.set("leese_ignored")
    for fault in FIRMWARE_FAULTS.values():
        faults.set(fault.name)
        assert faults.is_on(fault.name)
        assert faults.strength(fault.name) == fault.strength
        for strength in (fault.lowest - 1, fault.highest + 1):
            with pytest.raises(UsageError, match=fault.name):
                faults.set(fault.name, strength)
        faults.clear(fault.name)
        assert not faults.is_on(fault.name)
    assert faults.take("torn_outcome") is None


def test_a_flipped_bit_is_found_at_boot_shown_and_over_once_released(rig):
    treated(rig)
    rig.faults.set("log_slot_bitflip", 2)
    rig.reset()
    assert rig.gun.state is State.FAULT
    assert rig.gun.alarms >> Alarm.NVM_FAULT & 1
    rig.own()
    slots = rig.read_log()
    assert [slot_is_final(rig.gun.log_epoch, slot) for slot in slots] == [True, True, False, True]
    hello = rig.hello()
    assert hello.head_seq == 4
    rig.own()
    rig.do(LogRelease(hello.log_epoch, 4, hello.chain_head8))
    rig.do(AlarmAck(Alarm.NVM_FAULT))
    assert rig.gun.alarms >> Alarm.SELF_TEST_FAILED & 1


def test_an_erased_memory_is_a_new_gun_with_a_new_epoch(rig):
    treated(rig)
    epoch = rig.gun.log_epoch
    rig.faults.set("nvm_erased")
    rig.reset()
    hello = rig.hello()
    assert hello.log_epoch != epoch
    assert (hello.head_seq, hello.owner_token, hello.last_grant_no, hello.boot_id) == (0, 0, 0, 1)
    assert rig.gun.state is State.SAFE


@pytest.mark.invariant("I-34")
def test_a_counter_that_goes_back_shows_in_hello(rig):
    treated(rig)
    before = rig.read_log()
    rig.faults.set("seq_regress", 2)
    rig.reset()
    hello = rig.hello()
    assert hello.head_seq == 2
    assert hello.chain_head8 == record_hash8(hello.gun_uid, hello.log_epoch, before[1])
    rig.arm()
    rig.pull()
    assert rig.records()[-1].shot_seq == 3


@pytest.mark.invariant("I-34")
def test_a_gun_that_has_lost_what_it_had_released_is_begun_anew(rig):
    treated(rig)
    rig.release()
    rig.faults.set("seq_regress", 2)
    rig.reset()
    rig.body.set_contact(rig.at, False)
    rig.run(MS)
    before = rig.hello()
    assert before.head_seq < before.released_seq
    rig.bench()
    assert rig.do(EpochOpen(before.log_epoch, before.head_seq)).log_epoch != before.log_epoch
    after = rig.hello()
    assert (after.head_seq, after.released_seq) == (0, 0)


@pytest.mark.invariant("I-34")
@pytest.mark.hazard("HZ-19")
def test_a_new_epoch_and_another_board_show_in_hello(rig):
    treated(rig)
    first = rig.hello()
    rig.faults.set("epoch_change")
    rig.reset()
    second = rig.hello()
    assert (second.gun_uid, second.head_seq) == (first.gun_uid, 0)
    assert second.log_epoch != first.log_epoch
    rig.faults.set("uid_change")
    rig.reset()
    third = rig.hello()
    assert third.gun_uid != first.gun_uid
    assert third.log_epoch not in {first.log_epoch, second.log_epoch}
    rig.reset()
    assert rig.hello().log_epoch == third.log_epoch


def test_ticks_drift_and_jump_as_told(make_rig):
    rig = make_rig(drift_ppm=100)
    start = rig.at
    rig.hello()
    rig.run(10 * S, beat=False)
    assert rig.do(TimePing(7)).ticks_us == (rig.at - start) * 1_000_100 // 1_000_000
    rig.faults.set("tick_drift", 10_000)
    rig.run(200 * MS, beat=False)
    ticks = rig.do(TimePing(7)).ticks_us
    rig.run(S, beat=False)
    assert abs(rig.do(TimePing(7)).ticks_us - ticks - 1_010_100) <= 2
    ticks = rig.do(TimePing(7)).ticks_us
    rig.faults.set("tick_jump", 5_000)
    rig.run(MS, beat=False)
    assert 5_001_000 <= rig.do(TimePing(7)).ticks_us - ticks <= 5_001_100


def test_a_jump_of_the_ticks_ends_the_lease(rig):
    rig.arm()
    rig.faults.set("tick_jump", 600)
    rig.run(110 * MS)
    assert rig.gun.state is State.SAFE


def test_a_write_that_does_not_read_back_moves_nothing(rig):
    rig.arm()
    ring = rig.gun._board.nvm

    class Worn:
        def read(self, offset, size):
            return rig.store.read(offset, size)

        def write(self, offset, data):
            rig.store.write(offset, b"\0" * len(data) if offset >= 4_096 else data)

    ring.store = Worn()
    rig.pull()
    assert (rig.gun.state, rig.shots(), rig.gun.head_seq) == (State.FAULT, [], 0)
    assert rig.gun.alarms >> Alarm.NVM_FAULT & 1
    assert rig.ask(rig.block()).code == Code.E_STATE


@pytest.mark.hazard("HZ-20")
def test_an_expired_calibration_is_in_force_from_the_next_boot_and_read_back_as_it_is(rig):
    rig.faults.set("cal_expired", 20_000)
    before = rig.hello()
    assert before.cal_due_day != 20_000
    rig.reset()
    after = rig.hello()
    assert (after.cal_id, after.cal_due_day) == (before.cal_id, 20_000)
    assert after.cal_hash8 != before.cal_hash8


@pytest.mark.hazard("HZ-20")
def test_a_foreign_calibration_is_named_and_another_is_in_memory(rig):
    own = rig.hello()
    rig.faults.set("cal_foreign", 3)
    told = rig.hello()
    assert (told.cal_id, told.cal_hash8) == (own.cal_id + 3, own.cal_hash8)
    rig.faults.clear("cal_foreign")
    assert rig.hello().cal_id == own.cal_id
