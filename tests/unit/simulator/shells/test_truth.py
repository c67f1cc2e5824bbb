import json

import pytest

from protocols.errors import UsageError
from simulator.physics import Injection, StrokeLabel
from simulator.shells.truth import TruthFile


def injection(seq, dose_nl=10_000):
    label = StrokeLabel(kind="TREAT", gun_uid="ab" * 12, log_epoch=2, shot_seq=seq, grant_no=5, area_code=7)
    return Injection(
        label=label,
        at_us=1,
        depth_um=1_500,
        dose_nl=dose_nl,
        outcome="DONE",
        skin_nl=9_000,
        leaked_nl=10,
        drop_ug=9_500,
    )


def rows(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_injection_is_one_line_that_can_be_read_at_once(tmp_path):
    truth = TruthFile(tmp_path / "truth")
    truth.append(injection(1))
    assert rows(tmp_path / "truth") == [
        {
            "gun_uid": "ab" * 12, "log_epoch": 2, "shot_seq": 1, "kind": "TREAT", "grant_no": 5, "area": 7,
            "depth_um": 1_500, "dose_nl": 10_000, "outcome": "DONE",
            "at_us": 1, "skin_nl": 9_000, "leaked_nl": 10, "drop_ug": 9_500,
        }
    ]  # fmt: skip
    truth.append(injection(2))
    assert len(rows(tmp_path / "truth")) == 2
    truth.close()


def test_stroke_reported_again_after_a_kill_is_left_out_but_only_then(tmp_path):
    first = TruthFile(tmp_path / "truth")
    first.append(injection(1))
    first.append(injection(2))
    first.close()
    second = TruthFile(tmp_path / "truth")
    second.append(injection(2))
    second.append(injection(3))
    second.recovering = False
    second.append(injection(2))
    second.close()
    assert [row["shot_seq"] for row in rows(tmp_path / "truth")] == [1, 2, 3, 2], "a gun that repeats itself is shown"


def test_torn_last_line_is_cut_off(tmp_path):
    path = tmp_path / "truth"
    truth = TruthFile(path)
    truth.append(injection(1))
    truth.close()
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"gun_uid":"ab')
    again = TruthFile(path)
    assert path.read_bytes() == whole
    again.append(injection(2))
    again.close()
    assert [row["shot_seq"] for row in rows(path)] == [1, 2]


def test_file_with_only_a_torn_line_starts_empty(tmp_path):
    path = tmp_path / "truth"
    path.write_bytes(b'{"gun')
    TruthFile(path).close()
    assert path.read_bytes() == b""


@pytest.mark.parametrize("content", [b"hello\n", b"[]\n", b"{}\n", b"3\n"])
def test_file_that_holds_something_else_is_refused_and_kept(tmp_path, content):
    path = tmp_path / "truth"
    path.write_bytes(content)
    with pytest.raises(UsageError, match="no injection"):
        TruthFile(path)
    assert path.read_bytes() == content


def test_place_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(UsageError, match="refused: Is a directory"):
        TruthFile(tmp_path)
    with pytest.raises(UsageError, match="refused: No such file"):
        TruthFile(tmp_path / "none" / "truth")


def test_full_disk_ends_the_simulation_in_one_line():
    from pathlib import Path

    if not Path("/dev/full").exists():
        pytest.skip("no full device here")
    truth = TruthFile(Path("/dev/full"))
    with pytest.raises(UsageError, match="No space left"):
        truth.append(injection(1))
    truth.close()
