"""Crash images: one recording, cut at every point, each cut in several ways, and each opened by the product."""

import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import apsw

from meso_device.audit.birth import DATABASE_NAME
from tests.storage.disk import MODES, Change, Disk, Image, write_image
from tests.storage.judge import Row, judge, rows_of
from tests.storage.recorder import recording
from tests.storage.workload import HOME, settings, work

_MEMORY = Path("/dev/shm")  # noqa: S108  # only a parent for mkdtemp


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory of its own, in memory where there is one: what survives is decided by the model, not by the disk."""
    parent = _MEMORY if _MEMORY.is_dir() else None
    path = Path(tempfile.mkdtemp(prefix="meso-images-", dir=parent))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


@dataclass
class Recording:
    """A run on a recorded disk, and all that it committed."""

    seed: int
    before: Image
    changes: list[Change]
    truth: list[Row]
    floor: int


@dataclass
class Findings:
    """What became of the images so far."""

    images: int = 0
    runs: int = 0
    twice: int = 0
    changes: int = 0
    modes: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


def record(seed: int, *, steps: int, starts: int = 2, before: Image | None = None, floor: int = 0, **how) -> Recording:
    """Record one run; ``before`` is the disk that it finds, of which ``floor`` records are acknowledged."""
    with scratch() as root, settings(**how):
        write_image(before or {}, root)
        with recording(root) as recorder:
            work(root, recorder, seed, steps=steps, starts=starts)
        db = apsw.Connection(str(root / HOME / DATABASE_NAME))
        truth = rows_of(db)
        db.close()
    return Recording(seed, before or {}, recorder.changes, truth, floor)


def cut(
    run: Recording, *, points: int | None = None, modes: tuple[str, ...] = MODES, each: bool = False
) -> Iterator[tuple[str, Image, int]]:
    """Cut a recording at every point, or at some; give name, image and what is acknowledged by then.

    Args:
        run: The recording.
        points: How many points, drawn at random; all if not given.
        modes: What may become of what is not synced.
        each: Every mode at every point; otherwise one of them in turn.
    """
    chance = random.Random(f"cut {run.seed}")
    total = len(run.changes)
    wanted = set(range(1, total + 1) if points is None else chance.sample(range(1, total + 1), min(points, total)))
    disk = Disk(run.before)
    disk.acknowledged = run.floor
    turn = 0
    for at, change in enumerate(run.changes, 1):
        disk.follow(change)
        if at not in wanted:
            continue
        for mode in modes if each else (modes[turn % len(modes)],):
            yield (
                f"seed {run.seed}, change {at} of {total} ({change.kind} {change.path}), {mode}",
                disk.crash(mode, random.Random(f"{run.seed} {at} {mode}")),
                disk.acknowledged,
            )
        turn += 1


def judged(run: Recording, **where) -> Iterator[tuple[str, str]]:
    """Judge the images of a recording one by one; give name and what is wrong, empty if nothing is."""
    for name, image, acknowledged in cut(run, **where):
        with scratch() as root, settings():
            write_image(image, root)
            wrong = judge(root, run.truth, acknowledged)
        yield name, wrong


def examine(run: Recording, found: Findings, **where) -> None:
    """Judge the images of a recording, all of them."""
    for name, wrong in judged(run, **where):
        found.images += 1
        found.modes[name.rpartition(" ")[2]] += 1
        if wrong:
            found.wrong.append(f"{name}: {wrong}")


def survivor(run: Recording, chance: random.Random) -> tuple[Image, int]:
    """Return a disk as one crash left it, and how much of it is acknowledged: for a second crash on top."""
    at = chance.randrange(len(run.changes) // 3, len(run.changes))
    disk = Disk(run.before)
    disk.acknowledged = run.floor
    for change in run.changes[:at]:
        disk.follow(change)
    return disk.crash(chance.choice(MODES), chance), disk.acknowledged


def many(count: int, *, first_seed: int, points: int = 600) -> Findings:
    """Judge at least this many images; every third run starts on a disk that a crash has left.

    What varies between runs: what is done, and how soon SQLite copies its write-ahead log back, as it does with its
    own setting only after a thousand pages.
    """
    found = Findings()
    seed = first_seed
    left: tuple[Image, int] = ({}, 0)
    while found.images < count:
        chance = random.Random(seed)
        again = bool(left[1]) and seed % 3 == 0
        before, floor = left if again else ({}, 0)
        run = record(
            seed,
            steps=chance.choice((15, 30, 60)),
            starts=chance.choice((1, 2, 3)),
            before=before,
            floor=floor,
            autocheckpoint=chance.choice((5, 12, 40, 1000)),
        )
        found.runs += 1
        found.twice += again
        found.changes += len(run.changes)
        examine(run, found, points=min(points, count - found.images))
        left = survivor(run, chance)
        seed += 1
    return found
