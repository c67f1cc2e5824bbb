"""The short form of the simulated world: 1,500 seeds, some aimed, every failure ever found, and that a seed is a seed.

Most of these sessions have 5 to 14 injections, and a few are whole ones of 300. `make world SEEDS=n` runs any number
of whole ones.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.world import corners, coverage, oracle
from tests.world.dice import Dice
from tests.world.faults import DIRECTED, KINDS, SCALES
from tests.world.session import run_seed

# With those that are aimed and the whole ones there are more than 1,500.
SHORT, CHUNK = 1_500, 25
SHOTS = range(5, 15)
AIMED_ROUNDS = 3
WHOLE = 6
WHOLE_FIRST = 1_000_000
REGRESSIONS = [
    line.split("#")[0].split()
    for line in (Path(__file__).parent / "regressions.txt").read_text().splitlines()
    if line.strip() and not line.startswith("#")
]
PROVEN = [
    pytest.mark.invariant(number)
    for number in (
        "I-05",
        "I-08",
        "I-10",
        "I-14",
        "I-23",
        "I-24",
        "I-25",
        "I-42",
        "I-43",
        "I-45",
        "I-47",
        "I-49",
        "I-60",
    )
] + [
    pytest.mark.hazard(number)
    for number in ("HZ-01", "HZ-02", "HZ-03", "HZ-04", "HZ-09", "HZ-14", "HZ-37", "HZ-40", "HZ-41")
]


def proves(test):
    for mark in PROVEN:
        test = mark(test)
    return test


def run(shots_of_seed):
    found = [
        f"python -m tests.world replay --seed {seed} --shots {shots}: {outcome.findings[0]}"
        for seed, shots in shots_of_seed.items()
        if (outcome := run_seed(seed, shots=shots)).findings
    ]
    assert not found, "\n".join(found)


@proves
@pytest.mark.parametrize("first", range(0, SHORT, CHUNK))
def test_whatever_happens_every_injection_is_recorded_once_and_within_its_limits(first):
    run({seed: SHOTS[seed % len(SHOTS)] for seed in range(first, first + CHUNK)})


@proves
@pytest.mark.parametrize("first", range(WHOLE_FIRST, WHOLE_FIRST + WHOLE, 3))
def test_whole_sessions_of_three_hundred_injections_hold_as_well(first):
    run(dict.fromkeys(range(first, first + 3), 300))


@pytest.mark.parametrize("line", REGRESSIONS, ids=lambda line: f"{line[0]}-{line[2].split('@')[0]}")
def test_what_was_found_once_stays_mended(line):
    seed, shots, *faults = line
    outcome = run_seed(int(seed), shots=int(shots), only_faults=faults)
    assert outcome.faults, "none of its faults happened: the case has lost its meaning"
    assert not outcome.findings


@proves
@pytest.mark.parametrize("state", coverage.STATES)
def test_faults_aimed_at_the_states_that_they_seldom_meet_change_nothing_of_it(state):
    """`python -m tests.world coverage` goes on until no pair is open."""
    others = {(kind.name, other) for kind in KINDS for other in coverage.STATES if other != state}
    met = set(others)
    outcomes = list(corners.visit(met, rounds=AIMED_ROUNDS))
    found = [outcome for _, outcome in outcomes if outcome.findings]
    assert not found, "\n".join(f"{outcome.seed}: {outcome.findings[0]}" for outcome in found)
    assert len(met) > len(others)


@pytest.mark.parametrize("name", DIRECTED)
def test_a_fault_that_the_world_cannot_have_has_its_cases_elsewhere(name):
    for case in DIRECTED[name]:
        file, _, test = case.partition("::")
        assert f"def {test}(" in (Path(__file__).parents[2] / file).read_text(), case


def test_a_seed_is_the_same_session_under_any_hash_seed_and_beside_other_processes():
    code = "from tests.world.session import run_seed; print(*(run_seed(n, shots=40).fingerprint for n in range(4)))"
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            text=True,
        )
        for hash_seed in ("0", "31337")
    ]
    told = [process.communicate()[0].split() for process in running]
    assert told[0] == told[1] == [run_seed(n, shots=40).fingerprint for n in range(4)]
    assert len(set(told[0])) == 4


def test_the_faults_of_a_run_handed_back_by_name_give_the_same_run():
    whole = run_seed(5, shots=40)
    again = run_seed(5, shots=40, only_faults=whole.faults)
    assert whole.faults
    assert (again.faults, again.fingerprint) == (whole.faults, whole.fingerprint)


def test_leaving_a_kind_out_moves_no_other():
    streams = {}
    for scales in (SCALES, {name: scale for name, scale in SCALES.items() if name != "drop"}):
        place = Dice(3, scales).place(
            "h2g", [kind.name for kind in KINDS if kind.place == "wire" and kind.name != "drop"]
        )
        met = []
        for _ in range(3_000):
            place.count += 1
            if place.count >= place.due:
                met.append((place.count, place.met()))
        streams[len(scales)] = met
    first, second = streams.values()
    assert first == second
    assert first


def row(**changes):
    plain = {
        "gun_uid": "a", "log_epoch": 1, "shot_seq": 1, "area": 102, "kind": "TREAT", "depth_um": 1_000,
        "dose_lo_nl": 5_990, "dose_hi_nl": 6_000, "outcome": "DONE", "simulated": True,
    }  # fmt: skip
    return {**plain, **changes}


MOTION = oracle.Motion("a", 1, 1, 1, 102, "TREAT", "DONE", 5_995, 1_000, blind=False)


@pytest.mark.parametrize(
    "rows",
    [
        [],
        [row(), row()],
        [row(), row(shot_seq=2)],
        [row(log_epoch=2)],
        [row(area=110)],
        [row(kind="DRY")],
        [row(outcome="ABORTED")],
        [row(dose_lo_nl=0, dose_hi_nl=5_900)],
        [row(dose_lo_nl=6_100, dose_hi_nl=6_200)],
        [row(dose_lo_nl=6_000, dose_hi_nl=5_990)],
        [row(depth_um=1_500)],
        [row(simulated=False)],
    ],
)
def test_the_oracle_sees_every_way_a_log_can_be_wrong(rows):
    assert oracle.judge([MOTION], [row()], lost_after={}, lost_before=0) == []
    assert oracle.judge([MOTION], rows, lost_after={}, lost_before=0)


def test_the_oracle_sees_an_area_or_a_session_that_got_too_much():
    assert oracle.caps_kept([MOTION], points={102: 1}, session_nl=6_000) == []
    assert oracle.caps_kept([MOTION, MOTION], points={102: 1}, session_nl=60_000)
    assert oracle.caps_kept([MOTION, MOTION], points={102: 2}, session_nl=6_000)


def test_a_stroke_that_a_gun_forgot_with_its_log_counts_against_no_cap_and_every_other_does():
    """Found by the world: power lost in mid-stroke, and the log with it, before anybody had read the record."""
    again = oracle.Motion("a", 1, 1, 2, 102, "TREAT", "DONE", 5_995, 1_000, blind=False)
    both = [MOTION, again]
    assert oracle.knowable(both, [row()], lost_after={}) == both
    assert oracle.knowable(both, [row()], lost_after={("a", 1): 1}) == both
    assert oracle.knowable(both, [row()], lost_after={("a", 1): 0}) == [again]
    assert oracle.knowable(both, [], lost_after={("a", 1): 0}) == []


def test_a_pair_of_fault_and_state_that_was_neither_met_nor_declared_is_told_and_so_is_a_false_declaration():
    declared = coverage.unreachable()
    every = {(kind.name, state) for kind in KINDS for state in coverage.STATES}
    assert declared.keys() < every
    assert coverage.judge(every - declared.keys())[1] == []
    assert len(coverage.judge(every - declared.keys() - {("drop", "armed")})[1]) == 1
    assert len(coverage.judge((every - declared.keys()) | {next(iter(declared))})[1]) == 1
