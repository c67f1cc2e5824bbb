"""Hostile frames at both ends of an authenticated link: none ends it, and what bears no right tag changes nothing.

A session is under way on a gun with a link key when time stops. Then frames come, to either end: of chance, made of
those that were said, without a tag, with a wrong one, cut, of any type, version and length; and at last, as if the key
were known, with a right tag and contents of chance. No frame may raise, and nothing that is kept may grow.
"""

import random
import tracemalloc
from collections import Counter

from msgspec.structs import replace

from drivers.link import QUEUE_MAX
from protocols.treatment.library import load_library
from protocols.wire.frame import ENCODED_SIZE_MAX, PAYLOAD_SIZE_MAX, TYPE_ESTOP, Deframer, Frame
from protocols.wire.messages import EVENTS, REPLIES, REQUESTS, BootEvent
from protocols.wire.seal import (
    FROM_GUN,
    FROM_HOST,
    LINK_KEY_SIZE,
    SEALED_PAYLOAD_SIZE_MAX,
    TAG_SIZE,
    TAGGED,
    open_frame,
    seal_frame,
)
from simulator.firmware.outbox import EVENTS_MAX, REPLIES_MAX
from tests.fuzz.attacker import reframed
from tests.world.attacker import gun_standing, host_standing
from tests.world.rig import Rig

PLAN = load_library("practice").plan()
TYPES = sorted({*REQUESTS, *EVENTS, *(kind | 0x80 for kind in REPLIES), 0x00, 0x2F, 0x7F, 0xFF} - {TYPE_ESTOP})
GROWN_MAX = 64 * 1024  # the allocator's own; a frame kept each time would be 100 times as much
_IN_FLIGHT_MAX = 5


class Sealed:
    """Both ends, and whatever comes to them.

    Args:
        seed: Decides everything.

    Attributes:
        sent: How many frames of each sort were sent to each end.
    """

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(f"sealed/{seed}")
        self.rig = rig = Rig(PLAN, seed=seed, link_key=self.chance.randbytes(LINK_KEY_SIZE))
        self.said: dict[bytes, list[Frame]] = {FROM_HOST: [], FROM_GUN: []}
        carry, cut = rig.carry, {FROM_HOST: Deframer(), FROM_GUN: Deframer()}

        def listening(way: str, chunk: bytes) -> None:
            sender = FROM_HOST if way == "h2g" else FROM_GUN
            self.said[sender] += cut[sender].feed(chunk)
            carry(way, chunk)

        rig.carry = listening
        rig.run_session()
        if not rig.run(lambda: len(rig.truth) >= 2 and rig.gun.firmware.credit is not None):
            raise AssertionError("the session did not begin")
        rig.carry = carry
        rig.run(lambda: not rig._heap or rig._heap[0][0] > rig.now_us)  # nothing is due now
        self.sent: Counter[str] = Counter()

    @property
    def _key(self) -> bytes:
        seal = self.rig.link._seal
        if seal is None:
            raise AssertionError("the link is not authenticated any more")
        return seal.key

    def run(self, frames: int) -> None:
        """Send so many frames without a right tag, then a fifth as many with one."""
        for number in range(frames):
            self._unproven(self.chance.choice((FROM_HOST, FROM_GUN)))
            if number == frames // 4:
                tracemalloc.start()
        grown = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        if grown > GROWN_MAX:
            raise AssertionError(f"{grown} bytes more are kept after {frames} frames")
        key = self._key
        for _ in range(frames // 5):
            self._proven(self.chance.choice((FROM_HOST, FROM_GUN)), key)

    def _unproven(self, sender: bytes) -> None:
        """Send a frame that the key did not make, and look that nothing has changed."""
        rig, raw = self.rig, self._make(sender)
        for frame in Deframer().feed(raw):
            if frame.type == TYPE_ESTOP or open_frame(self._key, sender, frame) is not None:  # type: ignore[arg-type]
                return  # it was said so, or is STOP
        link, desk, gun = rig.link, rig.engine._desk, rig.gun
        if sender == FROM_HOST:
            before: object = gun_standing(gun, rig.nvm.data)
            self._to_gun(raw)
            after: object = gun_standing(gun, rig.nvm.data)
        else:
            before = host_standing(link, desk)
            events = link.received(rig.host_us, raw)
            if any(not isinstance(getattr(event, "event", None), BootEvent) for event in events):
                raise AssertionError(f"the host took {events} from {raw.hex()}")
            after = host_standing(link, desk)
        if after != before:
            raise AssertionError(f"changed by {raw.hex()}")
        self.sent[f"unproven from {sender.decode()}"] += 1
        self._bounded()

    def _proven(self, sender: bytes, key: bytes) -> None:
        """Send contents of chance under a right tag: whoever made them, neither end falls over."""
        chance, last = self.chance, self.chance.choice(self.said[sender])
        payload = chance.choice((last.payload[:-TAG_SIZE], chance.randbytes(chance.randrange(SEALED_PAYLOAD_SIZE_MAX))))
        raw = seal_frame(
            key,
            sender,  # type: ignore[arg-type]
            chance.choice((last.type, chance.choice(TYPES))),
            chance.choice((last.req_id, last.req_id + 1 & 0xFFFF, chance.getrandbits(16))),
            chance.choice((last.session, self.rig.link.session, chance.getrandbits(32))),
            chance.getrandbits(32),
            payload,
        )
        if sender == FROM_HOST:
            self._to_gun(raw)
        else:
            self.rig.link.received(self.rig.host_us, raw)
        self.sent[f"proven from {sender.decode()}"] += 1
        self._bounded()

    def _to_gun(self, raw: bytes) -> None:
        gun, now_us = self.rig.gun, self.rig.now_us
        gun.feed(now_us, raw)
        gun.step(now_us)
        gun.take(now_us)

    def _make(self, sender: bytes) -> bytes:
        """Return the bytes of one hostile frame, with a right CRC mostly."""
        chance = self.chance
        frame = chance.choice(self.said[chance.choice((sender, sender, FROM_HOST, FROM_GUN))][-400:])
        match chance.randrange(8):
            case 0:
                frame = replace(frame, payload=frame.payload[: chance.randrange(len(frame.payload) + 1)])
            case 1:
                frame = replace(frame, ver_flags=chance.choice((0x10, TAGGED, 0x20, 0x28, 0x1F, chance.randrange(256))))
            case 2:
                frame = replace(frame, payload=frame.payload[:-TAG_SIZE], ver_flags=0x10)
            case 3:
                frame = replace(frame, payload=frame.payload[:-TAG_SIZE] + chance.randbytes(TAG_SIZE))
            case 4:
                frame = replace(frame, payload=chance.randbytes(chance.randrange(PAYLOAD_SIZE_MAX + 1)))
            case 5:
                frame = replace(frame, type=chance.choice(TYPES), req_id=chance.getrandbits(16))
            case 6:
                frame = replace(frame, session=chance.getrandbits(32), aux=chance.getrandbits(32))
            case _:
                raw = bytearray(reframed(frame))
                raw[chance.randrange(1, len(raw))] ^= 1 << chance.randrange(8)
                return bytes(raw) + b"\0"
        return reframed(frame)

    def _bounded(self) -> None:
        link, firmware = self.rig.link, self.rig.gun.firmware
        outbox = firmware._board.outbox
        kept = (
            len(link._deframer._block) <= ENCODED_SIZE_MAX
            and len(firmware._deframer._block) <= ENCODED_SIZE_MAX
            and link._calls.queued <= QUEUE_MAX
            and len(link._calls.flight) <= _IN_FLIGHT_MAX
            and len(outbox._replies) <= REPLIES_MAX
            and len(outbox._events) <= EVENTS_MAX
        )
        if not kept:
            raise AssertionError("more is kept than has a bound")


def run(seed: int, frames: int) -> Counter[str]:
    """Run one seed and return how many frames of each sort were sent."""
    sealed = Sealed(seed)
    sealed.run(frames)
    return sealed.sent
