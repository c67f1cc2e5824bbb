"""One result form for every long proof: the last line of its output is one JSON object that `make proof` reads.

A claim that fails exits 1; figures are numbers or short texts, named with their unit.
"""

import json
import resource
import sys
from collections.abc import Mapping

Figure = int | float | str


def cpu_s() -> float:
    """CPU seconds of this process and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return round(sum(u.ru_utime + u.ru_stime for u in used), 1)


def tell(claim: str, figures: Mapping[str, Figure], *, ok: bool) -> int:
    """Print the claim as the last line; return the exit status."""
    line = {"claim": claim, "figures": {**figures, "cpu_s": cpu_s()}, "ok": ok}
    sys.stdout.flush()
    print(json.dumps(line, ensure_ascii=False), flush=True)
    return 0 if ok else 1


def heard(output: str) -> dict:
    """Return the claim in the last line of `output`; raise ValueError if there is none."""
    lines = output.rstrip().splitlines()
    told = json.loads(lines[-1]) if lines else None
    if not (isinstance(told, dict) and told.keys() == {"claim", "figures", "ok"}):
        raise ValueError("the last line tells no claim")
    return told
