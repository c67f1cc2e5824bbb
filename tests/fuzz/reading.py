"""One input of a coverage-guided run: bytes go through everything that reads from the line, at both ends.

The first byte says how the rest is meant: as it comes from the line, or as the payload of a whole frame of some type,
so that the CRC is no wall.
"""

from drivers.link import LinkEngine
from drivers.link_events import Answered
from protocols.wire.errors import WireLengthError
from protocols.wire.frame import ENCODED_SIZE_MAX, PAYLOAD_SIZE_MAX, REPLY, Deframer, Frame, encode_frame
from protocols.wire.messages import EVENTS, REPLIES, REQUESTS
from protocols.wire.replies import unpack_reply
from simulator.firmware.dispatch import parse
from simulator.firmware.refusal import Refusal
from tests.fuzz.attacker import reframed

TYPES = [*REQUESTS, *EVENTS, *(kind | REPLY for kind in REPLIES)]
_RAW = 128


def read(data: bytes) -> None:
    """Raise AssertionError, or whatever the code raises that it may not."""
    if not data:
        return
    how, rest = data[0], data[1:]
    if how >= _RAW:
        stream, step = rest, how - _RAW + 1
    else:
        payload = rest[:PAYLOAD_SIZE_MAX]
        stream, step = encode_frame(TYPES[how % len(TYPES)], 1, 0, 0, payload), 64
    deframer = Deframer()
    frames = [frame for at in range(0, len(stream), step) for frame in deframer.feed(stream[at : at + step])]
    if len(deframer._block) > ENCODED_SIZE_MAX:
        raise AssertionError("more is kept than a frame can be")
    blocks = stream.split(b"\0")
    for frame in frames:
        if reframed(frame)[1:-1] not in blocks:
            raise AssertionError(f"came out, but was not in the stream: {frame}")
        _meaning(frame)
    link = LinkEngine(bytes(16))
    link.opened(0)
    link.ask(0, 1, link.hello(bytes(16)))
    link.transmit(0)
    events = link.received(1, stream)
    if sum(isinstance(event, Answered) for event in events) > 1:
        raise AssertionError("one request was answered twice")
    link.closed(2, "the end")


def _meaning(frame: Frame) -> None:
    try:
        if frame.type & REPLY:
            unpack_reply(frame.type & ~REPLY, frame.payload).pack()
        elif frame.type in EVENTS:
            EVENTS[frame.type].unpack(frame.payload).pack()
        elif frame.type in REQUESTS:
            again = parse(frame).pack()
            if len(again) != len(frame.payload):
                raise AssertionError(f"taken at another length: {frame}")
    except (WireLengthError, Refusal):
        pass
