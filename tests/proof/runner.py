"""Runs the rows: as many at once as there are cores for, and those that measure time alone at the end."""

import json
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import IO

from tests.claims import Figure, heard
from tests.proof.rows import CORES, Row

ROOT = Path(__file__).parents[2]
OUT = ROOT / "build" / "proof"
POLL_S = 0.2
ROW_S = 3_600  # one that hangs must not keep the others waiting for ever


@dataclass(frozen=True)
class Result:
    """What one row's command told."""

    key: str
    claim: str
    figures: dict[str, Figure]
    ok: bool
    command: str
    wall_s: float


@dataclass
class Running:
    row: Row
    command: tuple[str, ...]
    process: subprocess.Popen
    out: IO[str]
    began_s: float


def run(
    rows: Sequence[Row],
    *,
    short: bool,
    told: Callable[[Result], None],
    kept: Mapping[str, Result] = MappingProxyType({}),
) -> list[Result]:
    """Run all rows but those whose result is kept; return the results in the order of the rows."""
    OUT.mkdir(parents=True, exist_ok=True)
    results = {row.key: kept[row.key] for row in rows if row.key in kept}
    left = [row for row in rows if row.key not in results]
    for batch in ([row for row in left if not row.alone], *([row] for row in left if row.alone)):
        for result in _together(batch, short=short):
            told(result)
            results[result.key] = result
    return [results[row.key] for row in rows]


def _together(rows: Sequence[Row], *, short: bool):
    waiting, running = list(rows), []
    try:
        while waiting or running:
            for row in list(waiting):
                busy = sum(each.row.cores for each in running)
                # One that wants all cores is not kept waiting for ever by small ones behind it.
                if row.cores and busy + row.cores > CORES:
                    break
                waiting.remove(row)
                running.append(_start(row, row.short if short else row.command))
            time.sleep(POLL_S)
            for each in list(running):
                if each.process.poll() is None and time.monotonic() - each.began_s > ROW_S:
                    each.process.kill()
                    each.process.wait()
                if each.process.poll() is not None:
                    running.remove(each)
                    yield _result(each)
    finally:
        for each in running:
            each.process.terminate()
            each.process.wait()
            each.out.close()


def _start(row: Row, command: tuple[str, ...]) -> Running:
    out = (OUT / f"{row.key}.txt").open("w+", encoding="utf-8")
    # What waits for real processes must not starve beside what computes.
    nice = ["nice", "-n", "10"] if row.cores and not row.alone else []
    process = subprocess.Popen([*nice, sys.executable, *command], cwd=ROOT, stdout=out, stderr=subprocess.STDOUT)
    return Running(row, command, process, out, time.monotonic())


def _result(each: Running) -> Result:
    each.out.seek(0)
    output = each.out.read()
    each.out.close()
    status = each.process.returncode
    command = _told_command(each.command)
    wall_s = round(time.monotonic() - each.began_s, 1)
    try:
        told = heard(output)
    except ValueError:
        lines = [line for line in output.splitlines() if line.strip()]
        said = {"said": lines[-1][:120] if lines else "nothing", "status": status}
        return Result(each.row.key, f"{each.row.key}: no claim was told", said, False, command, wall_s)
    return Result(each.row.key, told["claim"], told["figures"], told["ok"] and status == 0, command, wall_s)


def _told_command(command: tuple[str, ...]) -> str:
    return shlex.join(("python", *command))


def keep(results: Sequence[Result], about: dict[str, str], spent_s: float) -> None:
    """Write all figures for machines, and for a run that goes on from here."""
    document = {**about, "spent_s": round(spent_s, 1), "rows": [asdict(result) for result in results]}
    fresh = OUT / "proof.json.new"
    fresh.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    fresh.replace(OUT / "proof.json")


def earlier(rows: Sequence[Row], about: dict[str, str], *, short: bool) -> tuple[dict[str, Result], float]:
    """What an earlier run of the same sources and commands has shown to hold, and the seconds it took in all.

    Sources with changes that are not committed are never the same.
    """
    path = OUT / "proof.json"
    document = json.loads(path.read_text("utf-8")) if path.exists() else {}
    if document.get("commit") != about["commit"] or not about["clean"]:
        return {}, 0.0
    results = {row["key"]: Result(**row) for row in document["rows"]}
    held = {}
    for row in rows:
        result = results.get(row.key)
        if result is not None and result.ok and result.command == _told_command(row.short if short else row.command):
            held[row.key] = result
    return held, document["spent_s"] if held else 0.0
