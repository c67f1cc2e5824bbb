"""A gun that lies in whole frames: everything it says may be changed on the way, with a good CRC, or said again.

The host behind it is the real one: link engine, session engine and store. Whatever is said to it, it does not fall
over, and no injection gets into the log that did not happen.
"""

import random

from msgspec.structs import replace

from meso_device.audit import canonical
from protocols.treatment.library import load_library
from protocols.wire.frame import REPLY, Deframer, Frame
from protocols.wire.messages import EVENTS, REPLIES
from tests.fuzz.attacker import reframed
from tests.world.rig import Rig

PLAN = load_library("practice").plan()
TURNS_MAX = 60_000


class LyingWire(Rig):
    """A session whose gun is honest and whose line is not.

    Args:
        seed: Decides everything.
        rate: Share of the gun's frames that are changed.
    """

    def __init__(self, seed: int, rate: float) -> None:
        areas = tuple(replace(area, points=6) for area in PLAN.areas[:2])
        super().__init__(replace(PLAN, areas=areas), seed=seed)
        self.lies = random.Random(f"lies/{seed}")
        self.rate = rate
        self.told = 0
        self.heard: list[Frame] = []
        self.deframer = Deframer()

    def from_gun(self, now_us: int, data: bytes) -> None:
        """Deliver what the gun said, or something else."""
        for frame in self.deframer.feed(data):
            self.heard.append(frame)
            for said in self._say(frame):
                super().from_gun(now_us, reframed(said))

    def _say(self, frame: Frame) -> list[Frame]:
        chance = self.lies
        if chance.random() >= self.rate:
            return [frame]
        self.told += 1
        match chance.randrange(10):
            case 0:
                return [frame, frame]
            case 1:
                return [chance.choice(self.heard[-200:]), frame]
            case 2:
                return [replace(frame, req_id=(frame.req_id + chance.choice([-1, 1, 7])) & 0xFFFF)]
            case 3:
                return [replace(frame, session=chance.choice([0, frame.session ^ 1, chance.getrandbits(32)]))]
            case 4:
                return [replace(frame, aux=chance.choice([0, 0xFFFFFFFF, chance.getrandbits(32)]))]
            case 5:
                return [replace(frame, payload=frame.payload[: chance.randrange(len(frame.payload) + 1)])]
            case 6:
                return [self._event(), frame]
            case _:
                return [replace(frame, payload=twisted(chance, frame))]

    def _event(self) -> Frame:
        kind = self.lies.choice([*EVENTS.values()])
        return Frame(0x10, kind.TYPE, 0, 0, self.lies.getrandbits(32), self.lies.randbytes(kind.SIZE))

    def survive(self, seconds: int) -> None:
        """Run for so long, as one that starts again when the session is given up."""
        self.run_session()
        end_us, turns = self.now_us + seconds * 1_000_000, 0
        while self.now_us < end_us:
            turns += 1
            if turns > TURNS_MAX:
                raise AssertionError(f"{turns} turns in {seconds} s: host and gun only talk to each other")
            self.turn()
            if self.autopilot is not None and self.autopilot.given_up:
                self.kill_host()
                if not self.resume_session():
                    self.run_session()

    def judge(self) -> None:
        """Everything in the log has happened, once, as it says."""
        truth = {shot.label.shot_seq: shot for shot in self.truth if shot.label.shot_seq}
        rows = [
            canonical.parse(raw) for (raw,) in self.store._db.execute("SELECT body FROM record WHERE kind = 'shot'")
        ]
        keys = [(row["gun"]["gun_uid"], row["gun"]["log_epoch"], row["shot_seq"]) for row in rows]
        if len(keys) != len(set(keys)):
            raise AssertionError(f"twice in the log: {sorted(keys)}")
        for row in rows:
            shot = truth.get(row["shot_seq"])
            if shot is None:
                raise AssertionError(f"in the log, and never happened: {row}")
            if not row["dose_lo_nl"] <= shot.dose_nl <= row["dose_hi_nl"]:
                raise AssertionError(f"{shot.dose_nl} nL, but the log says {row}")


def twisted(chance: random.Random, frame: Frame) -> bytes:
    """Change one to three fields of a body, or of the head of a reply, to an edge, nearby, or anything."""
    data = bytearray(frame.payload)
    body = REPLIES.get(frame.type & 0x7F) if frame.type & REPLY else EVENTS.get(frame.type)
    head = 4 if frame.type & REPLY else 0
    places = sorted({0, 1, 2, *(head + at for at in body.OFFSETS.values())} if body else {0, 1, 2})
    for _ in range(chance.choice([1, 1, 2, 3])):
        index = chance.randrange(len(places))
        start, end = places[index], [*places, len(data)][index + 1]
        size = min(end, len(data)) - start
        if size <= 0:
            continue
        if size > 8 and chance.random() < 0.7:  # a block, or slots: some bytes of it
            start += chance.randrange(size - 4)
            size = chance.choice([1, 2, 4])
        near = (int.from_bytes(data[start : start + size], "little") + chance.choice([-1, 1, 2])) % (1 << 8 * size)
        data[start : start + size] = chance.choice(
            [bytes(size), b"\xff" * size, chance.randbytes(size), near.to_bytes(size, "little")]
        )
    return bytes(data)


def run(seed: int, seconds: int = 20) -> LyingWire:
    """Run one session under lies and judge it; the seed decides the rate, too."""
    rig = LyingWire(seed, (0.01, 0.02, 0.05, 0.1, 0.3)[seed % 5])
    rig.survive(seconds)
    rig.judge()
    return rig
