"""Hostile frames at both ends of an authenticated link."""

import pytest

from drivers.link import LinkEngine
from protocols.wire.messages import EVENTS
from protocols.wire.seal import TAGGED
from simulator.firmware.dispatch import Dispatcher
from tests.fuzz import sealed

SEEDS = range(4)


@pytest.mark.invariant("I-60")
@pytest.mark.hazard("HZ-40")
@pytest.mark.parametrize("seed", SEEDS)
def test_no_frame_ends_an_end_of_the_link_and_none_without_a_right_tag_changes_it(seed):
    sent = sealed.run(seed, 2_500)
    assert min(sent.values()) > 200
    assert len(sent) == 4


@pytest.mark.parametrize("end", ["gun", "host"])
def test_an_end_that_takes_what_bears_no_tag_is_found(end, monkeypatch):
    """Otherwise the test above would show nothing."""
    bench = sealed.Sealed(1)
    if end == "gun":
        request = Dispatcher._request

        def trusting(self, frame, rx_bad_frames, *, trusted, tagged):
            return request(self, frame, rx_bad_frames, trusted=True, tagged=tagged)

        monkeypatch.setattr(Dispatcher, "_request", trusting)
    else:
        take = LinkEngine._take_sealed

        def believing(self, now_us, frame, seal, events):
            if frame.ver_flags == TAGGED:
                take(self, now_us, frame, seal, events)
            elif frame.type in EVENTS:
                self._take_event(now_us, frame, events)

        monkeypatch.setattr(LinkEngine, "_take_sealed", believing)
    with pytest.raises(AssertionError, match=r"changed by|the host took"):
        bench.run(2_500)
