"""The safety case: joins docs/safety-case/hazards.toml with the tests that name its rows.

``python -m tests.safety_case`` writes docs/safety-case.md; with ``--check`` it only says what is wrong: a hazard or an
invariant that no test can prove, a marker that names nothing, a waiver out of date, a file that is not what the table
and the tests give. Whether the tests pass is judged at the end of a full test run, by tests/conftest.py.
"""

import contextlib
import datetime as dt
import io
import re
import sys
import tomllib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.claims import tell

ROOT = Path(__file__).parents[1]
TABLE = ROOT / "docs" / "safety-case" / "hazards.toml"
PAGE = ROOT / "docs" / "safety-case.md"
KINDS = {"tests/unit": "unit", "tests/world": "world", "tests/blackbox": "blackbox", "tests/fuzz": "fuzz"}
KINDS |= {"tests/console": "pilot", "tests/packaging": "packaging", "tests/interop": "interop", "tests/soak": "soak"}
KINDS |= {"tests/storage": "storage"}
PILOTED = "tests/unit/console/"
"""Tests with the screen itself, driven by keys."""
KIT = "tests/unit/conformance/"
"""Broken simulated guns that the conformance kit has to find."""
MARKS = ("hazard", "invariant")

HEAD = """\
# Safety case

Made by `python -m tests.safety_case` from [the table of hazards](safety-case/hazards.toml) and the tests that name
its rows; a full test run fails where a row has no passing test. In the manner of ISO 14971, with no claim of
conformity: the product is not a certified medical device.

{count}

What no control here removes: true depth in skin is not measured; air in the line is not detected by software; a
terminal cannot prove that an alarm was heard; a host cannot stop a gun whose firmware breaks its own limits; whoever
has the host's root rights can do anything up to the last checkpoint that is held outside.

| | Hazard | Severity | Invariants | Tests | Kinds of proof | Still to come |
|---|---|---|---|---|---|---|"""

FOOT = """\
*Kinds of proof* counts the tests of the hazard and those of its invariants. *Still to come* names the kinds that the
table asks for beyond these: *kit* is a broken gun that the conformance kit finds, *pilot* a test of the console by
its keys."""


@dataclass
class Proofs:
    """Tests by the row that they name: file, and name without parameters."""

    tests: dict[str, set[tuple[str, str]]] = field(default_factory=lambda: defaultdict(set))
    live: set[str] = field(default_factory=set)  # rows named by a test that is neither skipped nor expected to fail
    strange: list[str] = field(default_factory=list)  # marks without exactly one text


class Collector:
    """A plugin that notes the marks of what pytest collects."""

    def __init__(self):
        self.proofs = Proofs()

    def pytest_collection_modifyitems(self, items):
        for item in items:
            file, _, name = item.nodeid.partition("::")
            name = name.split("[")[0].replace("::", ".")
            for mark in item.iter_markers():
                if mark.name not in MARKS:
                    continue
                if len(mark.args) != 1 or not isinstance(mark.args[0], str):
                    self.proofs.strange.append(f"{file}::{name}: {mark.name}{mark.args} is not one id")
                    continue
                row = mark.args[0]
                if not row.startswith("HZ-" if mark.name == "hazard" else "I-"):
                    self.proofs.strange.append(f"{file}::{name}: {mark.name}({row!r}) is no {mark.name}")
                self.proofs.tests[row].add((file, name))
                if not is_off(item):
                    self.proofs.live.add(row)


def is_off(item):
    """Whether the test will be skipped, or is expected to fail, by what stands beside it."""
    for mark in item.iter_markers():
        if mark.name in {"skip", "xfail"}:
            return True
        if mark.name == "skipif" and any(condition is True for condition in mark.args):
            return True
    return False


def collect(root=ROOT):
    """Collect all tests and return what they say they prove."""
    collector = Collector()
    told = io.StringIO()
    with contextlib.redirect_stdout(told):
        status = pytest.main(["--collect-only", "-q", "-p", "no:randomly", str(root / "tests")], plugins=[collector])
    if status != 0:
        sys.exit(f"{told.getvalue()[-3000:]}\nthe tests cannot be collected, so the safety case cannot be made")
    return collector.proofs


def load(path=TABLE):
    """Read the table."""
    with path.open("rb") as file:
        return tomllib.load(file)


def problems(table, proofs, today):
    """Return what is wrong with table and tests, one line each."""
    found = list(proofs.strange)
    rows = [*table["hazard"], *table["invariant"]]
    ids = [row["id"] for row in rows]
    found += sorted({f"{row}: twice in the table" for row in ids if ids.count(row) > 1})
    for prefix, kind in (("HZ-", "hazard"), ("I-", "invariant")):
        numbers = sorted(int(row["id"].removeprefix(prefix)) for row in table[kind])
        found += [f"{prefix}{gone:02}: not in the table" for gone in set(range(1, numbers[-1] + 1)) - set(numbers)]
    for row in rows:
        name = row["id"]
        if "waiver" in row:
            waiver = re.fullmatch(r"(\d{4}-\d\d-\d\d): (.{10,})", row["waiver"])
            if waiver is None:
                found.append(f"{name}: a waiver is a date, a colon and a reason")
            elif dt.date.fromisoformat(waiver[1]) < today:
                found.append(f"{name}: its waiver ended on {waiver[1]}: {waiver[2]}")
        elif not proofs.tests.get(name):
            found.append(f"{name}: no test names it")
        elif name not in proofs.live:
            found.append(f"{name}: every test that names it is skipped or expected to fail")
    for row in table["hazard"]:
        found += [
            f"{row['id']}: names {number}, which is not in the table" for number in set(row["invariants"]) - {*ids}
        ]
        if not {"gun", "host"} & row.keys():
            found.append(f"{row['id']}: says no control")
    for row, tests in sorted(proofs.tests.items()):
        if row not in ids:
            found += [f"{file}::{name}: names {row}, which is not in the table" for file, name in sorted(tests)]
    return found


def waivers(table):
    """Return the waivers, one line each, to be said aloud."""
    return [
        f"WAIVED {row['id']} until {row['waiver']}"
        for row in [*table["hazard"], *table["invariant"]]
        if "waiver" in row
    ]


def kind_of(file):
    """Return what kind of proof a test file holds."""
    for folder, kind in ((PILOTED, "pilot"), (KIT, "kit")):
        if file.startswith(folder):
            return kind
    return "explorer" if "explore" in file else KINDS.get("/".join(file.split("/")[:2]), "other")


def page(table, proofs):
    """Return the text of docs/safety-case.md."""
    count = f"{len(table['hazard'])} hazards, {len(table['invariant'])} invariants, "
    count += f"{len(set().union(*proofs.tests.values()))} tests that name them, {len(waivers(table))} waived in part."
    lines = [HEAD.format(count=count)]
    for row in table["hazard"]:
        tests = proofs.tests.get(row["id"], set())
        kinds = {kind_of(file) for file, _ in tests}
        through = {kind_of(file) for number in row["invariants"] for file, _ in proofs.tests.get(number, set())}
        lacking = [kind for kind in row["asked"] if kind not in kinds | through]
        come = ", ".join([*lacking, *(["waiver"] if "waiver" in row else [])])
        link = f"[{row['id']}](#{row['id'].lower()})"
        numbers = ", ".join(row["invariants"])
        cells = [link, row["name"], row["severity"], numbers, len(tests), ", ".join(sorted(kinds | through)), come]
        lines.append(f"| {' | '.join(str(cell) for cell in cells)} |")
    lines += ["", FOOT]
    for row in table["hazard"]:
        story = f"**{row['name']}**, severity {row['severity']}: {row['cause']} → {row['harm']}."
        lines += ["", f"## {row['id']}", "", story]
        lines += ["", *(f"- {who.capitalize()}: {row[who]}." for who in ("gun", "host") if who in row)]
        lines.append(f"- Invariants: {', '.join(f'[{i}](#{i.lower()})' for i in row['invariants'])}.")
        if "waiver" in row:
            lines.append(f"- Waived until {row['waiver']}.")
        lines += ["", *listing(proofs.tests.get(row["id"], set()))]
    group = ""
    lines += ["", "# Invariants"]
    for row in table["invariant"]:
        if row["group"] != group:
            group = row["group"]
            lines += ["", f"**{group}**"]
        lines += ["", f"### {row['id']}", "", row["text"], "", *listing(proofs.tests.get(row["id"], set()))]
    return "\n".join(lines).rstrip() + "\n"


def listing(tests):
    """Return the tests as lines, by file."""
    by_file = defaultdict(list)
    for file, name in sorted(tests):
        by_file[file].append(f"`{name}`")
    return [f"- `{file}`: {', '.join(names)}" for file, names in by_file.items()]


def main(arguments):
    """Make or check the safety case; return the exit status."""
    if arguments not in ([], ["--check"]):
        print("usage: python -m tests.safety_case [--check]", file=sys.stderr)
        return 2
    table, proofs = load(), collect()
    found = problems(table, proofs, dt.datetime.now(tz=dt.UTC).date())
    text = page(table, proofs)
    if not arguments:
        PAGE.write_text(text)
    elif not PAGE.exists() or PAGE.read_text() != text:
        found.append(f"{PAGE.relative_to(ROOT)} is not up to date; run: python -m tests.safety_case")
    for line in [*waivers(table), *found]:
        print(line)
    total = len(table["hazard"]), len(table["invariant"])
    print(f"safety case: {total[0]} hazards, {total[1]} invariants, {len(found)} problems")
    tests = {test for named in proofs.tests.values() for test in named}
    figures = {"hazards": total[0], "invariants": total[1], "tests": len(tests), "waived": len(waivers(table))}
    return tell("every hazard has a test that proves its control", {**figures, "problems": len(found)}, ok=not found)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
