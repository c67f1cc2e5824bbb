"""Settings: one block, taken as a whole or refused by field."""

import pytest
from msgspec.structs import replace

from protocols.wire.codes import Capability, Code, Mode
from protocols.wire.hashes import hash8
from protocols.wire.messages import Settings, SettingsGet
from simulator.firmware import DEFAULT_LIMITS

AT = Settings.OFFSETS


def refused(rig, **changes):
    before = rig.image()
    reply = rig.ask(rig.block(**changes))
    if reply.code != Code.OK:
        assert rig.image() == before
    return Code(reply.code), reply.field_offset


def test_what_is_set_is_read_back_byte_by_byte(rig):
    rig.own().set(depth_um=2_500, dose_nl=20_000)
    body = rig.do(SettingsGet())
    assert body.block == rig.settings.pack()
    assert body.settings_hash8 == hash8(body.block) == rig.settings_hash8 == rig.hello().settings_hash8


def test_after_a_reset_there_are_none(rig):
    rig.own().set()
    rig.reset().own()
    assert rig.do(SettingsGet()).block == bytes(72)


@pytest.mark.hazard("HZ-05")
@pytest.mark.hazard("HZ-08")
@pytest.mark.parametrize("name", [name for _, name, *_ in Settings.RANGES])
def test_every_range_is_kept_at_both_ends(rig, name):
    rig.own()
    offset, _, lowest, highest = next(row for row in Settings.RANGES if row[1] == name)
    for value in (lowest - 1, highest + 1):
        if 0 <= value < 1 << (8 * (min([at for at in AT.values() if at > offset] + [72]) - offset)):
            code, at = refused(rig, **{name: value})
            assert (code, at) == (Code.E_RANGE, offset)


@pytest.mark.hazard("HZ-08")
@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"depth_um": 1_505}, Code.E_GRID, "depth_um"),
        ({"dose_nl": 10_005}, Code.E_GRID, "dose_nl"),
        ({"dose_nl": 0}, Code.E_RANGE, "dose_nl"),
        ({"mode": Mode.DRY}, Code.E_RANGE, "dose_nl"),
        ({"dose_nl": 990}, Code.E_RANGE, "dose_nl"),
        ({"dose_nl": 5_710}, Code.E_RANGE, "dose_nl"),
        ({"burst_shots": 2}, Code.E_RANGE, "burst_shots"),
        ({"flow_nl_per_s": 2_000_001}, Code.E_LIMIT, "flow_nl_per_s"),
        ({"flow_nl_per_s": 100}, Code.E_LIMIT, "flow_nl_per_s"),
        ({"pins": 2}, Code.E_LIMIT, "pins"),
        ({"pins": 5}, Code.E_RANGE, "pins"),
        ({"max_pressure_pa": 3_000_001}, Code.E_LIMIT, "max_pressure_pa"),
        ({"needle_speed_um_per_s": 1_000_001}, Code.E_LIMIT, "needle_speed_um_per_s"),
        ({"suction_mode": 1}, Code.E_RANGE, "suction_threshold_pa"),
        ({"suction_mode": 2, "suction_threshold_pa": 5_000}, Code.E_RANGE, "trigger_mask"),
        ({"syringe_geometry_id": 5}, Code.E_CARTRIDGE, "syringe_geometry_id"),
        ({"head_type_id": 2, "pins": 5}, Code.E_HEAD, "head_type_id"),
        ({"head_type_id": 9}, Code.E_HEAD, "head_type_id"),
        ({"cal_hash8": bytes(8)}, Code.E_CALIBRATION, "cal_hash8"),
    ],
)
def test_a_field_that_does_not_fit_is_refused_by_its_offset(rig, changes, code, field):
    rig.own()
    assert refused(rig, **changes) == (code, AT[field])


@pytest.mark.invariant("I-28")
@pytest.mark.parametrize(
    ("limit", "changes", "field"),
    [
        ({"depth_um_max": 1_490}, {}, "depth_um"),
        ({"dose_nl_max": 9_990}, {}, "dose_nl"),
        ({"interval_ms_min": 112}, {}, "interval_ms"),
        ({"pins_mask": 0b10000}, {}, "pins"),
    ],
)
def test_the_guns_own_limits_refuse_what_the_wire_protocol_would_allow(make_rig, limit, changes, field):
    rig = make_rig(limits=replace(DEFAULT_LIMITS, **limit)).own()
    assert refused(rig, **changes) == (Code.E_LIMIT, AT[field])


def test_a_gun_without_a_pump_refuses_suction(make_rig):
    rig = make_rig(capabilities=Capability.ENCODER).own()
    assert refused(rig, suction_mode=1, suction_threshold_pa=5_000) == (Code.E_RANGE, AT["suction_mode"])


def test_the_table_of_heads_bounds_the_travel_and_the_dose_must_be_left_after_correction(make_rig):
    from protocols.wire.messages import CalMain, HeadRow
    from simulator.firmware import factory_calibration

    block = CalMain(0, 0, -10_000, 0, 1, 0, 0, "x").pack() + factory_calibration()[64:256]
    block += HeadRow(1, 1, 30, 4_000, 159).pack() + bytes(48)
    rig = make_rig(calibration=block).own()
    assert refused(rig, depth_um=4_010, dose_nl=20_000) == (Code.E_LIMIT, AT["depth_um"])
    assert refused(rig, dose_nl=10_000) == (Code.E_RANGE, AT["dose_nl"])
    assert refused(rig, depth_um=4_000, dose_nl=10_010)[0] is Code.OK


def test_the_reserved_bytes_must_be_zero(rig):
    from protocols.wire.frame import encode_frame

    rig.own()
    for at in (30, 31):
        raw = bytearray(rig.block().pack())
        raw[at] = 1
        rig.req_id += 1
        rig.send(encode_frame(Settings.TYPE, rig.req_id, rig.session, 0, bytes(raw)))
        assert (rig.replies[rig.req_id].code, rig.replies[rig.req_id].field_offset) == (Code.E_RANGE, at)


def test_a_setting_not_taken_shows_in_the_hash_and_a_lying_read_back_does_not_help(rig):
    rig.own().set()
    rig.faults.set("setting_not_taken")
    assert rig.do(rig.block(depth_um=2_000)).settings_hash8 == rig.settings_hash8
    assert rig.do(SettingsGet()).block == rig.settings.pack()
    rig.faults.set("setting_not_taken")
    rig.faults.set("readback_lies")
    rig.do(rig.block(depth_um=2_000))
    body = rig.do(SettingsGet())
    assert body.block == rig.block(depth_um=2_000).pack()
    assert body.settings_hash8 != hash8(body.block)
