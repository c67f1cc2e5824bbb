"""A part of the test suite as one claim: ``python -m tests.suite PATH CLAIM [--jobs N] [pytest options]``."""

import argparse
import os
import re
import subprocess
import sys

from tests.claims import tell

COUNTED = re.compile(r"(\d+) (passed|failed|errors?|skipped|xfailed|xpassed)")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.suite", description=__doc__)
    parser.add_argument("path")
    parser.add_argument("claim")
    parser.add_argument("--jobs", default="2")
    options, rest = parser.parse_known_args()
    # Every case there is; and what is skipped on a machine of a person is a failure where all should be installed.
    environment = {**os.environ, "CI": "true", "MESO_LONG": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-n", options.jobs, options.path, *rest]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=environment, check=False)
    print(done.stdout, end="")
    found = dict.fromkeys(("passed", "failed", "skipped"), 0)
    for count, what in COUNTED.findall(done.stdout.splitlines()[-1]) if done.stdout else ():
        found[what] = int(count)
    return tell(options.claim, found, ok=done.returncode == 0 and found["passed"] > 0)


if __name__ == "__main__":
    raise SystemExit(main())
