"""The long form: ``python -m tests.fuzz --inputs 10000000``; the last line is the claim with its figures.

Damaged streams take all the inputs asked for, split over the cores; malicious frames, lies, damage to the file, hostile
arguments and the coverage-guided run take their share beside them. A failure names its seed, and ends with 1.
"""

import argparse
import os
import random
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from importlib.util import find_spec
from pathlib import Path

from tests import claims
from tests.fuzz import attacker, commands, damage, guided, liar, sealed, stream

CHUNK = 1_000_000


def streams(seed: int, inputs: int) -> tuple[int, float, float]:
    """Damaged streams: how many, and the CPU time of all and of the decoder."""
    began_s = time.process_time()
    tally = stream.run(seed, inputs)
    return tally.inputs, time.process_time() - began_s, tally.decode_cpu_s


def malice(seed: int, frames: int) -> int:
    """Whole frames from a malicious owner, with and without a finger on the trigger."""
    for finger in (False, True):
        attacker.Malice(seed, finger=finger).run(frames)
    return 2 * frames


def sealed_frames(seed: int, frames: int) -> int:
    """Whole frames at both ends of an authenticated link, most of them without a right tag: how many were sent."""
    return sum(sealed.run(seed, frames).values())


def lies(seed: int) -> int:
    """One session under lies: how many were told."""
    return liar.run(seed).told


def damages(seed: int, flips: int) -> int:
    """Damage to the file of a log: how many were tried."""
    with tempfile.TemporaryDirectory() as scratch:
        damaged = damage.Damaged(damage.make(Path(scratch, "whole")), Path(scratch))
        chance = random.Random(seed)
        places = chance.sample(damage.telling_places(damaged.data), flips)
        kinds = [damage.flips(damaged.data, places, chance), damage.page_swaps(damaged.data, chance, flips // 10)]
        if seed == 0:
            kinds.append(damage.cuts(damaged.data))
        for what, data in (one for kind in kinds for one in kind):
            damaged.put(data)
            damaged.judge(what)
        return damaged.found.tried


def arguments(seed: int, lines: int) -> int:
    """Hostile command lines: how many were run."""
    chance, every, ran = random.Random(f"arguments/{seed}"), list(commands.tree()), 0
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        damage.make(Path(scratch, "home"))
        runner = commands.Runner(Path(scratch, "home"))
        for _ in range(lines):
            words = commands.hostile(chance, every)
            if not commands.can_begin(words) and words[:1] not in {("guns",), ("doctor",)}:
                runner.check(*words)
                ran += 1
        os.chdir("/")
    return ran


def main() -> int:
    """Run everything, print a line a part, and tell the claim."""
    asked = argparse.ArgumentParser(prog="python -m tests.fuzz")
    asked.add_argument("--inputs", type=int, default=10_000_000, help="damaged frames for the decoder")
    asked.add_argument("--seed", type=int, default=0)
    asked.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = asked.parse_args()
    share = max(1, options.inputs // 1_000_000)
    figures: dict[str, claims.Figure] = {}
    try:
        with ProcessPoolExecutor(options.jobs) as pool:
            first = options.seed * 100_000
            chunks = range(first, first + max(1, options.inputs // CHUNK))
            done = list(pool.map(streams, chunks, [min(CHUNK, options.inputs)] * len(chunks)))
            total, cpu_s, decode_s = (sum(part) for part in zip(*done, strict=True))
            figures["decoder_inputs"] = int(total)
            figures["decoder_inputs_per_cpu_s"] = int(total / cpu_s)
            figures["decoder_alone_per_cpu_s"] = int(total / decode_s)
            print(f"damaged streams: {figures}", flush=True)
            for name, work, count, size in (
                ("malicious_frames", malice, 10 * share, 3_000),
                ("sealed_frames", sealed_frames, share, 12_000),
                ("lies", lies, 40 * share, None),
                ("damages", damages, 2 * share, 500),
                ("command_lines", arguments, share, 500),
            ):
                seeds = range(first, first + count)
                parts = pool.map(work, seeds) if size is None else pool.map(work, seeds, [size] * count)
                figures[name] = sum(parts)
                print(f"{name}: {figures[name]}", flush=True)
        if find_spec("atheris") is None:
            print("ATHERIS IS MISSING: no coverage-guided run")
        else:
            steered = guided.run(runs=100_000 * share, seed=options.seed + 1)
            figures |= {"guided_inputs": steered.runs, "guided_edges": steered.edges}
            if steered.failure:
                print(f"FAILED: {steered.failure}")
                return claims.tell("hostile input changes nothing", figures, ok=False)
    except AssertionError as found:
        print(f"FAILED: {found}")
        return claims.tell("hostile input changes nothing", {**figures, "failed": str(found)[:200]}, ok=False)
    return claims.tell("hostile input changes nothing", figures, ok=True)


if __name__ == "__main__":
    sys.exit(main())
