"""`make bench`: every figure beside a floor or a peer of the same run; one table, and bench/out/bench.json."""

import json
import os
import platform
import sys
import time
from importlib import import_module
from pathlib import Path

from tests.claims import tell

MODULES = ("link", "peers", "faults", "audit", "session", "stop", "screen", "host", "history", "report")
OUT = Path(__file__).parent / "out"


def show(row: dict) -> str:
    target = "" if row["target"] is None else f"target {row['target']}"
    verdict = "ok" if row["ok"] else "MISSED"
    return (
        f"{row['name']:<44}{row['value']:>12,.1f} {row['unit']:<10}= {row['ratio']:>8.2f} x {row['floor_name']} "
        f"({row['floor_value']:,.1f})  {target}  {verdict}"
    )


def main() -> int:
    names = sys.argv[1:] or MODULES
    machine = f"{platform.platform()}, Python {platform.python_version()}, load {os.getloadavg()[0]:.1f}"
    print(machine)
    rows = []
    for name in names:
        for row in import_module(f"bench.{name}").run():
            print(show(row), flush=True)
            rows.append({"bench": name, **row})
    OUT.mkdir(exist_ok=True)
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    (OUT / "bench.json").write_text(json.dumps({"at": at, "machine": machine, "rows": rows}, indent=1) + "\n")
    missed = [row["name"] for row in rows if not row["ok"]]
    print(f"{len(rows) - len(missed)} of {len(rows)} hold" + (f"; missed: {', '.join(missed)}" if missed else ""))
    figures = {"measured": len(rows), "missed": ", ".join(missed) or "none"}
    return tell("each measured figure holds beside its floor or peer of the same run", figures, ok=not missed)


if __name__ == "__main__":
    raise SystemExit(main())
