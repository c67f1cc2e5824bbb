"""What happened, for people to read."""

from protocols.wire.frame import REPLY, STOP_FRAME, Deframer
from protocols.wire.messages import EVENTS, REQUESTS, Heartbeat, Status
from protocols.wire.replies import unpack_reply
from protocols.wire.seal import TAG_SIZE, TAGGED
from tests.world.cable import NAMES

ARROWS = {"h2g": "host ->", "g2h": "gun  <-"}


def told(way: str, chunk: bytes) -> list[str]:
    """Each frame of a chunk in one line; beats and statuses are left out."""
    if chunk == STOP_FRAME:
        return [f"{ARROWS[way]} STOP"]
    lines = []
    for frame in Deframer().feed(chunk):
        name = NAMES.get(frame.type, f"{frame.type:#x}")
        payload = frame.payload[:-TAG_SIZE] if frame.ver_flags == TAGGED else frame.payload
        try:
            if frame.type in EVENTS:
                body: object = EVENTS[frame.type].unpack(payload)
            elif frame.type & REPLY:
                body = unpack_reply(frame.type & ~REPLY, payload)
            else:
                body = REQUESTS[frame.type].unpack(payload) if frame.type in REQUESTS else payload
        except (ValueError, KeyError):
            body = payload.hex()
        if not isinstance(body, Heartbeat | Status):
            lines.append(f"{ARROWS[way]} {name} #{frame.req_id} {body}"[:220])
    return lines
