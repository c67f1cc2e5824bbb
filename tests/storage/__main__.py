"""Long forms: ``python -m tests.storage images|kills|errors --count N``; the last line is the claim."""

import argparse
import sys

from tests import claims
from tests.storage import images, kills

ERRORS = ("EIO", "ENOSPC", "EROFS")


def main() -> int:
    """Run one of them; exit status 1 if anything was lost."""
    parser = argparse.ArgumentParser(prog="python -m tests.storage")
    parser.add_argument("what", choices=["images", "kills", "errors"])
    parser.add_argument("--count", type=int, default=0, help="images or kills; errors are all there are")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.what == "images":
        return _images(options.count or 20_000, options.seed)
    missing = kills.strace_works()
    if missing:
        return claims.tell("real processes at the N-th system call", {"not run": missing}, ok=False)
    return _kills(options.count or 500, options.seed) if options.what == "kills" else _errors()


def _images(count: int, seed: int) -> int:
    found = images.many(count, first_seed=seed)
    _show(found.wrong)
    figures: dict[str, claims.Figure] = {
        "images": found.images,
        "runs": found.runs,
        "runs_on_a_crashed_disk": found.twice,
        "changes_of_the_disk": found.changes,
        "lost_or_damaged": len(found.wrong),
    }
    return claims.tell("a power cut at any write loses nothing acknowledged", figures, ok=not found.wrong)


def _kills(count: int, seed: int) -> int:
    found = kills.kill_many(count, seed)
    _show(found.wrong)
    figures: dict[str, claims.Figure] = {
        "kills": found.struck,
        "left_records_nobody_was_told_of": found.untold,
        "lost_or_damaged": len(found.wrong),
    }
    return claims.tell("kill -9 at any system call loses nothing acknowledged", figures, ok=not found.wrong)


def _errors() -> int:
    wrong: list[str] = []
    faults = 0
    for error in ERRORS:
        for again in (False, True):
            for on in (False, True):
                found = kills.fail_each((error,), shots=5, step=1, again=again, on=on)
                wrong += found.wrong
                faults += found.struck
    _show(wrong)
    figures: dict[str, claims.Figure] = {"failed_calls": faults, "errors": " ".join(ERRORS), "wrong": len(wrong)}
    return claims.tell("after a disk error nothing is acknowledged and nothing is lost", figures, ok=not wrong)


def _show(wrong: list[str]) -> None:
    for line in wrong[:20]:
        print(line)


if __name__ == "__main__":
    sys.exit(main())
