"""The link engine and a simulated gun on one virtual clock, and somebody in the middle of their cable."""

from random import Random

import pytest

from drivers.link import LinkEngine
from drivers.link_events import Answered
from drivers.outcome import Done
from protocols.wire.codes import GrantKind
from protocols.wire.frame import decode_block
from protocols.wire.messages import GrantSet, Heartbeat, Hello, HelloReply, Settings, Takeover
from simulator.firmware import MemoryStore
from simulator.firmware.nvm import NVM_SIZE
from simulator.gun import SimulatedGun

MS = 1_000
HOST_ID = bytes([0xC0]) * 16
KEY = bytes(range(0xA0, 0xB0))
OTHER_KEY = bytes(16)


def pass_on(frame):
    return [frame]


class Cable:
    """A host, a gun, and a man in the middle.

    Attributes:
        to_gun: Given each frame of the host, returns the frames that go on; likewise `to_host`.
        said: Frames as the host sent them; `told`: as the gun sent them.
        events: What the engine gave.
    """

    def __init__(self, *, gun_key=KEY, host_key=KEY, store=None, seed="1"):
        self.store = store or MemoryStore(NVM_SIZE)
        self.truth = []
        self.gun = SimulatedGun(
            name="auth", seed=seed, store=self.store, on_injection=self.truth.append, link_key=gun_key
        )
        self.uid = bytes.fromhex(self.gun.firmware.gun_uid_text)
        self.engine = LinkEngine(HOST_ID, {} if host_key is None else {self.uid: host_key})
        self.to_gun = self.to_host = pass_on
        self.said, self.told, self.events = [], [], []
        self.now_us = self.tags = self.beats = 0
        self.beating = False
        self.hello = None
        self.run(1_500 * MS)  # its needle is home then
        self.engine.opened(self.now_us)

    def run(self, us):
        end_us = self.now_us + us
        while self.now_us < end_us:
            self.now_us += MS
            if self.beating and self.now_us % (100 * MS) == 0:
                self.beats += 1
                uptime_ms = self.engine._uptime_ms or 0
                self.engine.beat(self.now_us, Heartbeat(self.beats, uptime_ms, 1_000, 1, 1))
            while frame := self.engine.transmit(self.now_us):
                self.said.append(frame)
                for sent in self.to_gun(frame):
                    self.gun.feed(self.now_us, sent)
            self.gun.step(self.now_us)
            for block in self.gun.take(self.now_us).split(b"\0"):
                if block:
                    self.told.append(b"\0" + block + b"\0")
                    for sent in self.to_host(self.told[-1]):
                        self.hear(sent)
            self.events += self.engine.tick(self.now_us)

    def hear(self, data):
        got = self.engine.received(self.now_us, data)
        self.events += got
        return got

    def strike(self, data):
        """Give bytes to the gun from the middle, and return the frames that it answers."""
        before = len(self.told)
        self.gun.feed(self.now_us, data)
        self.run(5 * MS)
        return [decode_block(frame[1:-1]) for frame in self.told[before:]]

    def ask(self, request, us=4_000 * MS):
        self.tags += 1
        self.engine.ask(self.now_us, self.tags, request)
        end_us = self.now_us + us
        while self.now_us < end_us:
            for event in self.events:
                if isinstance(event, Answered) and event.tag == self.tags:
                    return event.outcome
            self.run(MS)
        raise AssertionError("no end")

    def greet(self):
        outcome = self.ask(self.engine.hello(Random(self.tags).randbytes(16)))
        self.hello = getattr(outcome, "body", None)
        return outcome

    def own(self):
        self.greet()
        assert isinstance(self.hello, HelloReply)
        return self.ask(Takeover(self.hello.owner_token, HOST_ID)).body.owner_token

    def arm(self):
        """Take the gun over and give it a grant, kept alive by heartbeats."""
        token = self.own()
        settings = Settings(
            area_code=7, mode=1, pins=1, depth_um=1_500, dose_nl=10_000, flow_nl_per_s=400_000, interval_ms=111,
            dwell_ms=10, antidrip_nl=0, burst_shots=1, contact_gate=1, suction_threshold_pa=0, suction_mode=0,
            trigger_mask=1, max_pressure_pa=2_000_000, needle_speed_um_per_s=200_000, syringe_geometry_id=7,
            needle_type_id=4, head_type_id=1, head_instance=0, product_tag8=bytes(8), cal_hash8=self.hello.cal_hash8,
        )  # fmt: skip
        hash8 = self.ask(settings).body.settings_hash8
        grant = GrantSet(
            grant_no=self.hello.last_grant_no + 1, expect_head_seq=self.hello.head_seq, owner_token=token,
            kind=GrantKind.TREAT, area_code=7, settings_hash8=hash8, max_shots=3, max_nl=30_000, lease_ms=1_000,
            valid_s=60, not_after_uptime_ms=self.engine._uptime_ms + 900, session_tag8=bytes(8),
        )  # fmt: skip
        assert isinstance(self.ask(grant), Done)
        self.beating = True
        self.run(100 * MS)
        return grant

    @property
    def standing(self):
        """What no frame without the key may change."""
        firmware = self.gun.firmware
        return bytes(self.store.data), firmware.state, firmware.remaining_shots, firmware.alarms


def is_hello_reply(frame):
    return decode_block(frame[1:-1]).type == Hello.TYPE | 0x80


class Tools:
    Cable = Cable
    KEY = KEY
    OTHER_KEY = OTHER_KEY
    MS = MS
    is_hello_reply = staticmethod(is_hello_reply)


@pytest.fixture(scope="session")
def kit():
    return Tools
