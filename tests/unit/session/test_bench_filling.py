"""Both ends of a filling, weighed on the real firmware model: what is planted there is found, and a good gun passes."""

import pytest
from msgspec.structs import replace

from meso_device.calibration.decision import Verdict
from meso_device.calibration.record import Ended, FillingJudged, Reading, Use, What
from meso_device.calibration.run import RunState, is_cut_short
from tests.unit.session.test_bench import assert_every_shot_is_in_the_log_once, of
from tests.world.bench_rig import ORDER, BenchRig

FILLING = replace(ORDER, what=What.FILLING, readings_each=5)


def judged(*faults, gain_ppm=0):
    """Run one on a gun with these faults; return the rig and what it came to."""
    rig = BenchRig(gain_ppm=gain_ppm)
    for name, strength in faults:
        rig.gun.body.set_fault(rig.now_us, name, strength)
    rig.calibrate(FILLING)
    bench = rig.to_the_end()
    assert bench.state is RunState.SIGN, bench
    [found] = of(rig, FillingJudged)
    return rig, found


def test_a_good_gun_passes_from_its_first_shot_to_the_rest_that_the_log_tells():
    rig, found = judged()
    assert found.verdict is Verdict.PASS
    assert found.first_outside == 0
    assert abs(found.drip_pl) < found.expanded_pl
    assert len(found.first_pl) == 5
    assert len(found.last_pl) >= 5
    assert abs(found.last_pl[-1] - found.last_logged_nl[-1] * 1_000) < 1_000 * found.single_limit_nl
    assert found.last_logged_nl[-1] < found.set_nl
    assert rig.gun.body.content_nl == 0
    assert_every_shot_is_in_the_log_once(rig)
    [ended] = of(rig, Ended)
    assert ended.due_day > ended.issued_day


@pytest.mark.hazard("HZ-55")
def test_air_before_the_tip_shows_in_the_first_shots_and_in_no_other():
    # Two shots of 50 uL prime it; the third brings the rest of the air out.
    _, found = judged(("empty_line", 190_000))
    assert found.first_outside == 2
    assert found.first_pl[0] < 100_000
    assert (found.first_verdict, found.drip_verdict, found.last_verdict) == (Verdict.PASS,) * 3
    _, found = judged(("empty_line", 240_000))
    assert found.first_outside == 3
    assert found.first_verdict is found.verdict is Verdict.FAIL


@pytest.mark.hazard("HZ-55")
def test_what_drips_is_found_within_its_uncertainty():
    _, found = judged(("drip", 3_000))
    assert abs(found.drip_pl - 3_000_000) < found.expanded_pl + 30_000
    assert found.drip_verdict is found.verdict is Verdict.FAIL
    # What hung behind the first shot is missing there alone.
    assert found.first_pl[0] < found.first_pl[1]


def test_a_barrel_that_gives_too_much_shows_in_the_last_doses():
    _, found = judged(gain_ppm=80_000)
    assert found.last_verdict is Verdict.FAIL
    assert found.last_error_pl == pytest.approx(80 * found.set_nl, abs=600_000)  # the drops scatter


def test_a_run_killed_again_and_again_takes_its_broken_series_anew():
    rig = BenchRig()
    rig.calibrate(FILLING)
    for kill_at in (4, 12, 17, 22):
        rig.run(lambda at=kill_at: rig.over() or rig.have("reading") >= at, within_s=900)
        rig.kill_host()
        rig.resume()
    for _ in range(4):
        bench = rig.to_the_end()
        if bench.state is RunState.SIGN:
            break
        assert "fill" in bench.fault
        refill(rig)
        rig.resume()
    readings = of(rig, Reading)
    assert [one.no for one in readings] == list(range(1, len(readings) + 1))
    assert sum(one.use is Use.DRIP for one in readings) == 1
    assert is_cut_short(readings[-1])
    assert of(rig, FillingJudged)[0].verdict is Verdict.PASS
    assert_every_shot_is_in_the_log_once(rig)


def refill(rig):
    body = rig.gun.body
    body.swap_cartridge(rig.now_us, replace(body._mechanics.cartridge))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"targets": (50_000, 100_000)}, "name one"),
        ({"shots_each": 2}, "single shots"),
        ({"readings_each": 60}, "fewer readings"),
    ],
)
def test_an_order_that_one_filling_cannot_give_is_refused(changes, says):
    rig = BenchRig()
    rig.calibrate(replace(FILLING, **changes))
    assert says in rig.to_the_end().fault
    assert not rig.truth
