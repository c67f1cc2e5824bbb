"""Real processes, killed or failed by the kernel at the N-th system call of the commit path."""

import pytest

from tests.storage.kills import Fault, count_calls, drivers, fail, fail_each, kill_many, strace_works
from tests.storage.kills import Findings as Found

NO_STRACE = strace_works()
KILLS = 100

pytestmark = pytest.mark.skipif(bool(NO_STRACE), reason=NO_STRACE)


@pytest.mark.invariant("I-08")
@pytest.mark.invariant("I-42")
@pytest.mark.hazard("HZ-02")
def test_a_process_killed_at_any_system_call_of_a_commit_leaves_what_it_told():
    found = kill_many(KILLS, seed=1)
    assert not found.wrong, f"{len(found.wrong)} of {found.faults}: {found.wrong[:3]}"
    assert found.struck >= KILLS
    # A committed record that nobody was told of is the common case, so the key counts and not the answer.
    assert found.untold > KILLS // 4


@pytest.mark.invariant("I-48")
@pytest.mark.hazard("HZ-31")
@pytest.mark.parametrize(
    ("error", "again", "on"),
    [("EIO", False, False), ("EIO", True, False), ("ENOSPC", False, True), ("EROFS", True, True)],
)
def test_a_call_that_fails_ends_all_acknowledgement_and_loses_nothing(error, again, on):
    found = fail_each((error,), shots=5, step=5, again=again, on=on)
    assert not found.wrong, f"{len(found.wrong)} of {found.faults}: {found.wrong[:3]}"
    assert found.struck == found.faults > 60


@pytest.mark.invariant("I-48")
@pytest.mark.hazard("HZ-31")
def test_after_a_failed_sync_nothing_more_is_written_on_that_connection():
    found = Found()
    with drivers() as server:
        syncs = count_calls(server, server.folder / "count", 5, "writer")["fdatasync"]
        told = server.run(server.folder / "home", 20, Fault("writer", "fdatasync", 2, "error=EIO"))
        assert (told.status, told.struck) == (1, True)
        # All that is asked afterwards is refused, and each time with the reason.
        failures = [line for line in told.lines if line.startswith("failed ")]
        assert len(failures) >= 4
        assert all("cannot be written" in line for line in failures)
        for when in range(1, syncs + 1):
            fail(server, Fault("writer", "fdatasync", when, "error=EIO", on=True), 5, found)
    assert syncs >= 5
    assert not found.wrong, found.wrong
