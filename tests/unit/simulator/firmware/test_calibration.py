"""Calibration: read, written to a shadow, made active as a whole or not at all."""

import pytest
from msgspec.structs import replace

from protocols.treatment.needles import heads
from protocols.treatment.syringes import smallest_dose_nl, syringes
from protocols.wire.codes import Code, GrantEnd, State
from protocols.wire.hashes import hash8
from protocols.wire.messages import CalCommit, CalMain, CalRead, CalWrite, SyringeRow
from simulator.firmware import factory_calibration, nvm_size
from simulator.firmware.calibration import parse_calibration
from simulator.firmware.refusal import Refusal

MS = 1_000
CAL = parse_calibration(factory_calibration())


def adjusted(**changes):
    return replace(CAL.main, **{"cal_id": 2, "certificate": "C-2026-1", **changes}).pack() + CAL.block[64:]


def write(rig, block):
    for page in range(5):
        rig.do(CalWrite(page, block[page * 64 : (page + 1) * 64]))


def read(rig):
    return b"".join(rig.do(CalRead(page)).block for page in range(5))


def test_the_factory_knows_every_syringe_and_head_of_the_tables_by_their_numbers():
    known = {s.geometry_id: s for s in syringes().values() if s.pl_per_um is not None}
    assert set(CAL.syringes) == set(known)
    for geometry_id, row in CAL.syringes.items():
        assert row.pl_per_um == known[geometry_id].pl_per_um
        assert row.travel_um == known[geometry_id].size_nl * 1_000 // row.pl_per_um
        assert row.min_dose_nl == smallest_dose_nl(row.pl_per_um)
    assert {(row.head_type_id, row.pins) for row in CAL.heads.values()} == {
        (h.type_id, h.pins) for h in heads().values()
    }


def test_a_commit_makes_the_shadow_active_and_outlives_a_reset(rig):
    rig.bench()
    block = adjusted(dose_gain_ppm=12_000)
    write(rig, block)
    assert read(rig) == CAL.block
    reply = rig.do(CalCommit(2, hash8(block)))
    assert (reply.cal_id, reply.cal_hash8) == (2, hash8(block))
    assert read(rig) == block
    rig.reset()
    hello = rig.hello()
    assert (hello.cal_id, hello.cal_hash8, hello.cal_due_day) == (2, hash8(block), CAL.main.due_day)


@pytest.mark.invariant("I-13")
@pytest.mark.hazard("HZ-20")
def test_a_new_calibration_ends_credit_and_settings_made_for_the_old_one(rig):
    rig.bench().set(contact_gate=0)
    rig.grant(kind=4)
    write(rig, adjusted())
    rig.do(CalCommit(2, hash8(adjusted())))
    assert rig.gun._board.grants.newest.ended is GrantEnd.SETTINGS
    assert rig.ask(rig.terms(kind=4)).code == Code.E_CALIBRATION
    old = rig.block(contact_gate=0, cal_hash8=CAL.hash8)
    assert (rig.ask(old).code, rig.replies[rig.req_id].field_offset) == (Code.E_CALIBRATION, 64)
    rig.set(contact_gate=0)
    rig.grant(kind=4)


@pytest.mark.parametrize(("cal_id", "damage", "offset"), [(3, 0, 0), (2, 1, 4)])
def test_a_commit_of_another_number_or_hash_is_refused(rig, cal_id, damage, offset):
    rig.bench()
    write(rig, adjusted())
    proof = bytearray(hash8(adjusted()))
    proof[0] ^= damage
    before = rig.image()
    reply = rig.ask(CalCommit(cal_id, bytes(proof)))
    assert (Code(reply.code), reply.field_offset) == (Code.E_CALIBRATION, offset)
    assert rig.image() == before


@pytest.mark.parametrize(
    ("change", "offset"),
    [
        ({"depth_offset_um": 2_001}, 4),
        ({"depth_gain_ppm": -200_001}, 8),
        ({"dose_gain_ppm": 200_001}, 16),
        ({"cal_id": 0}, 20),
    ],
)
def test_a_figure_out_of_range_is_refused_when_it_is_written(rig, change, offset):
    rig.bench()
    reply = rig.ask(CalWrite(0, adjusted(**change)[:64]))
    assert (Code(reply.code), reply.field_offset) == (Code.E_RANGE, offset)


@pytest.mark.parametrize(
    "page",
    [
        SyringeRow(1, 16_691, 1_000, 1_000).pack() * 2 + bytes(32),
        SyringeRow(1, 0, 1_000, 1_000).pack() + bytes(48),
    ],
)
def test_rows_that_contradict_each_other_or_themselves_are_no_calibration(page):
    with pytest.raises(Refusal) as refused:
        parse_calibration(CAL.block[:64] + page + CAL.block[128:])
    assert refused.value.code is Code.E_CALIBRATION


@pytest.mark.parametrize("pins", [0, 10])
def test_a_head_of_no_or_too_many_pins_is_no_calibration(pins):
    from protocols.wire.messages import HeadRow

    with pytest.raises(Refusal):
        parse_calibration(CAL.block[:256] + HeadRow(1, pins, 30, 4_000, 159).pack() + bytes(48))


def test_main_figures_out_of_range_are_no_calibration():
    with pytest.raises(Refusal):
        parse_calibration(adjusted(cal_id=0))


def test_a_commit_cut_at_any_byte_leaves_the_old_or_the_new_calibration(make_rig, cut_store):
    seen = set()
    for cut in range(0, 400, 13):
        store = cut_store(nvm_size(64))
        rig = make_rig(store=store).bench()
        write(rig, adjusted())
        store.left = cut
        rig.send(rig.frame(CalCommit(2, hash8(adjusted()))))
        store.left = None
        rig.reset()
        seen.add(rig.hello().cal_hash8)
    assert seen == {CAL.hash8, hash8(adjusted())}


def test_the_shadow_starts_as_the_active_calibration_after_a_reset(rig):
    rig.bench()
    rig.do(CalWrite(0, adjusted()[:64]))
    rig.reset().bench()
    assert rig.ask(CalCommit(2, hash8(adjusted()))).code == Code.E_CALIBRATION
    assert rig.do(CalCommit(1, CAL.hash8)).cal_id == 1
    assert rig.gun.state is State.SERVICE


def test_a_certificate_number_is_kept_as_it_is():
    assert CalMain.unpack(adjusted()[:64]).certificate == "C-2026-1"
