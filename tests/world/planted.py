"""The proof of the prover: bugs planted in the product, one at a time, each to be seen by the method named for it.

`python -m tests.world planted` plants all of them and prints who caught each, and after how many seeds. A bug is caught
only by a finding of the checker expected for it, or by a failing test of the file named for it; a crash is no catch.
The same seeds without the bug find nothing; explorer and test files without a bug are tests of their own.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import nullcontext, suppress
from dataclasses import dataclass, replace
from functools import cache
from unittest.mock import patch

from tests.claims import tell
from tests.world import explore, scenarios, world
from tests.world.bugs import plant
from tests.world.strict import run_strictly

# Seeds within which each must be caught, where nothing smaller is said.
SEEDS = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """Whole sessions under faults, from seed 0 until one finds it.

    Attributes:
        finds: Beginnings of the findings that count.
        seeds: Within how many.
        shots: Injections planned.
        focus: Faults by scale, where only some are let in; empty for all of the world.
    """

    finds: tuple[str, ...]
    seeds: int = SEEDS
    shots: int = 24
    focus: tuple[tuple[str, float], ...] = ()

    def __str__(self) -> str:
        return f"world {'/'.join(self.finds)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A directed session, from seed 0."""

    run: Callable[[int], tuple[str, ...]]
    finds: tuple[str, ...]
    seeds: int = 3

    def __str__(self) -> str:
        return f"scenario {self.run.__name__}"


@dataclass(frozen=True, slots=True)
class Explored:
    """The explorer, with the rule of this name left out."""

    rule: str

    def __str__(self) -> str:
        return f"explorer {explore.RULES[self.rule].finding}"


@dataclass(frozen=True, slots=True)
class Tests:
    """A file of tests, or one test of it, run with the bug in: one fails, and none errs in being read."""

    file: str

    def __str__(self) -> str:
        return self.file.removeprefix("tests/").partition("::")[0]


@dataclass(frozen=True, slots=True)
class Caught:
    """How a bug was caught: by what, after how many seeds, at which cost, and by which seed."""

    by: str
    seeds: int
    cpu_s: float
    seed: int = 0


def _focus(**scales: float) -> tuple[tuple[str, float], ...]:
    return tuple(scales.items())


_GUN = "tests/unit/simulator/firmware"
_STOPS = _focus(stop_any_time=0.3, stop_button=3.0)
_ATTACKS = _focus(attack_replay=3.0, attack_reflect=3.0, attack_alter=3.0, attack_strip=3.0, attack_forge=3.0)
Method = World | Scenario | Explored | Tests

PLANTED: dict[str, Method] = {
    # the gun
    "intent_after_motion": World(finds=("I-02", "W1", "W2")),
    "ring_in_ram": World(finds=("I-02", "W1", "W2")),
    "ring_overwrite": Explored("ring overwrites"),
    "interrupted_as_done": World(finds=("W1",)),
    "interrupted_as_zero": World(finds=("W1",)),
    "latch_taken_as_all": World(finds=("W1",)),
    "estop_orphan": World(finds=("W1", "I-02", "L1"), focus=_STOPS),
    "volatile_latch": World(finds=("W3",), focus=_focus(stop_any_time=0.3, stop_button=2.0, gun_reset=3.0)),
    "stop_needs_session": Tests(f"{_GUN}/test_estop.py"),
    "bench_on_skin": Tests(f"{_GUN}/test_trigger.py"),
    "hash_unchecked": Tests(f"{_GUN}/test_grants.py"),
    "area_stale": Tests(f"{_GUN}/test_grants.py"),
    "seq_wraps": Tests(f"{_GUN}/test_ring.py"),
    "grant_refill": Explored("grant refills"),
    "old_grant_number": Tests(f"{_GUN}/test_grants.py"),
    "late_grant_taken": Explored("late grant taken"),
    "lease_off": World(finds=("W4",), shots=120, focus=_focus(half_open=4.0, unplug=4.0)),
    "lease_from_arrival": Tests(f"{_GUN}/test_lease.py"),
    "grant_date_ignored": Tests(f"{_GUN}/test_lease.py"),
    "fence_ignored": Explored("fence ignored"),
    # the wire
    "crc_ignored": World(finds=("W1", "W2", "W5", "L1")),
    "decoder_unbounded": Tests(
        "tests/fuzz/test_stream.py::test_bytes_without_a_delimiter_are_not_kept_and_the_next_frame_is_read"
    ),
    "late_reply_taken": Tests("tests/unit/drivers/test_link.py"),
    "retry_new_id": Tests("tests/unit/drivers/test_link.py"),
    "stop_behind_queue": Tests("tests/unit/drivers/test_link_stop.py"),
    "release_plus_one": World(finds=("L1",)),
    # link authentication
    "untagged_reply_taken": World(finds=("I-60",), focus=_ATTACKS),
    "old_event_taken": World(finds=("I-60",), focus=_ATTACKS),
    "keyless_gun_believed": World(finds=("I-60",), focus=_focus(attack_strip=5.0, unplug=1.0)),
    "untagged_boot_dated": World(finds=("I-60",), focus=_ATTACKS),
    "untagged_change_done": World(finds=("I-60",), focus=_ATTACKS),
    "untagged_beat_taken": World(finds=("I-60",), focus=_ATTACKS),
    "any_tag_right": World(finds=("I-60",), focus=_ATTACKS),
    "tag_counts_twice": World(finds=("I-60",), focus=_ATTACKS),
    "stop_needs_tag": World(finds=("I-60",), focus=_focus(attack_stop=1.0)),
    # what the host decides
    "release_early": Explored("release before commit"),
    "grant_before_row": World(finds=("L1", "W5")),
    "readback_skipped": Tests("tests/unit/session/test_engine.py"),
    "auto_resume": World(finds=("I-45",)),
    "findings_ignored": World(finds=("I-22",)),
    "readonly_writes": Tests("tests/unit/session/test_engine.py"),
    "gun_swap_ignored": Tests("tests/unit/session/test_engine.py"),
    "unknown_as_failed": World(finds=("W8",)),
    "unknown_forgotten": World(finds=("L1", "I-20")),
    "stroke_not_awaited": World(finds=("I-20",)),
    "event_as_record": World(finds=("W8",)),
    "commit_error_ignored": World(finds=("L1", "W1")),
    "stranded_closed": Explored("lost log closes grants"),
    "lease_from_io": World(finds=("W4",), shots=120, focus=_focus(host_hang=8.0)),
    "lease_on_wall_clock": Scenario(run=scenarios.clock_steps, finds=("I-35",)),
    "timeout_on_wall_clock": Scenario(run=scenarios.clock_steps, finds=("I-35",)),
    "clamp_limit": Tests("tests/unit/session/test_settings.py"),
    # caps
    "cap_off_by_one": Explored("cap off by one"),
    "cap_in_memory": World(finds=("W2",)),
    "strays_uncounted": World(finds=("W2",), seeds=700, shots=7),
    "cap_ignores_unknown": Explored("reserve not counted"),
    "prime_as_treat": Tests("tests/unit/accounting/test_shots.py"),
    # identity and the log
    "no_epoch": Explored("identity lacks epoch"),
    "seq_wrap_16": Tests("tests/unit/accounting/test_shots.py"),
    "dedupe_by_time": World(finds=("W1", "L1")),
    "no_dedupe": Tests("tests/unit/audit/test_store.py"),
    "conflict_swallowed": Tests("tests/unit/audit/test_store.py"),
    "chain_wrong_field": World(finds=("W6",)),
    "simulated_dropped": World(finds=("W9", "W1")),
    "clock_map_overwrite": Tests("tests/unit/accounting/test_clockmap.py"),
    "wal_normal": Tests("tests/unit/audit/test_database.py"),
    "pragma_unread": Tests("tests/unit/audit/test_database.py"),
    "lock_missing": Tests("tests/unit/host/test_home.py"),
}


def catch(name: str, *, known: int = 0) -> Caught | None:
    """Plant a bug and look for it as the table says, with this seed before all others; None when it is missed."""
    begun_s = time.process_time()
    match PLANTED[name]:
        case Explored(rule):
            found = explore.without(rule).violations
            expected = explore.RULES[rule].finding
            hit = next((text for text in found if text.startswith(expected)), "")
            return Caught(hit, 0, time.process_time() - begun_s) if hit else None
        case Tests(file):
            return _by_tests(name, file)
        case World() | Scenario() as method:
            with plant(name):
                hit, seeds, seed = _by_seeds(method, known)
            return Caught(hit, seeds, time.process_time() - begun_s, seed) if hit else None


def control(name: str, seeds: Iterable[int]) -> tuple[str, ...]:
    """Return what the method of a bug finds without it with these seeds: nothing, and nothing crashes."""
    method = PLANTED[name]
    alike = replace(method, finds=("",), seeds=0) if isinstance(method, World | Scenario) else None
    return tuple(text for seed in (seeds if alike else ()) for text in _without(alike, seed))


@cache
def _without(method: World | Scenario, seed: int) -> tuple[str, ...]:
    return _findings(method, seed)


def _by_seeds(method: World | Scenario, known: int) -> tuple[str, int, int]:
    """Return the first finding that counts, how many seeds it took, and the last of them."""
    for count, seed in enumerate((known, *(seed for seed in range(method.seeds) if seed != known)), 1):
        found: tuple[str, ...] = ()
        with suppress(Exception):  # a crash is no finding: the next seed may show what the checkers see
            found = _findings(method, seed)
        for text in found:
            if text.startswith(method.finds):
                return text, count, seed
    return "", method.seeds, 0


def _findings(method: World | Scenario, seed: int) -> tuple[str, ...]:
    if isinstance(method, Scenario):
        return method.run(seed)
    with patch.object(world, "SCALES", dict(method.focus)) if method.focus else nullcontext():
        return run_strictly(seed, shots=method.shots)[0]


def _by_tests(name: str, file: str) -> Caught | None:
    """Run a file of tests in a process of its own with the bug in."""
    before = os.times()
    done = subprocess.run(
        [sys.executable, "-m", "tests.world.with_bug", name, file],
        capture_output=True,
        text=True,
        check=False,
    )
    after = os.times()
    cpu_s = after.children_user + after.children_system - before.children_user - before.children_system
    failed = [line.split("::")[1].split(" ")[0] for line in done.stdout.splitlines() if line.startswith("FAILED ")]
    # 1: tests were run and some failed; anything else is an error of reading or of pytest itself.
    return Caught(failed[0], 0, cpu_s) if done.returncode == 1 and failed and "ERROR " not in done.stdout else None


def main(args: list[str] | None = None) -> int:
    """Plant every bug, or those named; exit 1 if one is missed."""
    parser = argparse.ArgumentParser(prog="planted", description="bugs planted in the product, each to be caught")
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these")
    given = parser.parse_args(args)
    missed, worst, cpu_s = [], 0, 0.0
    print(f"{'planted bug':24}{'looked for by':42}{'seeds':>6}{'bound':>6}{'CPU s':>7}  caught by")
    for name in given.names or PLANTED:
        method = PLANTED[name]
        caught = catch(name)
        bound = getattr(method, "seeds", "")
        if caught is None:
            missed.append(name)
            print(f"{name:24}{method!s:42}{'':6}{bound:>6}{'':7}  NOT CAUGHT")
            continue
        worst, cpu_s = max(worst, caught.seeds), cpu_s + caught.cpu_s
        print(
            f"{name:24}{method!s:42}{caught.seeds or '':>6}{bound:>6}{caught.cpu_s:7.1f}  {caught.by[:70]}", flush=True
        )
        for text in control(name, range(caught.seeds))[:1]:
            missed.append(name)
            print(f"  found without the bug too: {text}")
    count = len(given.names or PLANTED)
    figures = {"planted": count, "caught": count - len(missed), "seeds_at_most": worst}
    return tell("the harness can see bugs", figures, ok=not missed)


if __name__ == "__main__":
    sys.exit(main())
