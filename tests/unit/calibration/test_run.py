"""The table of a run: what may follow what, what cannot, and which reading is next."""

import pytest
from msgspec.structs import replace

from meso_device.calibration.record import Adjusted, Begun, Ended, Reading, Stage, Use, What, kind_of
from meso_device.calibration.run import NEXT, Run, RunState, Step, next_step, zone_bounds_um
from protocols.errors import UsageError
from tests.unit.calibration.runs import dose_run

RUN = "5c" * 16
ABANDONED = Ended(run=RUN, state="abandoned", verdict="", cal_hash8="00" * 8, reason="broken")


def test_a_whole_run_goes_through_its_states():
    run, seen = Run(), [RunState.IDENTIFY]
    for record in dose_run(RUN):
        run = run.then(record)
        if run.state is not seen[-1]:
            seen.append(run.state)
    assert seen == [
        RunState.IDENTIFY, RunState.AS_FOUND, RunState.ADJUST, RunState.AS_LEFT, RunState.JUDGE, RunState.SIGN,
        RunState.DONE,
    ]  # fmt: skip


def test_what_is_not_in_the_table_cannot_follow():
    """Every state with every kind of record: only those of the table, and giving up before the end."""
    records = dose_run(RUN)
    reached = {}
    for count in range(len(records) + 1):
        reached.setdefault(Run(tuple(records[:count])).state, records[:count])
    assert set(reached) == set(RunState) - {RunState.WARM_UP, RunState.ABANDONED}
    for state, before in reached.items():
        for record in records:
            if (state, kind_of(record)) in NEXT:
                Run((*before, record))
            else:
                with pytest.raises(UsageError, match="cannot follow"):
                    Run((*before, record))
        if state in {RunState.SIGN, RunState.DONE}:
            with pytest.raises(UsageError, match="cannot follow"):
                Run((*before, ABANDONED))
        else:
            assert Run((*before, ABANDONED)).state is RunState.ABANDONED


def test_what_only_renews_the_date_is_not_measured_again():
    records = dose_run(RUN)
    adjusted = next(record for record in records if isinstance(record, Adjusted))
    renewed = replace(adjusted, new={**adjusted.old, "cal_id": 2})
    run = Run((*records[: records.index(adjusted)], renewed))
    assert run.state is RunState.JUDGE
    assert run.stage is Stage.AS_FOUND


def steps_of(begun, extra_bases=()):
    """Take every reading that is asked for; a pause asks for a base out of turn."""
    run, steps = Run((begun,)), []
    while (step := next_step(run)) is not None:
        if len(steps) in extra_bases:
            step = Step(use=Use.BASE)
        steps.append(step)
        run = run.then(
            Reading(
                run=RUN, no=len(steps), stage=Stage.AS_FOUND, use=step.use, raw="1 g", value=1, unit="ug", digit=1,
                target=step.target, shots=step.shots, zone=step.zone, direction=step.direction, cycle=step.cycle,
            )
        )  # fmt: skip
    return steps


def test_doses_are_taken_in_order_between_two_blanks():
    begun = replace(dose_run(RUN)[0], targets=(10_000, 100_000), readings_each=3)
    uses = [(step.use, step.target) for step in steps_of(begun)]
    assert uses == [
        (Use.BASE, 0), (Use.BLANK, 0), *[(Use.DOSE, 10_000)] * 3, *[(Use.DOSE, 100_000)] * 3, (Use.BLANK, 0)
    ]  # fmt: skip


def test_a_pause_adds_a_base_and_takes_no_dose_away():
    begun = replace(dose_run(RUN)[0], targets=(10_000,), readings_each=4)
    uses = [step.use for step in steps_of(begun, extra_bases=(1, 3, 5))]
    assert uses.count(Use.DOSE) == 4
    assert uses.count(Use.BLANK) == 2
    assert uses.count(Use.BASE) == 4


def test_zones_follow_what_has_left_the_container():
    begun = replace(dose_run(RUN)[0], targets=(200_000,), readings_each=25)
    zones = [step.zone for step in steps_of(begun) if step.use is Use.DOSE]
    assert zones == sorted(zones)
    assert set(zones) == {1, 2, 3}


def test_travels_go_up_and_down_in_each_cycle():
    begun = replace(dose_run(RUN)[0], what=What.DEPTH, targets=(1_000, 2_000, 3_000), readings_each=2)
    assert isinstance(begun, Begun)
    once = [(1_000, "up"), (2_000, "up"), (3_000, "up"), (3_000, "down"), (2_000, "down"), (1_000, "down")]
    assert [(step.target, step.direction) for step in steps_of(begun)] == once * 2
    assert [step.cycle for step in steps_of(begun)] == [1] * 6 + [2] * 6


def test_zones_are_gone_through_once_from_front_to_rear_with_as_many_readings_of_each_dose():
    begun = replace(dose_run(RUN)[0], targets=(10_000, 20_000), readings_each=6, zones=3)
    doses = [step for step in steps_of(begun, extra_bases=(4, 11)) if step.use is Use.DOSE]
    assert [step.zone for step in doses] == sorted(step.zone for step in doses)
    for zone in (1, 2, 3):
        assert [step.target for step in doses if step.zone == zone] == [10_000, 10_000, 20_000, 20_000]
    bounds = [zone_bounds_um(begun, zone) for zone in (1, 2, 3)]
    assert (bounds[0][0], bounds[2][1]) == (0, begun.travel_um)
    assert [end for _, end in bounds[:2]] == [first for first, _ in bounds[1:]]
