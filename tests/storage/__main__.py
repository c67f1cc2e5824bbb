"""Long forms: ``python -m tests.storage images --count N`` and ``python -m tests.storage kills --count N``."""

import argparse
import sys
import time

from tests.storage import images


def main() -> int:
    """Run one of them; exit status 1 if anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.storage")
    parser.add_argument("what", choices=["images"])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    began = time.process_time()
    found = images.many(options.count, first_seed=options.seed)
    for line in found.wrong[:20]:
        print(line)
    modes = ", ".join(f"{mode} {count}" for mode, count in sorted(found.modes.items()))
    print(
        f"{found.images} crash images of {found.runs} runs ({found.twice} crashed twice), {found.changes} changes of "
        f"the disk: {len(found.wrong)} wrong; {modes}; {time.process_time() - began:.0f} s of CPU"
    )
    return bool(found.wrong)


if __name__ == "__main__":
    sys.exit(main())
