"""The simulated world from the command line.

python -m tests.world run --seeds 1500 [--first 0] [--shots 300] [--whole-every 50] [--jobs 2]
python -m tests.world replay --seed 7 [--shots 300] [--fault NAME ...]
python -m tests.world shrink --seed 7
python -m tests.world coverage --seeds 3000
python -m tests.world versions PYTHON ...
python -m tests.world planted
python -m tests.world explore [--shots 3] [--faults 2]
"""

import argparse
import importlib
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

from tests.claims import tell
from tests.world import corners, coverage
from tests.world.session import Outcome, run_seed

WHOLE_SHOTS = 300


def main(argv: list[str]) -> int:
    """Run one sub-command; the status is 0 when nothing was found."""
    if argv[:1] in (["planted"], ["explore"]):
        return importlib.import_module(f"tests.world.{argv[0]}").main(argv[1:])
    given = _parser().parse_args(argv)
    return given.act(given)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.world", description="Whole sessions under faults, by seed.")
    commands = parser.add_subparsers(required=True)
    run = commands.add_parser("run", help="run seeds and judge them")
    run.set_defaults(act=_run)
    cover = commands.add_parser("coverage", help="run seeds until every reachable pair of fault and state was met")
    cover.set_defaults(act=_coverage, whole_every=0)
    run.add_argument("--whole-every", type=int, default=0, help=f"let every so manieth seed have {WHOLE_SHOTS} shots")
    for command, seeds, shots, intensity in ((run, 100, WHOLE_SHOTS, 1), (cover, 100, 16, 3)):
        command.add_argument("--seeds", type=int, default=seeds)
        command.add_argument("--first", type=int, default=0)
        command.add_argument("--shots", type=int, default=shots)
        command.add_argument("--jobs", type=int, default=1)
        command.add_argument("--intensity", type=int, default=intensity, help="factor on the rate of every fault")
    replay = commands.add_parser("replay", help="run one seed and print what happened")
    replay.set_defaults(act=_replay)
    replay.add_argument("--fault", action="append", help="let only these faults happen (name@object, repeatable)")
    replay.add_argument(
        "--aim",
        nargs=2,
        action="append",
        metavar=("FAULT", "STATE"),
        help="let this fault meet this state (repeatable)",
    )
    shrink = commands.add_parser("shrink", help="find the few faults that a failing seed takes")
    shrink.set_defaults(act=_shrink)
    for command in (replay, shrink):
        command.add_argument("--seed", type=int, required=True)
        command.add_argument("--shots", type=int, default=300)
    replay.add_argument("--intensity", type=int, default=1)
    return parser


def _outcomes(given: argparse.Namespace) -> Iterator[Outcome]:
    one = partial(_one, intensity=given.intensity)
    seeds = range(given.first, given.first + given.seeds)
    shots = [_shots(given, seed) for seed in seeds]
    if given.jobs == 1:
        yield from map(one, seeds, shots)
        return
    with ProcessPoolExecutor(given.jobs) as pool:
        yield from pool.map(one, seeds, shots, chunksize=4)


def _one(seed: int, shots: int, intensity: int) -> Outcome:
    return run_seed(seed, shots=shots, intensity=intensity)


def _shots(given: argparse.Namespace, seed: int) -> int:
    """Many short sessions meet more than few long ones; some are whole all the same."""
    return WHOLE_SHOTS if given.whole_every and seed % given.whole_every == 0 else given.shots


def _run(given: argparse.Namespace) -> int:
    failures = cpu_s = shots = simulated_s = 0.0
    faults: Counter[str] = Counter()
    for outcome in _outcomes(given):
        cpu_s += outcome.cpu_s
        shots += outcome.shots
        simulated_s += outcome.simulated_s
        faults.update(name.split("@", 1)[0] for name in outcome.faults)
        if outcome.findings:
            failures += 1
            print(f"seed {outcome.seed}: {outcome.findings[0]}")
            print(
                f"  python -m tests.world replay --seed {outcome.seed} --shots {_shots(given, outcome.seed)}",
                flush=True,
            )
    print(", ".join(f"{kind} {times}" for kind, times in sorted(faults.items())))
    met = sum(faults.values())
    print(f"{shots:.0f} injections, {met} faults, {simulated_s / 3600:.1f} simulated hours in {cpu_s:.1f} s of CPU")
    figures = {
        "seeds": given.seeds,
        "failures": int(failures),
        "injections": int(shots),
        "faults_a_session": round(met / given.seeds),
        "cpu_a_session_ms": round(cpu_s / given.seeds * 1e3),
    }
    return tell("every injection is recorded once", figures, ok=not failures)


def _coverage(given: argparse.Namespace) -> int:
    met: set[coverage.Pair] = set()
    failures = seeds = 0

    def look(outcome: Outcome, how: str) -> None:
        nonlocal failures, seeds
        seeds += 1
        met.update(outcome.pairs)
        if outcome.findings:
            failures += 1
            print(f"seed {outcome.seed}: {outcome.findings[0]}")
            print(f"  python -m tests.world replay --seed {outcome.seed} {how}", flush=True)

    for outcome in _outcomes(given):
        look(outcome, f"--shots {given.shots} --intensity {given.intensity}")
    for how, outcome in corners.visit(met):
        look(outcome, how)
    sizes, wrong = coverage.judge(met)
    print("\n".join(wrong))
    return tell("no untested corner", {"seeds": seeds, "failures": failures, **sizes}, ok=not wrong and not failures)


def _replay(given: argparse.Namespace) -> int:
    aims = [(fault, state) for fault, state in given.aim or ()]
    outcome = run_seed(
        given.seed, shots=given.shots, only_faults=given.fault, traced=True, intensity=given.intensity, aims=aims
    )
    print("\n".join(outcome.trace))
    print(
        f"seed {outcome.seed}, {outcome.shots} injections, {len(outcome.faults)} faults, {outcome.fingerprint}, "
        f"findings: {'; '.join(outcome.findings) or 'none'}"
    )
    return 1 if outcome.findings else 0


def _shrink(given: argparse.Namespace) -> int:
    from tests.world.shrink import shrink

    shots, faults, outcome = shrink(given.seed, shots=given.shots, tell=lambda text: print(text, flush=True))
    print(f"{given.seed} {shots} {' '.join(faults)}")
    print("\n".join(outcome.findings) or "no findings")
    return 1 if outcome.findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
