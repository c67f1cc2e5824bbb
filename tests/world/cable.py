"""The wire of the simulated world: what each fault does to a chunk of bytes on its way."""

from protocols.wire.codes import MAJOR
from protocols.wire.frame import REPLY, Deframer, encode_frame
from protocols.wire.messages import EVENTS, REQUESTS, STATE_CHANGING, Hello, HelloReply, Takeover
from protocols.wire.replies import unpack_reply
from tests.world.dice import Dice, Draw
from tests.world.faults import at

NAMES = {
    **{code: kind.__name__ for code, kind in EVENTS.items()},
    **{code: kind.__name__ for code, kind in REQUESTS.items()},
    **{code | REPLY: f"{kind.__name__}Reply" for code, kind in REQUESTS.items()},
    0x3F: "Stop",
}
CHANGED = frozenset(code | REPLY for code in STATE_CHANGING)
OTHER = {"h2g": "g2h", "g2h": "h2g"}
INTRUDER_ASKS = 60_001  # the first request number of a second host; no host of ours counts so far (I-49)


class BadCable:
    """Both ways of one cable.

    Args:
        world: Delivers bytes, opens and closes the port, and knows the time.
        dice: When what happens.
    """

    def __init__(self, world, dice: Dice) -> None:
        self._world = world
        self._dice = dice
        self._ways = {way: dice.place(way, at("wire")) for way in OTHER}
        self._replies = dice.place("reply", at("reply"))
        self._held: dict[str, bytes] = {"h2g": b"", "g2h": b""}
        self.dead_until_us = 0  # half open: bytes vanish
        self.foreign = False  # the port leads elsewhere
        self._intruder: Deframer | None = None
        self._intruder_id = bytes(16)

    def heal(self) -> None:
        """The cable is good from now on."""
        self.dead_until_us = 0
        self.foreign = False

    def put(self, way: str, chunk: bytes) -> None:
        """Bytes are written at one end."""
        world = self._world
        code = chunk[3] if len(chunk) > 3 else 0
        place = self._ways[way]
        place.count += 1
        nth = world.nth(code if way == "h2g" else code + 256)
        if self._intruder is not None and way == "g2h":
            self._intrude(chunk)
        if self.dead_until_us > world.now_us or self.foreign:
            return
        if code in CHANGED and way == "g2h":
            self._replies.count += 1
            if self._replies.count >= self._replies.due and not _to_intruder(chunk):
                what = f"{way}:{NAMES.get(code, code)}/{world.where(nth)}"
                if self._reply(self._replies.met(), what, chunk):
                    return
        if place.count >= place.due:
            what = f"{way}:{NAMES.get(code, code)}/{world.where(nth)}"
            for kind in place.met():
                draw = self._dice.happens(kind, what)
                if draw is not None:
                    world.met(kind)
                    changed = self._harm(kind, draw, way, chunk)
                    if changed is None:
                        return
                    chunk = changed
        held = self._held[way]
        if held:
            self._held[way] = b""
            chunk = held + chunk
        world.deliver(way, chunk)

    def _reply(self, kinds: list[str], what: str, chunk: bytes) -> bool:
        """What may happen to a reply; True when it does not arrive in the usual way."""
        world = self._world
        for kind in kinds:
            draw = self._dice.happens(kind, what)
            if draw is None:
                continue
            world.met(kind)
            if kind == "reply_lost_after_effect":
                return True
            if kind == "reply_late":
                world.stray("g2h", chunk, draw.between(150_000, 2_500_000))
                return True
            world.stray("g2h", chunk, draw.between(1_000, 500_000))
        return False

    def _harm(self, kind: str, draw: Draw, way: str, chunk: bytes) -> bytes | None:
        """Do it; return the bytes that go on, or None when none do."""
        world = self._world
        match kind:
            case "drop":
                return None
            case "flip":
                bit = draw.below(len(chunk) * 8)
                flipped = bytearray(chunk)
                flipped[bit >> 3] ^= 1 << (bit & 7)
                return bytes(flipped)
            case "dup":
                world.deliver(way, chunk)
            case "trunc":
                return chunk[: draw.below(len(chunk))]
            case "split" | "partial_write":
                cut = 1 + draw.below(max(1, len(chunk) - 1))
                world.deliver(way, chunk[:cut])
                world.deliver(way, chunk[cut:], 5_000 if kind == "split" else draw.between(1_000, 80_000))
                return None
            case "coalesce":
                if not self._held[way]:
                    self._held[way] = chunk
                    world.later(40_000, lambda: self._let_go(way), host=False)
                    return None
            case "stall":
                world.deliver(way, b"", draw.between(20_000, 1_200_000))
            case "garbage":
                world.deliver(way, draw.bytes(1 + draw.below(32)))
            case "echo":
                world.deliver(OTHER[way], chunk)
            case "reorder_stale":
                world.stray(way, chunk, draw.between(100_000, 2_500_000))
            case "baud_wrong":
                return draw.bytes(min(32, len(chunk)))
            case "half_open":
                self.dead_until_us = world.now_us + draw.between(300_000, 4_000_000)
                return None
            case "unplug":
                world.unplug(draw.between(50_000, 5_000_000))
                return None
            case "loose_contact":
                world.unplug(draw.between(10_000, 100_000))
                return None
            case "wrong_port":
                self.foreign = True
                world.unplug(100_000)
                world.later(draw.between(500_000, 4_000_000), self._right_port, host=False)
                return None
            case "gun_reset":
                world.reset_gun(anew=draw.below(4) == 0)
        return chunk

    def _let_go(self, way: str) -> None:
        held, self._held[way] = self._held[way], b""
        if held:
            self._world.deliver(way, held)

    def _right_port(self) -> None:
        self.foreign = False
        self._world.unplug(100_000)

    # --- a second host on the same line -----------------------------------------------------------

    def second_host(self, draw: Draw) -> None:
        """Another host says HELLO, and takes the gun over once it is answered."""
        self._intruder = Deframer()
        self._intruder_id = draw.bytes(16)
        hello = Hello(draw.bytes(16), MAJOR, MAJOR, self._intruder_id)
        self._world.deliver("h2g", encode_frame(Hello.TYPE, INTRUDER_ASKS, 0, 0, hello.pack()))

    def _intrude(self, chunk: bytes) -> None:
        for frame in self._intruder.feed(chunk) if self._intruder is not None else ():
            if frame.type == Hello.TYPE | REPLY and frame.req_id == INTRUDER_ASKS:
                reply = unpack_reply(Hello.TYPE, frame.payload).body
                if isinstance(reply, HelloReply):
                    takeover = Takeover(reply.owner_token, self._intruder_id)
                    request = encode_frame(Takeover.TYPE, INTRUDER_ASKS + 1, reply.session, 0, takeover.pack())
                    self._world.deliver("h2g", request)
                    self._intruder = None


def _to_intruder(chunk: bytes) -> bool:
    """Whether a reply answers the other host: to this one it is noise."""
    return any(frame.req_id >= INTRUDER_ASKS for frame in Deframer().feed(chunk))
