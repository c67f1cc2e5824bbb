"""The simulated world is the same on every Python: one fingerprint a seed, whatever the version and the hash seed.

    python -m tests.fingerprints --seeds 20

Takes every Python 3.11 or newer that it finds and can set up; how many that were is one of the figures.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from hashlib import sha256
from itertools import pairwise
from pathlib import Path

from tests.claims import tell

ROOT = Path(__file__).parents[1]
VERSIONS = ("3.11", "3.12", "3.13", "3.14")
HASH_SEEDS = ("0", "1", "31337")
ENVIRONMENTS = ROOT / ".venv" / "other"  # kept between runs, and gone with the first
RUN = """\
import sys
from tests.world.session import run_seed
print(*(run_seed(seed).fingerprint for seed in range(int(sys.argv[1]), int(sys.argv[2]))))
"""


def interpreters() -> Iterator[tuple[str, Path]]:
    """Yield version and path of each Python that starts, one a version; this one first."""
    own = f"{sys.version_info.major}.{sys.version_info.minor}"
    yield own, Path(sys.executable)
    installed = Path(os.environ.get("PYENV_ROOT", "~/.pyenv")).expanduser() / "versions"
    for version in VERSIONS:
        if version == own:
            continue
        named = shutil.which(f"python{version}")
        others = sorted(installed.glob(f"{version}.*/bin/python{version}"), reverse=True)
        for path in ([Path(named)] if named else []) + others:
            if subprocess.run([path, "-c", ""], stderr=subprocess.DEVNULL, check=False).returncode == 0:
                yield version, path
                break


def set_up(version: str, python: Path) -> Path:
    """Return a Python of that version with the product's dependencies.

    Raises:
        subprocess.CalledProcessError: they cannot be installed there.
    """
    if python == Path(sys.executable):
        return python
    home = ENVIRONMENTS / version
    made = home / "bin" / "python"
    if not (home / "complete").exists():
        subprocess.run([python, "-m", "venv", "--clear", home], check=True)
        pip = [made, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        subprocess.run([*pip, "-e", ROOT], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        (home / "complete").touch()
    return made


def fingerprints(python: Path, hash_seed: str, seeds: int, processes: int) -> list[str]:
    """Return the fingerprint of each seed, run by so many processes at once.

    Raises:
        RuntimeError: one of them failed.
    """
    bounds = [seeds * part // processes for part in range(processes + 1)]
    running = [
        subprocess.Popen(
            [python, "-c", RUN, str(low), str(high)],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for low, high in pairwise(bounds)
    ]
    found: list[str] = []
    for process in running:
        found += process.communicate()[0].split()
    if len(found) != seeds or any(process.returncode for process in running):
        raise RuntimeError(f"{python} did not run {seeds} seeds")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fingerprints", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20)
    seeds = parser.parse_args().seeds
    told: dict[str, list[str]] = {}
    for version, python in interpreters():
        try:
            ready = set_up(version, python)
        except subprocess.CalledProcessError as error:
            print(f"Python {version} left out: {error}")
            continue
        for hash_seed in HASH_SEEDS:
            for processes in (1, 2):
                found = fingerprints(ready, hash_seed, seeds, processes)
                told[f"{version}/{hash_seed}/{processes}"] = found
                print(f"Python {version}, hash seed {hash_seed}, {processes} at once: {digest(found)}", flush=True)
    first, *others = told.values()
    equal = all(found == first for found in others)
    versions = sorted({name.split("/")[0] for name in told})
    figures = {
        "seeds": seeds,
        "pythons": ", ".join(versions),
        "hash_seeds": len(HASH_SEEDS),
        "runs": len(told),
        "fingerprint": digest(first),
    }
    return tell("a seed is the same session on every Python", figures, ok=equal and len(set(first)) == seeds)


def digest(found: list[str]) -> str:
    return sha256(" ".join(found).encode()).hexdigest()[:12]


if __name__ == "__main__":
    raise SystemExit(main())
