"""Run the link engine again over a capture: the same calls at the same times reach the same events."""

from collections.abc import Iterator, Mapping

from msgspec import Struct

from drivers.capture import (
    BLOCK_PACKET,
    CALL_ASK,
    CALL_BEAT,
    CALL_BEGIN,
    CALL_CLOSED,
    CALL_COMMITTED,
    CALL_OPENED,
    CALL_STOP,
    CALL_TICK,
    CALLS,
    FLAGS,
    INBOUND,
    NUMBERED,
    OPTION_FLAGS,
    PACKET,
    TAGGED,
    WIRE,
    whole_size,
)
from drivers.link import LinkEngine
from drivers.link_events import LinkEvent
from protocols.errors import UsageError
from protocols.wire.messages import REQUESTS, Heartbeat


class Packet(Struct, frozen=True):
    """One packet of a capture.

    Attributes:
        at_us: Time stamp.
        interface: `WIRE` or `CALLS`.
        direction: `INBOUND` or `OUTBOUND`; 0 if the file does not say.
        data: The bytes.
    """

    at_us: int
    interface: int
    direction: int
    data: bytes


class Replayed(Struct, frozen=True):
    """What a replay came to.

    Attributes:
        events: All link events, with the time stamps of the capture.
        differences: Frames that the engine sent otherwise than captured; none if the engine is the same.
    """

    events: tuple[LinkEvent, ...]
    differences: tuple[str, ...]


def read_capture(content: bytes) -> Iterator[Packet]:
    """Yield the packets of a capture; an unfinished end is left out.

    Raises:
        UsageError: it is no pcapng file.
    """
    try:
        end = whole_size(content)
    except ValueError:
        raise UsageError("this is no capture: a pcapng file is needed") from None
    offset = 0
    while offset < end:
        kind = int.from_bytes(content[offset : offset + 4], "little")
        size = int.from_bytes(content[offset + 4 : offset + 8], "little")
        if kind == BLOCK_PACKET and size >= 32:
            yield _read_packet(content[offset + 8 : offset + size - 4])
        offset += size


def replay(content: bytes, link_keys: Mapping[bytes, bytes] | None = None) -> Replayed:
    """Run a fresh engine over each section of a capture, in order.

    Args:
        content: The capture's file.
        link_keys: Keys of the guns that were paired when it was made, by uid; a capture never holds them.

    Raises:
        UsageError: it is no capture of this program.
    """
    events: list[LinkEvent] = []
    differences: list[str] = []
    engine: LinkEngine | None = None
    for packet in read_capture(content):
        if packet.interface == CALLS and packet.data[:1] == bytes([CALL_BEGIN]) and len(packet.data) == 17:
            engine = LinkEngine(packet.data[1:], link_keys or {})
        elif engine is None:
            raise UsageError("this capture does not hold the host's calls; only its bytes can be shown")
        elif packet.interface == CALLS:
            events.extend(_call(engine, packet.at_us, packet.data))
        elif packet.interface == WIRE and packet.direction == INBOUND:
            events.extend(engine.received(packet.at_us, packet.data))
        elif packet.interface == WIRE:
            frame = engine.transmit(packet.at_us)
            if frame != packet.data:
                differences.append(f"at {packet.at_us} us: {packet.data.hex()} was sent, now {frame.hex()}")
    return Replayed(tuple(events), tuple(differences))


def _call(engine: LinkEngine, at_us: int, data: bytes) -> list[LinkEvent]:
    kind = data[0] if data else -1
    if kind == CALL_OPENED:
        engine.opened(at_us, known_port=data[1:] == b"\1")
    elif kind == CALL_CLOSED:
        return engine.closed(at_us, data[1:].decode())
    elif kind == CALL_ASK:
        _, tag, request_type = TAGGED.unpack_from(data)
        engine.ask(at_us, tag, REQUESTS[request_type].unpack(data[TAGGED.size :]))
    elif kind == CALL_BEAT:
        engine.beat(at_us, Heartbeat.unpack(data[1:]))
    elif kind == CALL_STOP:
        engine.press_stop(at_us)
    elif kind == CALL_TICK:
        return engine.tick(at_us)
    elif kind == CALL_COMMITTED:
        engine.committed_seq = NUMBERED.unpack_from(data)[1]
    return []


def _read_packet(body: bytes) -> Packet:
    interface, high, low, size, _ = PACKET.unpack_from(body)
    options = PACKET.size + size + -size % 4
    direction = 0
    if len(body) >= options + FLAGS.size and FLAGS.unpack_from(body, options)[:2] == (OPTION_FLAGS, 4):
        direction = FLAGS.unpack_from(body, options)[2] & 3
    return Packet(high << 32 | low, interface, direction, body[PACKET.size : PACKET.size + size])
