"""The gun's calibration read back page by page."""

import pytest

from drivers.link_events import Answered
from drivers.outcome import Done, Refused
from meso_device.session.calibration import parse_calibration, read_calibration
from meso_device.session.flow import FlowEnded, LinkTrouble
from protocols.errors import GunProtocolError
from protocols.wire.hashes import hash8
from protocols.wire.messages import CalRead, CalReadReply
from simulator.firmware.calibration import factory_calibration
from tests.unit.session.interlock_cases import BD_5ML, calibration_block

BLOCK = factory_calibration()


def run(answer):
    """Drive the flow, answering each request by ``answer(request)``; returns what the flow returns."""
    flow = read_calibration()
    need = next(flow)
    while True:
        outcome = answer(need.request)
        try:
            need = flow.send(Answered(1, outcome, 0, 0, 0, 1))
        except StopIteration as end:
            return end.value


def page(request):
    return Done(CalReadReply(request.page, BLOCK[64 * request.page : 64 * request.page + 64]))


@pytest.mark.hazard("HZ-20")
def test_the_five_pages_make_the_calibration_whose_hash_the_gun_names():
    asked = []

    def answer(request):
        asked.append(request)
        return page(request)

    found = run(answer)
    assert asked == [CalRead(number) for number in range(5)]
    assert found == parse_calibration(BLOCK)
    assert found.hash8 == hash8(BLOCK)
    assert (found.main.cal_id, len(found.syringes), len(found.heads)) == (1, 10, 3)
    assert found.syringes[7].pl_per_um == 114_231
    assert found.heads[3].pins == 9


def test_a_page_that_does_not_come_or_is_another_one_ends_without_a_calibration():
    with pytest.raises(FlowEnded):
        run(lambda request: Refused(3))
    with pytest.raises(LinkTrouble):
        run(lambda request: Done(CalReadReply(4 - request.page, bytes(64))))
    with pytest.raises(LinkTrouble):
        run(lambda request: Done(None))


@pytest.mark.parametrize(
    "block",
    [
        BLOCK[:-1],
        BLOCK + b"\0",
        calibration_block(syringes=(BD_5ML, BD_5ML)),
        calibration_block(heads=((1, 1), (1, 5))),
    ],
)
@pytest.mark.hazard("HZ-45")
def test_what_is_not_one_calibration_is_refused(block):
    with pytest.raises(GunProtocolError):
        parse_calibration(block)
