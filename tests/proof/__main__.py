"""`make proof`: every long form, and one table of claims with the figures of this run.

    python -m tests.proof            all of it, meant for 90 minutes on two cores; writes docs/proof.md and the README
    python -m tests.proof --short    the same rows in minutes; writes nothing into the sources
    python -m tests.proof --resume   go on with a run of the same commit that was ended; rows that held stay
    python -m tests.proof world fuzz   some rows

Outputs and figures stay in build/proof.
"""

import argparse
import time

from tests.proof import page, runner
from tests.proof.rows import ROWS


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.proof", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    names = [row.key for row in ROWS]
    parser.add_argument("rows", nargs="*", metavar="ROW", help=", ".join(names))
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--resume", action="store_true")
    options = parser.parse_args()
    if strange := set(options.rows) - set(names):
        parser.error(f"no such row: {', '.join(sorted(strange))}")
    chosen = [row for row in ROWS if not options.rows or row.key in options.rows]
    if options.short:
        chosen = [row for row in chosen if row.short]
    where = page.about()
    kept, spent_s = runner.earlier(chosen, where, short=options.short) if options.resume else ({}, 0.0)
    began_s = time.monotonic() - spent_s
    done = list(kept.values())

    def told(result: runner.Result) -> None:
        tell(result)
        done.append(result)
        runner.keep(done, where, time.monotonic() - began_s)

    results = runner.run(chosen, short=options.short, told=told, kept=kept)
    minutes = (time.monotonic() - began_s) / 60
    runner.keep(results, where, minutes * 60)
    body = page.text(results, where, minutes)
    print(body)
    if not options.short and not options.rows:
        page.write(body)
    return 0 if all(result.ok for result in results) else 1


def tell(result: runner.Result) -> None:
    verdict = "holds" if result.ok else f"DOES NOT HOLD, see build/proof/{result.key}.txt"
    print(f"{result.wall_s:7.0f} s  {result.key:<14}{verdict}", flush=True)


if __name__ == "__main__":
    raise SystemExit(main())
