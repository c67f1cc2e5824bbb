"""Somebody in the middle of the cable of a gun with a link key, who has everything but the key.

He hears every frame, and plays what was heard again, to either end; he changes bits and puts the CRC right, cuts tags
off, makes frames of his own with the right numbers, and sends STOP. What he may come to is little (SPEC.md, 21): a
link that must be made anew, a session of his own that reads, and the gun stopped. Whatever he gives to an end is looked
at there and then: an end that has changed by it is a finding, I-60.

A HELLO of another gun_uid he does not forge: to the host that is another gun (decision 36).
"""

from collections import deque
from collections.abc import Sequence
from zlib import crc32

from cobs import cobs
from msgspec.structs import replace

from drivers.link import LinkEngine
from drivers.link_events import Answered, Heard, LinkEvent
from drivers.outcome import Done
from meso_device.session.desk import Desk
from protocols.wire.codes import Capability, Code
from protocols.wire.frame import (
    PAYLOAD_SIZE_MAX,
    REPLY,
    STOP_FRAME,
    TYPE_ESTOP,
    VERSION_BYTE,
    Frame,
    decode_block,
    encode_frame,
)
from protocols.wire.messages import EVENTS, REQUESTS, STATE_CHANGING, BootEvent, GrantSet, Heartbeat, Hello, HelloReply
from protocols.wire.replies import unpack_reply
from protocols.wire.seal import TAG_SIZE, TAGGED
from simulator.gun import SimulatedGun
from tests.world.cable import NAMES, OTHER
from tests.world.dice import Dice, Draw
from tests.world.faults import at

LATE_US = 2_000_000  # longer than any lease: what was valid then is old
HEARD_MAX = 2_000
U32 = 0xFFFFFFFF
_ASKED = sorted(STATE_CHANGING | {Heartbeat.TYPE})
_TOLD = sorted(EVENTS)


def frames_of(chunk: bytes) -> list[bytes]:
    """Each block of a chunk with its delimiters."""
    return [b"\0" + block + b"\0" for block in chunk.split(b"\0") if block]


class Attacker:
    """The one in the middle.

    Args:
        world: Whose cable it is.
        dice: When he does what.
    """

    def __init__(self, world, dice: Dice) -> None:
        self._world = world
        self._dice = dice
        self._place = dice.place("attack", at("attack"))
        self._taken: dict[str, deque[bytes]] = {way: deque(maxlen=HEARD_MAX) for way in OTHER}
        self._last = Frame(TAGGED, 0, 0, 0, 0, b"")  # newest request that passed
        self._payloads: dict[int, bytes] = {}  # newest of each type
        self._uptime_ms = 0

    # --- what he sees ---------------------------------------------------------------------------

    def sees(self, way: str, chunk: bytes) -> None:
        """Bytes pass on their way; he may do something about them."""
        world, place = self._world, self._place
        place.count += 1
        code = chunk[3] if len(chunk) > 3 else 0
        nth = world.nth(("attack", way, code))
        frames = frames_of(chunk)
        self._learn(way, frames)
        if place.count < place.due:
            return
        for kind in place.met():
            draw = self._dice.happens(kind, f"{way}:{NAMES.get(code, code)}/{world.where(nth)}")
            if draw is not None:
                world.met(kind)
                self._act(kind, draw, way, frames[draw.below(len(frames))])

    def _learn(self, way: str, frames: Sequence[bytes]) -> None:
        for raw in frames:
            frame = decode_block(raw[1:-1])
            if frame is None or frame.type == TYPE_ESTOP:
                continue
            self._payloads[frame.type] = frame.payload[:-TAG_SIZE] if frame.ver_flags == TAGGED else frame.payload
            if way == "g2h":
                self._uptime_ms = frame.aux
            elif frame.session:
                # A heartbeat has no number: what is forged after it counts on from the request before.
                self._last = frame if frame.req_id else replace(frame, req_id=self._last.req_id)

    def was_taken(self, way: str, data: bytes) -> None:
        """An end has taken these frames: from now on they are old."""
        self._taken[way].extend(frame for frame in frames_of(data) if decode_block(frame[1:-1]) is not None)

    # --- what he does ---------------------------------------------------------------------------

    def _act(self, kind: str, draw: Draw, way: str, frame: bytes) -> None:
        match kind:
            case "attack_replay":
                old = self._taken[way]
                if old:
                    self._give(way, old[draw.below(len(old))], draw.below(LATE_US))
            case "attack_reflect":
                self._give(OTHER[way], frame, draw.below(LATE_US))
            case "attack_alter":
                self._give(way, _altered(frame, draw), 0)
            case "attack_strip":
                self._give(way, _stripped(frame), 0)
            case "attack_forge":
                forged = self._request(draw) if way == "h2g" else self._word(draw)
                self._give(way, forged, draw.below(20_000))
            case "attack_stop":
                self._give("h2g", STOP_FRAME, draw.below(300_000))

    def _give(self, way: str, frame: bytes, after_us: int) -> None:
        """Let a frame arrive past what is on the line: ahead of the one that passes, or late."""
        strike = self._strike_gun if way == "h2g" else self._strike_host
        if frame:
            self._world.later(after_us, lambda: strike(frame), host=False)

    def _request(self, draw: Draw) -> bytes:
        """Return a change of the gun that would be due, without a tag or with one of chance."""
        last, kind = self._last, _ASKED[draw.below(len(_ASKED))]
        req_id = 0 if kind == Heartbeat.TYPE else (last.req_id + 1 + draw.below(3)) & 0xFFFF
        return _frame(kind, req_id, last.session, last.aux, self._fresh(kind), _no_tag(draw))

    def _word(self, draw: Draw) -> bytes:
        """Return an event or a reply that would be due, without a tag or with one of chance."""
        if draw.below(3):
            kind = _TOLD[draw.below(len(_TOLD))]
            payload = self._payloads.get(kind, bytes(EVENTS[kind].SIZE))
            if kind == BootEvent.TYPE and draw.below(2):
                payload = BootEvent(1 + draw.below(9), 1, 0).pack()
            tag = _no_tag(draw)
            uptime_ms = self._uptime_ms + 10 + draw.below(1_000_000)
            return _frame(kind, 0, 1_000_000 if tag else 0, uptime_ms, payload, tag)
        last = self._last
        kind = last.type | REPLY
        payload = self._payloads.get(kind, bytes([Code.OK, 0, 0, 0]))
        if draw.below(2):
            payload = bytes([(Code.E_SESSION, Code.E_FENCED, Code.E_STATE)[draw.below(3)], 0, 0, 0])
        return _frame(kind, last.req_id, last.session, self._uptime_ms + 10, payload, _no_tag(draw))

    def _fresh(self, kind: int) -> bytes:
        """Return a payload that the gun would take now, as well as he can know."""
        payload = self._payloads.get(kind) or bytes(REQUESTS[kind].SIZE)
        if kind == Heartbeat.TYPE:
            beat = Heartbeat.unpack(payload)
            return replace(beat, hb_no=beat.hb_no + 1 & U32, echo_uptime_ms=self._uptime_ms).pack()
        if kind == GrantSet.TYPE:
            grant = GrantSet.unpack(payload)
            date_ms = self._uptime_ms + 400 & U32
            return replace(grant, grant_no=grant.grant_no + 1 & U32, not_after_uptime_ms=date_ms).pack()
        return payload

    # --- what becomes of it ---------------------------------------------------------------------

    def _strike_gun(self, frame: bytes) -> None:
        """Give a frame to the gun, which must be afterwards as it was before, or stopped if it was STOP."""
        world = self._world
        gun = world.gun
        gun.feed(world.now_us, b"\0")  # whatever came before it is over, and done
        for _ in range(3):
            world.step_gun()
        if not gun.firmware.powered:
            return
        before = gun_standing(gun, world.nvm.data)
        gun.feed(world.now_us, frame)
        gun.step(world.now_us)
        if _is_stop(frame):
            if gun.firmware.powered and not (gun.firmware._board.latch.latch_id and gun.firmware.credit is None):
                world.watch.found("I-60", "STOP without a tag did not stop the gun")
        elif gun_standing(gun, world.nvm.data) != before:
            world.watch.found("I-60", f"the gun was changed by a frame that nobody proved: {frame.hex()}")
        world.step_gun()

    def _strike_host(self, frame: bytes) -> None:
        """Give a frame to the host, which must believe nothing of it."""
        world = self._world
        if world._hung_until_us > world.now_us:
            world.later(world._hung_until_us - world.now_us, lambda: self._strike_host(frame), host=False)
            return
        link, desk = world.link, world.engine._desk
        world.from_gun(world.now_us, b"\0")
        while link._answers and world.port_open:
            world.hear(link.tick(world.host_us))  # what it has to tell of its own
        if not world.port_open:
            return
        before = host_standing(link, desk)
        events = link.received(world.host_us, frame)
        if bytes.fromhex(world.gun.firmware.gun_uid_text) not in world.link_keys:
            world.hear(events)  # after `uid_change` this is another gun, which was never paired
            return
        for event in events:
            if not _may_tell(event, proven=link._seal is not None):
                world.watch.found("I-60", f"the host took {type(event).__name__} from a frame that nobody proved")
        world.hear(events)
        world._host_due_us = world.now_us
        if host_standing(link, desk) != before:
            world.watch.found("I-60", f"the host was changed by a frame that nobody proved: {frame.hex()}")


def gun_standing(gun: SimulatedGun, memory: bytes) -> tuple[object, ...]:
    """Return all of a gun that only its owner may change, and what it counts its owner's frames by."""
    firmware, board = gun.firmware, gun.firmware._board
    owner, grant = board.sessions.owner, board.grants.newest
    return (
        (firmware.powered, board.state, board.boot_id, board.alarms.bits, board.latch.latch_id),
        grant and (grant.terms, grant.shots, grant.ended, grant.valid_until_us),
        (board.lease.due_us, board.lease._hb_no, board.settings.block, board.status_period_us),
        owner and (owner.number, owner.last_id, owner.last_reply),
        (board.sessions.owner_token, board.ring.head_seq, board.ring.released_seq),
        (board.trigger_count, board.in_service, board.shot is None, board.homing),
        bytes(memory),
    )


def host_standing(link: LinkEngine, desk: Desk) -> tuple[object, ...]:
    """Return all of a host that only the gun's own word may change."""
    return (
        (link.session, link._seal, link._heard_us, link._silence_us, link._uptime_ms),
        (link.stop_pending, link._stop.uptime_before_ms, link._latch, tuple(link._calls.flight)),
        (desk.uptime_ms, desk.uptime_heard_us, desk.latch_id, desk.status, desk.ended_grant, desk.owner_token),
    )


def _may_tell(event: LinkEvent, *, proven: bool) -> bool:
    """Whether an event may come of a frame that nobody proved: BOOT, or the end of a greeting that came to nothing."""
    if isinstance(event, Heard):
        return isinstance(event.event, BootEvent)
    return not proven and isinstance(event, Answered) and not isinstance(event.outcome, Done)


def _is_stop(frame: bytes) -> bool:
    """Whether a gun must stop at these bytes: STOP, or whatever has its type."""
    read = decode_block(frame[1:-1])
    return read is not None and read.type == TYPE_ESTOP


def _no_tag(draw: Draw) -> bytes:
    return draw.bytes(TAG_SIZE) if draw.below(2) else b""


def _frame(kind: int, req_id: int, session: int, aux: int, payload: bytes, tag: bytes) -> bytes:
    whole = payload[: PAYLOAD_SIZE_MAX - len(tag)] + tag
    return encode_frame(kind, req_id, session, aux, whole, ver_flags=TAGGED if tag else VERSION_BYTE)


def _altered(frame: bytes, draw: Draw) -> bytes:
    """Return a tagged frame with one bit changed and its CRC right; nothing of one that bears no tag."""
    read = decode_block(frame[1:-1])
    if read is None or read.ver_flags != TAGGED:
        return b""
    changed = bytearray(cobs.decode(frame[1:-1])[:-4])
    bit = draw.below(8 * len(changed))
    changed[bit >> 3] ^= 1 << (bit & 7)
    return b"\0" + cobs.encode(changed + crc32(changed).to_bytes(4, "little")) + b"\0"


def _stripped(frame: bytes) -> bytes:
    """Return a frame without what proves it: its tag, or the word that the gun has a key; nothing of any other."""
    read = decode_block(frame[1:-1])
    if read is None:
        return b""
    if read.ver_flags == TAGGED:
        return _frame(read.type, read.req_id, read.session, read.aux, read.payload[:-TAG_SIZE], b"")
    if read.type == Hello.TYPE | REPLY:
        reply = unpack_reply(Hello.TYPE, read.payload).body
        if isinstance(reply, HelloReply):
            keyless = replace(reply, capabilities=reply.capabilities & ~Capability.LINK_AUTH)
            return _frame(read.type, read.req_id, read.session, read.aux, read.payload[:4] + keyless.pack(), b"")
    return b""
