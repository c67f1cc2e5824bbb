import random

import pytest

from meso_device.cli.proof import compare


def made(seq, dose_nl=1_000, **more):
    return {"gun_uid": "aa", "log_epoch": 1, "shot_seq": seq, "dose_nl": dose_nl, "area": 7, "kind": "TREAT", **more}


def logged(seq, lo=990, hi=1_010, **more):
    key = {"gun_uid": "aa", "log_epoch": 1, "shot_seq": seq, "area": 7, "kind": "TREAT"}
    return {**key, "dose_lo_nl": lo, "dose_hi_nl": hi, **more}


def test_a_log_that_equals_the_truth_is_proven_in_any_order():
    log = [logged(seq) for seq in range(1, 61)]
    random.Random(1).shuffle(log)
    proof = compare([made(seq) for seq in range(1, 61)], log)
    assert proof.holds
    assert (proof.injections, proof.logged) == (60, 60)


@pytest.mark.parametrize(
    ("log", "fault"),
    [
        ([logged(1)], "missing"),
        ([logged(1), logged(2), logged(2)], "duplicated"),
        ([logged(1), logged(2), logged(3)], "invented"),
        ([logged(1), logged(2, gun_uid="bb")], "missing"),
        ([logged(1), logged(2, log_epoch=2)], "invented"),
        ([logged(1), logged(2, area=8)], "differing"),
        ([logged(1), logged(2, kind="DRY")], "differing"),
        ([logged(1), logged(2, lo=1_001)], "differing"),
        ([logged(1), logged(2, hi=999)], "differing"),
        ([], "missing"),
    ],
)
def test_each_way_to_be_wrong_is_seen(log, fault):
    proof = compare([made(1), made(2)], log)
    assert not proof.holds
    assert getattr(proof, fault) > 0


def test_nothing_made_and_nothing_logged_is_equal():
    assert compare([], []).holds
