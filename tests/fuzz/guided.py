"""A coverage-guided run over everything that reads bytes from the line, by atheris.

``python -m tests.fuzz.guided --seconds 60`` begins with the committed inputs of corpus.txt; ``--keep`` puts back there
the smallest set that reaches all that was reached. The child process, ``--child``, is what atheris drives.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

CORPUS = Path(__file__).with_name("corpus.txt")
INPUT_MAX = 1_024
ROOT = Path(__file__).parents[2]
WATCHED = ("protocols/wire/", "drivers/link", "simulator/firmware/dispatch")


@dataclass(frozen=True)
class Guided:
    """What a run reached.

    Attributes:
        runs: Inputs tried.
        edges: Places of the code reached.
        failure: What went wrong, empty if nothing.
    """

    runs: int
    edges: int
    failure: str


def lay_out(directory: Path) -> int:
    """Write the committed inputs as files; return how many."""
    lines = [line for line in CORPUS.read_text().split() if line]
    for line in lines:
        data = bytes.fromhex(line)
        (directory / sha256(data).hexdigest()[:16]).write_bytes(data)
    return len(lines)


def run(*, seconds: int = 0, runs: int = 0, seed: int = 1, keep: bool = False) -> Guided:
    """Run for so many seconds, or so many inputs."""
    with tempfile.TemporaryDirectory() as scratch:
        begun = Path(scratch, "begun")
        begun.mkdir()
        lay_out(begun)
        limit = [f"-max_total_time={seconds}"] if seconds else [f"-runs={runs}"]
        told, status = _child(*limit, f"-seed={seed}", f"-artifact_prefix={scratch}/", str(begun))
        edges = [int(found) for found in re.findall(r"cov: (\d+)", told)]
        tried = [
            int(found)
            for found in re.findall(r"Done (\d+) runs|^#(\d+)", told, re.MULTILINE)
            for found in found
            if found
        ]
        failure = "" if status == 0 else "\n".join(told.splitlines()[-30:])
        for bad in Path(scratch).glob("crash-*"):
            failure += f"\ninput: {bad.read_bytes().hex()}"
        if keep and not failure:
            CORPUS.write_text("".join(f"{data.hex()}\n" for data in smallest(begun)))
        return Guided(max(tried, default=0), max(edges, default=0), failure)


def smallest(directory: Path) -> list[bytes]:
    """Return few and short inputs that together go every way from line to line that all of them go."""
    from tests.fuzz import reading

    gone: set[tuple[str, int, int]] = set()
    kept = []
    for data in sorted((path.read_bytes() for path in directory.iterdir()), key=lambda data: (len(data), data)):
        ways: set[tuple[str, int, int]] = set()
        last = 0

        def trace(frame, event, _, ways=ways):
            nonlocal last
            if not any(part in frame.f_code.co_filename for part in WATCHED):
                return None
            if event == "line":
                ways.add((frame.f_code.co_filename, last, frame.f_lineno))
                last = frame.f_lineno
            return trace

        sys.settrace(trace)
        try:
            reading.read(data)
        finally:
            sys.settrace(None)
        if ways - gone:
            gone |= ways
            kept.append(data)
    return kept


def _child(*arguments: str) -> tuple[str, int]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.guided", "--child", f"-max_len={INPUT_MAX}", *arguments],
        cwd=ROOT, capture_output=True, text=True, errors="replace", check=False,
        env=os.environ | {"PYTHONHASHSEED": "0"},
    )  # fmt: skip
    return done.stdout + done.stderr, done.returncode


def child(arguments: list[str]) -> None:
    """Let atheris drive; never returns."""
    import atheris

    with atheris.instrument_imports(include=["protocols.wire", "drivers.link", "simulator.firmware.dispatch"]):
        from tests.fuzz import reading

    atheris.Setup([sys.argv[0], *arguments], reading.read)
    atheris.Fuzz()


def main() -> int:
    """Run, and tell the claim as the last line."""
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2:])
    asked = argparse.ArgumentParser(prog="python -m tests.fuzz.guided")
    asked.add_argument("--seconds", type=int, default=0)
    asked.add_argument("--runs", type=int, default=200_000)
    asked.add_argument("--seed", type=int, default=1)
    asked.add_argument("--keep", action="store_true")
    options = asked.parse_args()
    done = run(seconds=options.seconds, runs=options.runs, seed=options.seed, keep=options.keep)
    if done.failure:
        print(done.failure)
    print(f"{done.runs} inputs, {done.edges} places of the code reached, {'failed' if done.failure else 'no failure'}")
    return 1 if done.failure else 0


if __name__ == "__main__":
    sys.exit(main())
