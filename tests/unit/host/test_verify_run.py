"""Verifying for the screen: a real process, its lines, and what becomes of it."""

import select

import pytest

from meso_device.host import verify_run
from meso_device.host.verify_run import VerifyRun
from meso_device.session.contract import Instant

NOW = Instant(1, 2)


def finish(run):
    seen = []
    while run.runs:
        assert select.select(run.reads(), [], [], 30)[0]
        run.ready(frozenset(run.reads()), frozenset(), NOW)
        seen.append(run.state)
    return seen


def test_a_directory_without_a_log_is_told_in_one_line(tmp_path):
    run = VerifyRun(tmp_path)
    assert (run.state, run.runs, run.reads()) == (None, False, ())
    run.begin()
    run.begin()  # one runs already
    finish(run)
    assert run.state["state"] == "broken"
    assert run.state["text"]
    assert "\n" not in run.state["text"]


@pytest.mark.parametrize("code", ["print('nonsense')", "print('x' * 10_000)", "import os; os.kill(os.getpid(), 9)"])
def test_a_process_that_says_nothing_of_use_is_no_proof(tmp_path, monkeypatch, code):
    monkeypatch.setattr(verify_run, "COMMAND", (verify_run.sys.executable, "-c", code))
    run = VerifyRun(tmp_path)
    run.begin()
    finish(run)
    assert (run.state["state"], run.runs) == ("broken", False)
    assert "without a result" in run.state["text"]


def test_what_runs_is_ended_with_whoever_asked(tmp_path, monkeypatch):
    monkeypatch.setattr(verify_run, "COMMAND", (verify_run.sys.executable, "-c", "import time; time.sleep(60)"))
    run = VerifyRun(tmp_path)
    run.begin()
    run.close()
    assert not run.runs
    assert run.state["state"] == "running"
