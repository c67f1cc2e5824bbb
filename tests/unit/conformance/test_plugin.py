"""The kit as a pytest plugin: a firmware author's own run of pytest, in a directory of its own."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PLUGIN = "meso_device.conformance.plugin"


def run_pytest(folder, *words):
    (folder / "pytest.ini").write_text("[pytest]\n")
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", PLUGIN, "-p", "no:cacheprovider", "-rs", *words],
        cwd=folder,
        env=os.environ | {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "PYTEST_ADDOPTS": ""},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_pytest_finds_the_plugin_by_itself_under_the_name_of_its_module():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["pytest11"] == {PLUGIN: PLUGIN}


def test_one_test_a_rule_against_the_simulated_gun(tmp_path):
    ran = run_pytest(
        tmp_path, "--pyargs", "meso_device.conformance", "--gun", "simulated", "-k", "W-029 or W-100 or W-141"
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 passed, 1 skipped" in ran.stdout
    assert "this gun has an encoder" in ran.stdout


def test_a_broken_rule_is_a_failed_test_that_quotes_it(tmp_path):
    (tmp_path / "conftest.py").write_text(
        "from simulator.firmware.sessions import SessionTable\n"
        "SessionTable.repeated = lambda self, session, frame: None\n"
    )
    ran = run_pytest(tmp_path, "--pyargs", "meso_device.conformance", ".", "--gun", "simulated", "-k", "W-029 or W-050")
    assert ran.returncode == 1, ran.stdout + ran.stderr
    assert "1 failed, 1 passed" in ran.stdout
    assert "W-029 seen: " in ran.stdout
    assert "MUST be answered with the kept reply" in ran.stdout
    assert "Traceback" not in ran.stdout


def test_a_gun_with_a_link_key_is_tried_with_the_key_of_a_file(tmp_path):
    card = tmp_path / "card.key"
    card.write_text("00112233445566778899aabbccddeeff\n")
    card.chmod(0o600)
    words = ("--pyargs", "meso_device.conformance", "--gun", "simulated", "-k", "W-221 or W-203")
    ran = run_pytest(tmp_path, *words, "--gun-link-key-file", str(card))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 passed, 1 skipped" in ran.stdout
    assert "this gun holds a link key" in ran.stdout
    without = run_pytest(tmp_path, *words)
    assert "this gun holds no link key" in without.stdout
    card.chmod(0o644)
    open_to_all = run_pytest(tmp_path, *words, "--gun-link-key-file", str(card))
    assert open_to_all.returncode == 4
    assert "chmod 600" in open_to_all.stdout + open_to_all.stderr


def test_an_authors_own_test_and_hands(tmp_path):
    (tmp_path / "test_mine.py").write_text(
        "def test_my_gun(gun_bench):\n    gun_bench.settle()\n    assert gun_bench.status().remaining_shots == 0\n"
    )
    ran = run_pytest(tmp_path, ".", "--gun", "simulated")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "1 passed" in ran.stdout


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        ((), 0, "no gun named: --gun PORT"),
        (("--gun", "/nowhere/gun"), 4, "no such device"),
    ],
)
def test_without_a_gun_it_says_so(tmp_path, words, status, said):
    ran = run_pytest(tmp_path, "--pyargs", "meso_device.conformance", "-k", "W-050", *words)
    assert ran.returncode == status, ran.stdout + ran.stderr
    assert said in ran.stdout + ran.stderr
