"""The table of claims, in docs/proof.md and between the markers of the README."""

import platform
import re
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from tests.claims import Figure
from tests.proof.runner import ROOT, Result

PAGE = ROOT / "docs" / "proof.md"
README = ROOT / "README.md"
BEGIN, END = "<!-- proof -->", "<!-- /proof -->"


def about() -> dict[str, str]:
    """Say where, when and with which sources the figures came about."""
    changed = _git("status", "--porcelain", "--untracked-files=no")
    names = re.findall(r"model name\s*:\s*(.+)", _text(Path("/proc/cpuinfo")))
    return {
        "at": time.strftime("%Y-%m-%d %H:%M UTC", time.gmtime()),
        "commit": _git("rev-parse", "--short=12", "HEAD") + (" and changes that are not committed" if changed else ""),
        "clean": "" if changed else "yes",
        "machine": f"{len(names)} x {names[0] if names else platform.machine()}, Linux {platform.release()}, "
        f"Python {platform.python_version()}",
    }


def table(results: Sequence[Result]) -> str:
    """Return the claims as a Markdown table."""
    lines = ["| claim | holds | figures | command |", "|---|---|---|---|"]
    lines += [
        f"| {result.claim} | {'yes' if result.ok else '**NO**'} | {_figures(result.figures)} | `{result.command}` |"
        for result in results
    ]
    return "\n".join(lines)


def text(results: Sequence[Result], where: dict[str, str], minutes: float) -> str:
    """Return the page's text: the table and what it stands on."""
    held = sum(result.ok for result in results)
    return (
        f"{held} of {len(results)} claims held in {minutes:.0f} minutes, {where['at']}, commit {where['commit']}, "
        f"on {where['machine']}.\n\n{table(results)}\n"
    )


def write(body: str) -> None:
    """Put the text into docs/proof.md and into the README."""
    head = "# Proof\n\nMade by `make proof`; each row is reproduced by its command. What a row means: `tests/`.\n\n"
    PAGE.write_text(head + body, encoding="utf-8")
    readme = README.read_text("utf-8")
    begin, end = readme.index(BEGIN) + len(BEGIN), readme.index(END)
    README.write_text(f"{readme[:begin]}\n{body}{readme[end:]}", encoding="utf-8")


def _figures(figures: dict[str, Figure]) -> str:
    return ", ".join(f"{name.replace('_', ' ')} {_number(value)}" for name, value in figures.items())


def _number(value: Figure) -> str:
    return f"{value:,}" if isinstance(value, int) else f"{value:,.1f}" if isinstance(value, float) else value


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", "-C", ROOT, *arguments], stdout=subprocess.PIPE, text=True, check=False)
    return done.stdout.strip() or ""


def _text(path: Path) -> str:
    return path.read_text("utf-8") if path.exists() else ""
