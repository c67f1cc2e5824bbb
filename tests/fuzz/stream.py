"""Damaged streams of frames against the deframer: only what was sent comes out, and everything undamaged does.

A stream is some hundred frames, each with its own `aux`; damage is put into the joined bytes, so that delimiters are
hit as well. Which frames were touched is known from where the damage went, not from what the decoder says.
"""

import json
import random
import time
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files

from protocols.wire.frame import ENCODED_SIZE_MAX, PAYLOAD_SIZE_MAX, Deframer, Frame, encode_frame
from protocols.wire.messages import EVENTS, REPLIES, REQUESTS

FRAMES = 400
VECTORS = [bytes.fromhex(case["frame"]) for case in json.loads(
    files("protocols.wire").joinpath("vectors.json").read_text())["vectors"]]  # fmt: skip
TYPES = [*REQUESTS, *EVENTS, *(kind | 0x80 for kind in REPLIES)]


class Broken(AssertionError):  # noqa: N818  # what the decoder has done
    """What the decoder did with a stream that it must not do."""


@dataclass
class Tally:
    """What was tried.

    Attributes:
        inputs: Frames and blocks of noise put into streams, damaged or not.
        damaged: Of these, those that were touched.
        decode_cpu_s: CPU time inside the decoder alone.
    """

    inputs: int = 0
    damaged: int = 0
    decode_cpu_s: float = 0.0


@dataclass
class Stream:
    """Joined frames, and which of them the damage has touched.

    Attributes:
        data: The bytes.
        starts: Where each frame begins in the undamaged bytes.
        touched: Frames that need not come out.
        noise: Blocks that were put between frames.
    """

    data: bytes
    starts: list[int]
    touched: set[int]
    noise: int = 0

    def hit(self, at: int) -> None:
        """Note damage to the byte at this place of the undamaged bytes: a delimiter belongs to both neighbours."""
        frame = bisect_right(self.starts, at) - 1
        self.touched.add(frame)
        if at == self.starts[frame]:
            self.touched.add(frame - 1)
        elif frame + 1 < len(self.starts) and at == self.starts[frame + 1] - 1:
            self.touched.add(frame + 1)


class Pool:
    """Sets of frames of all types and lengths, encoded once and damaged often."""

    def __init__(self, chance: random.Random, sets: int = 24) -> None:
        self.chance = chance
        self.sets = [self._set() for _ in range(sets)]

    def _set(self) -> tuple[list[Frame], bytes, list[int]]:
        frames, parts, starts, at = [], [], [], 0
        for aux in range(FRAMES):
            size = self.chance.choice([0, 4, 12, 36, 72, self.chance.randrange(PAYLOAD_SIZE_MAX + 1)])
            # Many zeros and many 0xFF: what COBS codes specially.
            payload = self.chance.choice([bytes(size), b"\xff" * size, self.chance.randbytes(size)])
            frame = Frame(0x10, self.chance.choice(TYPES), aux, self.chance.getrandbits(32), aux, payload)
            raw = encode_frame(frame.type, frame.req_id, frame.session, frame.aux, payload)
            frames.append(frame)
            parts.append(raw)
            starts.append(at)
            at += len(raw)
        return frames, b"".join(parts), starts

    def draw(self) -> tuple[list[Frame], Stream]:
        """Return frames and a fresh stream of them."""
        frames, data, starts = self.chance.choice(self.sets)
        return frames, Stream(data, starts, set())


# Damage, each by its name. It gets the chance and a stream, and changes the stream.


def flip(chance: random.Random, stream: Stream) -> None:
    """Turn single bits."""
    data = bytearray(stream.data)
    for at in chance.choices(range(len(data)), k=FRAMES):
        data[at] ^= 1 << (at * 7 + len(stream.touched)) % 8
        stream.hit(at)
    stream.data = bytes(data)


def replace(chance: random.Random, stream: Stream) -> None:
    """Put other bytes, every second one a delimiter."""
    data = bytearray(stream.data)
    for at in chance.choices(range(len(data)), k=FRAMES):
        data[at] = 0 if at & 1 else chance.getrandbits(8)
        stream.hit(at)
    stream.data = bytes(data)


def cut(chance: random.Random, stream: Stream) -> None:
    """Lose runs of bytes, across frames as well."""
    data, parts, at = stream.data, [], 0
    for start in sorted(chance.sample(range(len(data)), FRAMES // 4)):
        if start < at:
            continue
        end = min(len(data), start + chance.choice([1, 2, 19, 90]))
        parts.append(data[at:start])
        first, last = bisect_right(stream.starts, start) - 1, bisect_right(stream.starts, end - 1) - 1
        stream.touched.update(range(first, last + 1))
        stream.hit(start)
        stream.hit(end - 1)
        at = end
    parts.append(data[at:])
    stream.data = b"".join(parts)


def insert(chance: random.Random, stream: Stream) -> None:
    """Add bytes anywhere, delimiters and long runs without one among them."""
    data, parts, at = stream.data, [], 0
    for start in sorted(chance.sample(range(1, len(data)), FRAMES // 4)):
        size = chance.choice([1, 1, 2, 7, 30, 300])
        noise = chance.choice([bytes(size), b"\xff" * size, chance.randbytes(size)])
        parts += (data[at:start], noise)
        stream.hit(start)
        stream.hit(start - 1)
        at = start
    parts.append(data[at:])
    stream.data = b"".join(parts)


def noise_between(chance: random.Random, stream: Stream) -> None:
    """Say something that is no frame between frames: a boot loader, a modem, another baud rate."""
    data, parts = stream.data, []
    bounds = [*stream.starts, len(data)]
    noise = chance.randbytes(64 * FRAMES)
    for frame in range(FRAMES):
        size = noise[frame] % 60
        parts += (data[bounds[frame] : bounds[frame + 1]], noise[64 * frame : 64 * frame + size], b"\0")
    stream.noise = FRAMES
    stream.data = b"".join(parts)


def swap(chance: random.Random, stream: Stream) -> None:
    """Take the tail of one frame for that of another: right lengths, wrong bytes."""
    data = bytearray(stream.data)
    bounds = [*stream.starts, len(data)]
    for frame in chance.sample(range(FRAMES - 1), FRAMES // 3):
        start, middle, end = bounds[frame], bounds[frame + 1], bounds[frame + 1] + 6
        other = data[middle + 1 : end + 1]
        if end < bounds[frame + 2] - 1 and middle - start > 8 and data[middle - 7 : middle - 1] != other:
            data[middle - 7 : middle - 1] = other
            stream.hit(middle - 7)
            stream.touched.add(frame)
    stream.data = bytes(data)


DAMAGE: tuple[Callable[[random.Random, Stream], None], ...] = (flip, replace, cut, insert, noise_between, swap)


def check(frames: list[Frame], stream: Stream, out: list[Frame]) -> None:
    """Compare what came out with what was sent.

    Raises:
        Broken: something came out that was not sent, twice, or out of order; or something untouched did not.
    """
    last, seen = -1, set()
    for frame in out:
        at = frame.aux
        if at >= FRAMES or frame != frames[at]:
            raise Broken(f"came out but was never sent: {frame}")
        if at <= last:
            raise Broken(f"frame {at} came out after frame {last}")
        last = at
        seen.add(at)
    lost = set(range(FRAMES)) - seen - stream.touched
    if lost:
        raise Broken(f"sent undamaged, did not come out: {sorted(lost)}")


def feed(deframer: Deframer, data: bytes, chance: random.Random) -> list[Frame]:
    """Give the bytes as a port gives them: whole, in pieces of a packet, or in tiny pieces."""
    step = chance.choice([len(data), 4_096, 512, 64, 61])
    out = []
    for at in range(0, len(data), step):
        out += deframer.feed(data[at : at + step])
    return out


def run(seed: int, inputs: int, tally: Tally | None = None) -> Tally:
    """Try at least so many inputs; the seed decides all of them.

    Raises:
        Broken: with seed and round, so that it can be run again.
    """
    tally = tally or Tally()
    chance = random.Random(f"stream/{seed}")
    pool = Pool(chance)
    goal = tally.inputs + inputs
    rounds = 0
    while tally.inputs < goal:
        damage = DAMAGE[rounds % len(DAMAGE)]
        frames, stream = pool.draw()
        damage(chance, stream)
        stream.touched &= set(range(FRAMES))
        deframer = Deframer()
        began_s = time.process_time()
        # A frame cut off at the end stays open until the next delimiter.
        out = feed(deframer, stream.data, chance) + deframer.feed(b"\0")
        tally.decode_cpu_s += time.process_time() - began_s
        try:
            check(frames, stream, out)
        except Broken as broken:
            raise Broken(f"seed {seed}, round {rounds}, {damage.__name__}: {broken}") from None
        if len(deframer._block) > ENCODED_SIZE_MAX:
            raise Broken(f"seed {seed}, round {rounds}: {len(deframer._block)} bytes are kept")
        tally.inputs += FRAMES + stream.noise
        tally.damaged += len(stream.touched) + stream.noise
        rounds += 1
    return tally
