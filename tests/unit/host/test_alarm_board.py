import random

import pytest

from meso_device.host.alarm_board import ROWS_MAX, AlarmBoard, HostAlarm, Priority, gun_code, gun_name, gun_priority
from protocols.wire.codes import Alarm


def raise_(board, code="A208", priority=Priority.MEDIUM, at_s=0, area=""):
    return board.raised(code, "NAME", "text", priority, area=area, at_us=at_s * 10**6, mono_us=at_s * 10**6)


def test_the_guns_bits_have_the_priorities_of_the_wire_protocol():
    marks = {alarm.name: gun_priority(alarm).mark for alarm in Alarm}
    assert (marks["ESTOP"], marks["DEPTH_FAULT"]) == ("***", "***")
    assert (marks["OCCLUSION"], marks["SELF_TEST_FAILED"]) == ("**", "**")
    assert (marks["LOW_RESERVOIR"], marks["IDLE_ARMED"]) == ("*", "*")
    assert (gun_code(6), gun_code(8), gun_code(25)) == ("A106", "A208", "A325")
    assert gun_name(6) == "DEPTH FAULT"
    assert gun_name(63) == "BIT 63"
    assert [alarm.priority for alarm in (HostAlarm.STOP_UNANSWERED, HostAlarm.FINDING)] == [3, 2]


@pytest.mark.invariant("I-61")
@pytest.mark.hazard("HZ-29")
def test_high_and_medium_stay_until_over_and_acknowledged_in_either_order():
    board = AlarmBoard()
    raise_(board)
    board.cleared("A208")
    [row] = board.rows()
    assert (row.active, row.open) == (False, True)
    assert board.unacknowledged
    assert board.acknowledge(row.no, by="meyer", at_us=5) == [row]
    assert board.rows() == []
    raise_(board)
    [row] = board.rows()
    board.acknowledge(0, by="meyer", at_us=5)
    assert board.acknowledge(0, by="adam", at_us=6) == []
    assert (row.by, row.acknowledged_us, row.active) == ("meyer", 5, True)
    assert not board.unacknowledged
    board.cleared("A208")
    assert board.rows() == []


def test_low_ones_go_with_their_cause():
    board = AlarmBoard()
    raise_(board, "A325", Priority.LOW)
    assert not board.unacknowledged
    board.cleared("A325")
    assert board.rows() == []


@pytest.mark.invariant("I-61")
@pytest.mark.hazard("HZ-30")
def test_a_flapping_cause_is_one_row_with_a_count_that_has_to_be_seen_again():
    board = AlarmBoard()
    for second in range(8):
        raise_(board, at_s=second)
        board.cleared("A208")
    [row] = board.rows()
    assert row.count == 8
    raise_(board, at_s=9)
    board.acknowledge(row.no, by="meyer", at_us=1)
    raise_(board, at_s=10)
    assert board.rows()[0].count == 10
    raise_(board, at_s=10, area="FH")
    assert len(board.rows()) == 2


@pytest.mark.invariant("I-61")
@pytest.mark.hazard("HZ-30")
def test_a_flood_never_hides_a_high_one():
    board, chance = AlarmBoard(), random.Random(3)
    raise_(board, "A106", Priority.HIGH)
    for n in range(5_000):
        raise_(board, f"X{chance.randrange(10**6)}", chance.choice([Priority.LOW, Priority.MEDIUM]), at_s=n)
    rows = board.rows()
    assert len(rows) == ROWS_MAX
    assert rows[0].code == "A106"
    assert [row.priority for row in rows] == sorted((row.priority for row in rows), reverse=True)
