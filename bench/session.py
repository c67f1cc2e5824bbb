"""The whole chain at work: a full ring drained, ten minutes at 9 shots/s, a demonstration, the start of the command.

Real processes on a real PTY with a real log, but for the ten minutes, which pass on a virtual clock.
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path

from msgspec.structs import replace

from meso_device.host.run import RunRequest, run_session
from protocols.treatment.library import load_library
from protocols.wire.codes import GrantKind, Mode
from protocols.wire.frame import HEADER_SIZE
from protocols.wire.hashes import SLOT_SIZE
from protocols.wire.messages import LogReadReply
from simulator.firmware import NVM_SIZE
from simulator.firmware.ring import Intent, Outcome
from simulator.gun import SimulatedGun
from simulator.shells.memory import GunFile
from tests.world.rig import Rig

RING = 4_096
BAUD = 115_200
MESO = [sys.executable, "-m", "meso_device"]
DRAIN_PER_S_MIN = 3_000
WIRE_RATIO_MAX = 1.15
HELP_CPU_MS_MAX = 150
DEMO_SHOTS, HAND_PER_S, DEMO_RATIO_MAX = 60, 9, 1.3
SUSTAINED_S, BACKLOG_MAX = 600, 27
# A frame adds two delimiters and one COBS byte to header, payload and CRC; a reply's payload starts with 4 bytes.
FRAME_OVERHEAD = HEADER_SIZE + 4 + 3


def row(name, value, unit, floor_name, floor_value, ratio, target, *, ok) -> dict:
    return {
        "name": name,
        "value": value,
        "unit": unit,
        "floor_name": floor_name,
        "floor_value": floor_value,
        "ratio": ratio,
        "target": target,
        "ok": ok,
    }


def fill_ring(path: Path) -> None:
    """Leave a gun's file with a full ring that nobody has read."""
    file = GunFile(path, NVM_SIZE)
    gun = SimulatedGun(name=f"1/{file.birth}", seed="bench", store=file, on_injection=lambda _: None, body_state=None)
    board = gun.firmware._board
    for _ in range(RING):
        board.ring.begin(
            Intent(
                boot_id=board.boot_id,
                ticks_start_us=board.ticks_us,
                grant_no=0,
                settings_hash8=bytes(8),
                planned_nl=0,
                planned_depth_um=0,
                area_code=1,
                kind=GrantKind.SERVICE,
                trigger_source=0,
                pins=1,
                flags=4,
            )
        )
        board.ring.finish(
            Outcome(
                dose_lo_nl=0, dose_hi_nl=0, measured_depth_um=0, duration_ms=1, peak_pressure_kpa=0, phase=1, reason=0
            )
        )
    file.close()


@contextmanager
def simulated(directory: Path, *options: str):
    link = directory / "gun"
    gun = subprocess.Popen([*MESO, "simulate", "--link", str(link), *options], stdout=subprocess.PIPE, text=True)
    try:
        gun.stdout.readline()
        yield str(link)
    finally:
        gun.terminate()
        gun.wait()


class DrainWatch:
    """Notes when the log began to come and when all of it was durable, then ends the run by a signal."""

    def __init__(self) -> None:
        self.began_s = self.done_s = 0.0

    def notice(self, notice) -> None:
        pass

    def seen(self, view, now) -> None:
        if view.head_seq and not self.began_s:
            self.began_s = now.mono_us / 1e6
        if view.committed_seq >= RING and not self.done_s:
            self.done_s = now.mono_us / 1e6
            os.kill(os.getpid(), signal.SIGTERM)


def drain_s(*options: str) -> float:
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        fill_ring(directory / "nvm")
        with simulated(directory, "--nvm", str(directory / "nvm"), "--hand", "none", *options) as link:
            watch = DrainWatch()
            plan = load_library("practice").plan()
            run_session(RunRequest(root=directory / "home", command="bench", port=link, plan=plan), watch)
        return watch.done_s - watch.began_s


def wire_s() -> float:
    """Time that the pages of a full ring alone take on the line, in the busier direction."""
    pages = -(-RING // 3)
    reply = FRAME_OVERHEAD + 4 + LogReadReply.SIZE + 3 * SLOT_SIZE
    return pages * reply * 10 / BAUD


def drain_in_a_process_of_its_own_s(*options: str) -> float:
    """A host process drains one gun in its life; so does this."""
    code = f"from bench.session import drain_s; print(drain_s(*{options!r}))"
    return float(subprocess.run([sys.executable, "-c", code], check=False, stdout=subprocess.PIPE, text=True).stdout)


def bench_drain() -> list[dict]:
    unpaced = drain_in_a_process_of_its_own_s()
    paced, wire = drain_in_a_process_of_its_own_s("--baud", str(BAUD)), wire_s()
    return [
        row(
            "drain of a full ring, unpaced",
            RING / unpaced,
            "records/s",
            "required",
            DRAIN_PER_S_MIN,
            RING / unpaced / DRAIN_PER_S_MIN,
            1.0,
            ok=RING / unpaced >= DRAIN_PER_S_MIN,
        ),
        row(
            f"drain of a full ring at {BAUD} baud",
            paced,
            "s",
            "bytes on the wire",
            wire,
            paced / wire,
            WIRE_RATIO_MAX,
            ok=paced / wire <= WIRE_RATIO_MAX,
        ),
    ]


def bench_sustained() -> list[dict]:
    """Ten simulated minutes at 9 shots/s, dry so that no syringe runs empty: how far releases lag behind the gun."""
    plan = load_library("practice").plan()
    areas = tuple(
        replace(area, points=5_000, mode=int(Mode.DRY), dose_nl=0, flow_nl_per_s=0) for area in plan.areas[:2]
    )
    rig = Rig(replace(plan, areas=areas), seed=9)
    rig.run_session()
    worst = 0
    end_us = rig.now_us + SUSTAINED_S * 1_000_000
    at_cpu = time.process_time()
    while rig.now_us < end_us:
        rig.turn()
        worst = max(worst, rig.gun.firmware.head_seq - rig.gun.firmware.released_seq)
    shots = rig.gun.firmware.head_seq
    cpu_us = (time.process_time() - at_cpu) * 1e6 / shots
    return [
        row(
            "backlog, 10 simulated minutes",
            worst,
            "records",
            "rate",
            HAND_PER_S,
            worst / HAND_PER_S,
            3.0,
            ok=worst < BACKLOG_MAX,
        ),
        row(
            "shots a second meanwhile",
            shots / SUSTAINED_S,
            "1/s",
            "hand",
            HAND_PER_S,
            shots / SUSTAINED_S / HAND_PER_S,
            0.9,
            ok=shots / SUSTAINED_S >= 0.9 * HAND_PER_S,
        ),
        row("CPU a shot, host and gun together", cpu_us, "us", "none", 0, 0, None, ok=True),
    ]


def bench_help() -> list[dict]:
    used = []
    for _ in range(5):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([*MESO, "--help"], check=True, stdout=subprocess.DEVNULL)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used.append((after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime) * 1e3)
    cpu_ms = sorted(used)[2]
    return [
        row(
            "meso --help, CPU",
            cpu_ms,
            "ms",
            "allowed",
            HELP_CPU_MS_MAX,
            cpu_ms / HELP_CPU_MS_MAX,
            1.0,
            ok=cpu_ms <= HELP_CPU_MS_MAX,
        )
    ]


def bench_demo() -> list[dict]:
    with tempfile.TemporaryDirectory() as home:
        command = [*MESO, "demo", "--shots", str(DEMO_SHOTS), "--json", "--home", home]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    elapsed_s = json.loads(done.stdout.splitlines()[-1])["session_ms"] / 1e3
    hand_s = DEMO_SHOTS / HAND_PER_S
    return [
        row(
            "demo session of 60 shots",
            elapsed_s,
            "s",
            "the hand's own time",
            hand_s,
            elapsed_s / hand_s,
            DEMO_RATIO_MAX,
            ok=elapsed_s / hand_s <= DEMO_RATIO_MAX,
        )
    ]


def run() -> list[dict]:
    """Run all of it; each row has name, value, unit, floor, ratio to it, target and whether it holds."""
    return [*bench_drain(), *bench_sustained(), *bench_help(), *bench_demo()]
