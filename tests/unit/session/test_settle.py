"""Settling: a grant is closed by what the gun says when it is at rest and its log is read, and by nothing older."""

import pytest

from drivers.link_events import Answered
from drivers.outcome import Done
from meso_device.accounting.book import GunBook
from meso_device.accounting.entries import GunLedger, OpenGrant
from meso_device.session.connect import settle
from meso_device.session.desk import Desk
from meso_device.session.flow import Send, Until
from protocols.wire.codes import State
from protocols.wire.messages import GrantGet, Status, StatusGet
from tests.world.slots import EPOCH, UID, SlotMaker, hello

GRANT = OpenGrant(
    grant_no=1, kind=1, session="aa", area_code=3, max_shots=5, max_nl=100_000, state="live", log_epoch=EPOCH
)


def status(**fields):
    return Status(**(dict.fromkeys(Status.OFFSETS, 0) | {"state": State.SAFE} | fields))


def answered(body):
    return Answered(1, Done(body), 0, 0, 0, 1)


@pytest.mark.invariant("I-20")
@pytest.mark.hazard("HZ-02")
@pytest.mark.parametrize(
    "older", [{"head_seq": 0}, {"head_seq": 1, "state": State.MOVING}, {"head_seq": 1, "active_grant_no": 1}], ids=str
)
def test_a_status_of_before_the_end_decides_nothing(older):
    desk, maker = Desk(bytes(16)), SlotMaker()
    desk.book = GunBook(hello(), GunLedger(gun_uid=UID.hex(), log_epoch=EPOCH, open_grants=(GRANT,)))
    desk.book.admit(maker.make(), now_utc_us=1)
    desk.book.committed(1, maker.hash8)
    flow = settle(desk)
    assert next(flow) == Send(StatusGet())
    read = flow.send(answered(status(**older)))
    assert isinstance(read, Until)
    assert read.condition()
    newer = flow.send(None)
    assert isinstance(newer, Until)
    assert not newer.condition()
    desk.status = status(head_seq=1)
    assert newer.condition()
    assert flow.send(None) == Send(StatusGet())
    flow.send(answered(status(head_seq=1)))
    assert flow.send(None) == Send(GrantGet(1))


def test_a_grant_whose_row_is_on_its_way_to_the_disk_is_waited_for():
    desk = Desk(bytes(16))
    desk.book = GunBook(hello(), GunLedger(gun_uid=UID.hex(), log_epoch=EPOCH))
    desk.book.reserving = 1
    flow = settle(desk)
    next(flow)
    read = flow.send(answered(status(head_seq=desk.book.committed_seq)))
    assert isinstance(read, Until)
    assert not read.condition()
    desk.book.reserving = 0
    assert read.condition()
