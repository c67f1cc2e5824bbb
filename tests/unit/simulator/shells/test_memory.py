import json
import signal
import subprocess
import sys
from random import Random

import pytest

from protocols.errors import UsageError
from simulator.shells.memory import GunFile

SIZE = 10_000

# A body alone, making strokes in real time as the process does; told to go on where the last one was killed.
BODY = """
import random, sys, time
from pathlib import Path
from simulator.physics import GunBody, Stroke, StrokeLabel
from simulator.shells.memory import GunFile
from simulator.shells.truth import TruthFile

file, truth = GunFile(Path(sys.argv[1]), 4_096), TruthFile(Path(sys.argv[2]))
body = GunBody(chance=random.Random(1), on_injection=truth.append)
if file.body is not None:
    body.restore(0, file.body)
seq = int.from_bytes(file.read(0, 4), "little")
label = lambda: StrokeLabel(kind="BENCH", gun_uid="00", log_epoch=1, shot_seq=seq, grant_no=1, area_code=1)
if seq:
    body.never_started(0, label())
truth.recovering = False
print("ready", flush=True)
start = time.monotonic_ns()
while True:
    now = (time.monotonic_ns() - start) // 1_000
    body.advance(now)
    if not body.moving:
        seq += 1
        file.write(0, seq.to_bytes(4, "little"))
        body.start_stroke(now, Stroke(label=label(), depth_um=1_000, needle_speed_um_per_s=200_000, dose_nl=3_000,
                                      flow_nl_per_s=300_000, pl_per_um=114_231))
    file.keep_body(body.state(now))
    time.sleep(0.0005)
"""


def test_memory_is_kept_from_one_process_to_the_next(tmp_path):
    first = GunFile(tmp_path / "gun", SIZE)
    assert first.body is None
    assert first.read(0, 5) == bytes(5)
    first.write(9_995, b"hello")
    first.keep_body(b"one")
    first.keep_body(b"two")
    first.close()
    second = GunFile(tmp_path / "gun", SIZE)
    assert second.read(9_995, 5) == b"hello"
    assert second.body == b"two"
    assert (first.starts, second.starts) == (1, 2)
    second.close()


def test_second_simulator_on_the_same_file_is_refused(tmp_path):
    first = GunFile(tmp_path / "gun", SIZE)
    with pytest.raises(UsageError, match="another simulator runs on it"):
        GunFile(tmp_path / "gun", SIZE)
    first.close()
    GunFile(tmp_path / "gun", SIZE).close()


@pytest.mark.parametrize("content", [b"hello", b"mesogun1", b"\0" * 30_000, b"x" * (4_096 + SIZE)])
def test_file_that_is_no_gun_is_refused_and_kept(tmp_path, content):
    path = tmp_path / "gun"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="not a simulated gun"):
        GunFile(path, SIZE)
    assert path.read_bytes() == content


def test_file_left_half_made_by_a_kill_is_made_anew(tmp_path):
    path = tmp_path / "gun"
    path.write_bytes(bytes(4_000))
    GunFile(path, SIZE).close()
    GunFile(path, SIZE).close()


def test_place_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(UsageError, match="refused: Is a directory"):
        GunFile(tmp_path, SIZE)


@pytest.mark.parametrize("seed", range(20))
def test_snapshot_torn_at_any_byte_leaves_the_one_before(tmp_path, seed):
    chance = Random(seed)
    path = tmp_path / "gun"
    file = GunFile(path, SIZE)
    file.keep_body(b"before" * 20)
    before = path.read_bytes()
    file.keep_body(b"after!" * 20)
    file.close()
    after = path.read_bytes()
    changed = [index for index in range(4_096) if before[index] != after[index]]
    cut = chance.choice(changed)
    path.write_bytes(after[: cut + 1] + before[cut + 1 :])
    torn = GunFile(path, SIZE)
    assert torn.body == (b"before" * 20 if cut < changed[-1] else b"after!" * 20)
    torn.keep_body(b"later")
    torn.close()
    again = GunFile(path, SIZE)
    assert again.body == b"later"
    again.close()


def test_strokes_killed_at_random_moments_are_each_told_once_and_the_volume_balances(tmp_path):
    """SIGKILL at random moments: the truth has each stroke once, and its doses are the plunger's travel."""
    from simulator.physics import GunBody

    chance = Random(11)
    for _ in range(12):
        child = subprocess.Popen(
            [sys.executable, "-c", BODY, str(tmp_path / "gun"), str(tmp_path / "truth")], stdout=subprocess.PIPE
        )
        with child:
            assert child.stdout.readline() == b"ready\n"
            with pytest.raises(subprocess.TimeoutExpired):
                child.wait(0.02 + chance.random() * 0.12)
            child.send_signal(signal.SIGKILL)
            assert child.wait() == -signal.SIGKILL

    rows = [json.loads(line) for line in (tmp_path / "truth").read_text().splitlines()]
    after = []
    body = GunBody(chance=Random(1), on_injection=after.append)
    full_nl = body.content_nl
    file = GunFile(tmp_path / "gun", 4_096)
    last_promised = int.from_bytes(file.read(0, 4), "little")
    body.restore(0, file.body)
    file.close()
    sequence = [row["shot_seq"] for row in rows] + [
        row.label.shot_seq for row in after if row.label.shot_seq != rows[-1]["shot_seq"]
    ]
    assert sequence in (list(range(1, last_promised + 1)), list(range(1, last_promised)))
    outcomes = [row["outcome"] for row in rows]
    assert outcomes.count("INTERRUPTED") >= 5
    assert outcomes.count("DONE") >= 5
    given_nl = sum(row["dose_nl"] for row in rows)
    given_nl += sum(row.dose_nl for row in after if row.label.shot_seq != rows[-1]["shot_seq"])
    assert full_nl - body.content_nl == given_nl
