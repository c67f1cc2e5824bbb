from random import Random

import pytest

from protocols.errors import UsageError
from simulator.physics import SNAPSHOT_SIZE, SYRINGES, Cartridge, Head


@pytest.mark.parametrize("killed_after_us", [0, 9_000, 15_000, 30_000, 66_000, 80_000])
def test_killed_in_a_stroke_the_next_start_finds_it_interrupted_with_what_it_gave(make_gun, killed_after_us):
    before = make_gun()
    before.body.set_contact(0, True)
    before.shot()
    before.start()
    before.wait(killed_after_us)
    kept = before.body.state(before.now_us)
    seen = before.body.sensors(before.now_us)
    before.body.power_off(before.now_us)

    after = make_gun()
    after.body.restore(0, kept)
    [found], expected = after.truth, before.truth[-1]
    assert found.outcome == "INTERRUPTED"
    assert (found.label, found.dose_nl, found.depth_um) == (
        expected.label,
        expected.dose_nl,
        expected.depth_um,
    )
    now = after.body.sensors(0)
    assert (now.needle_um, now.plunger_um) == (seen.needle_um, seen.plunger_um)
    assert after.body.content_nl == before.body.content_nl


def test_killed_at_rest_nothing_is_reported_and_everything_is_kept(make_gun):
    before = make_gun(
        parts={
            "cartridge": Cartridge(syringe=SYRINGES[8], content_nl=4_000_000, viscosity_upa_s=5_000),
            "head": Head(head_type_id=2, head_instance=2**63 + 5, pins=5),
        }
    )
    before.body.set_fault(0, "depth_stop_drift")
    before.body.set_fault(0, "encoder_slip")
    before.shot(antidrip_nl=4_000, pl_per_um=165_130)
    before.body.set_battery_mv(before.now_us, 3_456)
    kept = before.body.state(before.now_us)
    after = make_gun()
    after.body.restore(0, kept)
    assert after.truth == []
    assert after.body.state(0) == kept
    for each in (before, after):
        each.body.heal(each.now_us, "depth_stop_drift")
        each.body.heal(each.now_us, "encoder_slip")
        each.seq = 1
    ended, expected = after.shot(pl_per_um=165_130), before.shot(pl_per_um=165_130)
    assert ended[0].encoder_nl == expected[0].encoder_nl
    assert (ended[1].dose_nl, ended[1].depth_um) == (expected[1].dose_nl, expected[1].depth_um)


def test_stroke_restored_as_interrupted_is_not_reported_again_as_never_started(make_gun, make_label):
    before, after = make_gun(), make_gun()
    before.start()
    after.body.restore(0, before.body.state(20_000))
    after.body.never_started(0, make_label(1))
    assert len(after.truth) == 1


def test_taken_out_cartridge_stays_out(make_gun):
    before, after = make_gun(), make_gun()
    before.body.swap_cartridge(0, None)
    after.body.restore(0, before.body.state(0))
    assert not after.body.sensors(0).cartridge_present


def test_every_damaged_snapshot_is_refused(make_gun):
    gun, chance = make_gun(), Random(2)
    gun.shot()
    kept = gun.body.state(gun.now_us)
    assert len(kept) == SNAPSHOT_SIZE
    damaged = [kept[:-1], kept + b"\0", b"", bytes(SNAPSHOT_SIZE)]
    for _ in range(200):
        broken = bytearray(kept)
        broken[chance.randrange(len(broken))] ^= 1 << chance.randrange(8)
        damaged.append(bytes(broken))
    for each in damaged:
        with pytest.raises(UsageError, match="refused"):
            make_gun().body.restore(0, each)
