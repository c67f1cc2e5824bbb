from dataclasses import dataclass, field
from random import Random
from typing import Any

import pytest

from simulator.physics import GunBody, Injection, Stroke, StrokeEnded, StrokeLabel


def label(seq: int, kind: Any = "TREAT") -> StrokeLabel:
    return StrokeLabel(kind=kind, gun_uid="a0" * 12, log_epoch=1, shot_seq=seq, grant_no=7, area_code=3)


def order(seq: int, **changes: Any) -> Stroke:
    usual: dict[str, Any] = {
        "label": label(seq),
        "depth_um": 1_500,
        "needle_speed_um_per_s": 100_000,
        "dose_nl": 10_000,
        "flow_nl_per_s": 200_000,
        "pl_per_um": 114_231,
        "dwell_ms": 10,
    }
    return Stroke(**(usual | changes))


@dataclass
class Gun:
    """A body, what it told and what it reported, and a clock."""

    seed: int = 1
    parts: dict[str, Any] = field(default_factory=dict)
    now_us: int = 0
    seq: int = 0
    truth: list[Injection] = field(default_factory=list)
    events: list[Any] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.body = GunBody(chance=Random(self.seed), on_injection=self.truth.append, **self.parts)

    def wait(self, us: int) -> list[Any]:
        """Let time pass event by event, as the firmware does."""
        end_us, told = self.now_us + us, []
        while (due_us := self.body.next_event_us()) is not None and due_us <= end_us:
            self.now_us = max(self.now_us, due_us)
            told += self.body.advance(due_us)
        self.now_us = end_us
        self.events += told
        return told

    def start(self, **changes: Any) -> Stroke:
        self.seq += 1
        stroke = order(self.seq, **changes)
        self.body.start_stroke(self.now_us, stroke)
        return stroke

    def shot(self, **changes: Any) -> tuple[StrokeEnded, Injection]:
        """A whole stroke, or what became of it when the body stopped by itself and was told to stop."""
        self.start(**changes)
        told = self.wait(300_000)
        if not any(isinstance(event, StrokeEnded) for event in told):
            self.body.stop_stroke(self.now_us)
            told += self.wait(300_000)
        [ended] = [event for event in told if isinstance(event, StrokeEnded)]
        return ended, self.truth[-1]


@pytest.fixture
def gun() -> Gun:
    made = Gun()
    made.body.set_contact(0, True)
    made.body.advance(0)
    return made


@pytest.fixture
def make_gun() -> type[Gun]:
    return Gun


@pytest.fixture
def make_label():
    return label
