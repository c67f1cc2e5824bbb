"""What the log says became of a run at the bench, and that a run must have begun."""

from meso_device.accounting.entries import CommitFailed
from meso_device.calibration.decision import Verdict
from tests.unit.audit.clinic import batch, commit, stamp
from tests.unit.calibration.runs import dose_run, entries

RUN = "5c" * 16


def row(store):
    [found] = store._db.execute(
        "SELECT state, as_found, as_left, cal_hash8, due_day, signed_seq IS NULL, ended_us > 0 "
        "FROM calibration_run WHERE run = ?",
        (RUN,),
    ).fetchall()
    return found


def test_a_run_goes_from_open_to_signed_and_nothing_counts_twice(store):
    steps = entries(dose_run(RUN, as_found=Verdict.FAIL, as_left=Verdict.PASS, due_day=20_800))
    commit(store, *steps[:5])
    assert row(store) == ("open", "", "", "00" * 8, 0, 1, 0)
    commit(store, *steps[5:7])
    assert row(store) == ("open", "fail", "", "11" * 8, 0, 1, 0)
    commit(store, *steps, *steps)
    assert row(store) == ("complete", "fail", "pass", "11" * 8, 20_800, 0, 1)


def test_what_belongs_to_no_run_is_refused(store):
    [result] = store.commit([batch(entries(dose_run(RUN))[5])], stamp())
    assert isinstance(result, CommitFailed)
    assert "never begun" in result.reason
