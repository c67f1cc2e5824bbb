"""The two checks of the safety case see what they are for: that of `make check`, and that of a full run."""

import datetime as dt
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import safety_case

ROOT = Path(__file__).parents[2]
TODAY = dt.date(2026, 1, 1)
TABLE = """
[[hazard]]
id = "HZ-01"
severity = 3
name = "fire"
cause = "match"
harm = "burn"
host = "water"
invariants = ["I-01"]
asked = ["unit"]
{more}
[[invariant]]
id = "I-01"
group = "Gun"
text = "Wet."
"""
BOTH = '@pytest.mark.hazard("HZ-01")\n@pytest.mark.invariant("I-01")\n'
TESTS = {
    "passes": f"import pytest\n{BOTH}def test_a():\n    pass\n",
    "skips": f"import pytest\n{BOTH}def test_a():\n    pytest.skip('not here')\n",
    "skipped": f"import pytest\n@pytest.mark.skip\n{BOTH}def test_a():\n    pass\n",
    "expected to fail": f"import pytest\n{BOTH}@pytest.mark.xfail\ndef test_a():\n    assert False\n",
    "unnamed": "def test_a():\n    pass\n",
    "one of two": 'import pytest\n@pytest.mark.hazard("HZ-01")\ndef test_a():\n    pass\n',
}
CONFIG = (
    "[pytest]\nmarkers =\n    hazard(number): one\n    invariant(number): another\naddopts = --import-mode=importlib\n"
)


def proofs(tests, live):
    made = safety_case.Proofs()
    for row in tests:
        made.tests[row].add(("tests/unit/test_a.py", "test_a"))
    made.live = set(live)
    return made


def table(more=""):
    return safety_case.tomllib.loads(TABLE.format(more=more))


def test_a_whole_case_has_no_problem():
    assert safety_case.problems(table(), proofs({"HZ-01", "I-01"}, {"HZ-01", "I-01"}), TODAY) == []


@pytest.mark.parametrize(
    ("more", "named", "live", "said"),
    [
        ("", {"I-01"}, {"I-01"}, "HZ-01: no test names it"),
        ("", {"HZ-01"}, {"HZ-01"}, "I-01: no test names it"),
        ("", {"HZ-01", "I-01"}, {"I-01"}, "HZ-01: every test that names it is skipped"),
        ("", {"HZ-01", "I-01", "I-99"}, {"HZ-01", "I-01"}, "test_a: names I-99, which is not in the table"),
        ('waiver = "2025-12-31: not built yet"', {"I-01"}, {"I-01"}, "HZ-01: its waiver ended on 2025-12-31"),
        ('waiver = "some day"', {"I-01"}, {"I-01"}, "HZ-01: a waiver is a date"),
    ],
)
def test_what_is_wrong_is_said(more, named, live, said):
    (line,) = safety_case.problems(table(more), proofs(named, live), TODAY)
    assert said in line


def test_a_waiver_is_said_aloud_and_holds_until_its_date():
    waived = table('waiver = "2026-01-01: not built yet"')
    assert safety_case.problems(waived, proofs({"I-01"}, {"I-01"}), TODAY) == []
    assert safety_case.waivers(waived) == ["WAIVED HZ-01 until 2026-01-01: not built yet"]


@pytest.fixture
def project(tmp_path):
    """Give a small project with the hook that judges a full run."""
    (tmp_path / "docs" / "safety-case").mkdir(parents=True)
    (tmp_path / "tests" / "unit").mkdir(parents=True)
    (tmp_path / "docs" / "safety-case" / "hazards.toml").write_text(TABLE.format(more=""))
    (tmp_path / "pytest.ini").write_text(CONFIG)
    shutil.copy(ROOT / "tests" / "conftest.py", tmp_path / "tests")
    return tmp_path


def run(project, *arguments):
    """Run the tests of the project with no plugin but its own, and with workers where that is asked for."""
    plain = os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(command, cwd=project, env=plain, capture_output=True, text=True, check=False, timeout=500)


@pytest.mark.parametrize(("what", "workers"), [*((what, 0) for what in TESTS), ("passes", 2), ("skips", 2)])
def test_a_full_run_fails_unless_every_row_has_a_test_that_passed(project, what, workers):
    (project / "tests" / "unit" / "test_a.py").write_text(TESTS[what])
    done = run(project, *(("-p", "xdist", "-n", str(workers)) if workers else ()), "tests")
    assert (done.returncode == 0) is (what == "passes"), done.stdout
    assert ("2 of 2 rows proven" in done.stdout) is (what == "passes")
    if what != "passes":
        assert "UNPROVEN I-01: no test that names it passed" in done.stdout


@pytest.mark.parametrize("part", [("tests/unit",), ("tests", "-k", "a"), ("tests", "-m", "not hazard")])
def test_a_run_of_a_part_is_not_judged(project, part):
    (project / "tests" / "unit" / "test_a.py").write_text(TESTS["unnamed"])
    done = run(project, *part)
    assert done.returncode == 0, done.stdout
    assert "UNPROVEN" not in done.stdout
