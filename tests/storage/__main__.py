"""Long forms: ``python -m tests.storage images|kills|errors --count N``; exit status 1 if anything was lost."""

import argparse
import resource
import sys

from tests.storage import images, kills


def main() -> int:
    """Run one of them."""
    parser = argparse.ArgumentParser(prog="python -m tests.storage")
    parser.add_argument("what", choices=["images", "kills", "errors"])
    parser.add_argument("--count", type=int, default=0, help="images or kills; errors are all there are")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.what == "images":
        wrong, text = _images(options.count or 20_000, options.seed)
    else:
        missing = kills.strace_works()
        if missing:
            print(missing)
            return 1
        wrong, text = _kills(options.count or 500, options.seed) if options.what == "kills" else _errors()
    for line in wrong[:20]:
        print(line)
    print(f"{text}: {len(wrong)} wrong; {_cpu_s():.0f} s of CPU")
    return bool(wrong)


def _images(count: int, seed: int) -> tuple[list[str], str]:
    found = images.many(count, first_seed=seed)
    modes = ", ".join(f"{count} {mode}" for mode, count in sorted(found.modes.items()))
    text = f"{found.images} crash images ({modes}) of {found.runs} runs, {found.twice} of them on a crashed disk"
    return found.wrong, f"{text}, {found.changes} changes of the disk"


def _kills(count: int, seed: int) -> tuple[list[str], str]:
    found = kills.kill_many(count, seed)
    return found.wrong, f"{found.struck} kills at the N-th system call, {found.untold} left records nobody was told of"


def _errors() -> tuple[list[str], str]:
    wrong: list[str] = []
    faults = 0
    for error in ("EIO", "ENOSPC", "EROFS"):
        for again in (False, True):
            for on in (False, True):
                found = kills.fail_each((error,), shots=5, step=1, again=again, on=on)
                wrong += found.wrong
                faults += found.struck
    return wrong, f"{faults} failed system calls, each of every kind once, with EIO, ENOSPC and EROFS"


def _cpu_s() -> float:
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


if __name__ == "__main__":
    sys.exit(main())
