"""Sections 7 and 8 of SPEC.md: settings and hard limits."""

from typing import Final

from meso_device.conformance.bench import Bench
from meso_device.conformance.findings import expect, rule
from meso_device.conformance.rules.asked import EMPTY_SETTINGS
from meso_device.conformance.workable import calibration, head_rows, syringe_rows
from protocols.wire.codes import Capability, Code, GrantEnd, Mode, SuctionMode
from protocols.wire.hashes import hash8
from protocols.wire.messages import (
    GrantEndedEvent,
    LimitsGet,
    LimitsGetReply,
    Settings,
    SettingsGet,
    SettingsGetReply,
    SettingsSetReply,
)

_AT: Final = Settings.OFFSETS


def _beyond(bench: Bench) -> list[tuple[str, Settings, Code, str]]:
    """Settings that this gun's own limits do not allow, with the refusal due and the field it names."""
    limits, of = bench.limits, bench.settings
    wrong = [
        ("dose 0 outside DRY", of(dose_nl=0), Code.E_RANGE, "dose_nl"),
        ("a dose in DRY", of(mode=Mode.DRY), Code.E_RANGE, "dose_nl"),
        ("burst_shots 2 outside BURST", of(burst_shots=2), Code.E_RANGE, "burst_shots"),
    ]
    if limits.depth_um_max < 13_000:
        wrong.append(("depth above its limit", of(depth_um=limits.depth_um_max + 1), Code.E_LIMIT, "depth_um"))
    if limits.depth_grid_um > 1:
        wrong.append(("depth off its grid", of(depth_um=of().depth_um + 1), Code.E_GRID, "depth_um"))
    if limits.dose_nl_max < 200_000:
        wrong.append(("dose above its limit", of(dose_nl=limits.dose_nl_max + 1), Code.E_LIMIT, "dose_nl"))
    if limits.dose_grid_nl > 1:
        wrong.append(("dose off its grid", of(dose_nl=of().dose_nl + 1), Code.E_GRID, "dose_nl"))
    for name, limit, top in (
        ("flow_nl_per_s", limits.flow_nl_per_s_max, 10_000_000),
        ("max_pressure_pa", limits.pressure_pa_max, 5_000_000),
        ("needle_speed_um_per_s", limits.needle_speed_um_per_s_max, 2_000_000),
    ):
        if limit < top:
            wrong.append((f"{name} above its limit", of(**{name: limit + 1}), Code.E_LIMIT, name))
    if limits.interval_ms_min > 111:
        short = of(interval_ms=limits.interval_ms_min - 1)
        wrong.append(("interval below its limit", short, Code.E_LIMIT, "interval_ms"))
    pins = [pins for pins in range(1, 10) if not limits.pins_mask >> (pins - 1) & 1]
    if pins:
        wrong.append(("pins not in pins_mask", of(pins=pins[0]), Code.E_LIMIT, "pins"))
    return wrong


@rule("W-001")
def w001(bench: Bench) -> str | None:
    """Sets what the gun cannot carry out exactly: refused, or kept to the digit; never another value in its place."""
    good = bench.settings()
    bench.done(good)
    for what, settings, _, _ in _beyond(bench):
        answer = bench.ask(settings)
        active = bench.done(SettingsGet()).body(SettingsGetReply).block
        if answer.code == Code.OK:
            expect(active == settings.pack(), f"{what} was taken and replaced")
            expect(False, f"{what} was taken")
        expect(active == good.pack(), f"{what} was refused, and the settings are others now")
    return None


@rule("W-087")
def w087(bench: Bench) -> str | None:
    """Goes through the table of refusals as far as this gun's limits and calibration allow."""
    of, limits = bench.settings, bench.limits
    wrong = _beyond(bench)
    slow = of(flow_nl_per_s=1)
    wrong.append(("a stroke longer than 60 s", slow, Code.E_LIMIT, "flow_nl_per_s"))
    if not bench.look().capabilities & Capability.SUCTION:
        wrong.append(("suction without a pump", of(suction_mode=1), Code.E_RANGE, "suction_mode"))
    else:
        wrong.append(("suction without a threshold", of(suction_mode=1), Code.E_RANGE, "suction_threshold_pa"))
        alone = of(suction_mode=SuctionMode.STARTS, suction_threshold_pa=10_000)
        wrong.append(("suction that may not trigger", alone, Code.E_RANGE, "trigger_mask"))
    wrong.append(("another calibration", of(cal_hash8=b"\xa5" * 8), Code.E_CALIBRATION, "cal_hash8"))
    pages = calibration(bench)
    unused = next(n for n in range(1, 99) if n not in {row.geometry_id for row in syringe_rows(pages)})
    wrong.append(("an unknown syringe", of(syringe_geometry_id=unused), Code.E_CARTRIDGE, "syringe_geometry_id"))
    unused = next(n for n in range(1, 99) if n not in {row.head_type_id for row in head_rows(pages)})
    wrong.append(("an unknown head", of(head_type_id=unused), Code.E_HEAD, "head_type_id"))
    row = next(row for row in syringe_rows(pages) if row.geometry_id == of().syringe_geometry_id)
    small = limits.dose_nl_min + (-limits.dose_nl_min) % limits.dose_grid_nl
    if small < row.min_dose_nl:
        wrong.append(("a dose below the syringe's", of(dose_nl=small), Code.E_RANGE, "dose_nl"))
    bench.done(of())
    before = bench.standing()
    for what, settings, code, field in wrong:
        answer = bench.ask(settings)
        seen = f"{what}: {answer.named} instead of {code.name} (offset {_AT[field]})"
        expect((answer.code, answer.field) == (code, _AT[field]), seen)
    expect(bench.standing() == before, "refused settings changed the gun")
    return None


@rule("W-088")
def w088(bench: Bench) -> str | None:
    """Sets settings while armed, others and the same: the credit ends with cause SETTINGS."""
    for changes in ({"dwell_ms": 10}, {}):
        bench.settle()
        bench.arm(shots=3)
        mark = bench.mark()
        bench.done(bench.settings(**changes))
        bench.beating = None
        bench.listen(20_000)
        causes = [event.cause for event in bench.events(GrantEndedEvent, mark)]
        expect(causes == [GrantEnd.SETTINGS], f"GRANT_ENDED with causes {causes}")
        expect(bench.status().remaining_shots == 0, "credit is left after SETTINGS_SET")
    return None


@rule("W-089")
def w089(bench: Bench) -> str | None:
    """Sets blocks and reads them back, byte by byte; after a boot, with hands, 72 zero bytes and their hash."""
    odd = bench.settings(head_instance=0x0102030405060708, product_tag8=b"\xa5" * 8, area_code=65_535)
    for block in (bench.settings(), odd):
        said = bench.done(block).body(SettingsSetReply).settings_hash8
        active = bench.done(SettingsGet()).body(SettingsGetReply)
        wrong = [at for at, (sent, got) in enumerate(zip(block.pack(), active.block, strict=True)) if sent != got]
        expect(not wrong, f"bytes {wrong} read back other than set")
        expect(active.settings_hash8 == hash8(active.block) == said, "the hash is not that of the block")
        expect(bench.look().settings_hash8 == said, "HELLO says another settings_hash8")
    if bench.hands is None:
        return "without a boot"
    bench.power_cycle()
    bench.own()
    active = bench.done(SettingsGet()).body(SettingsGetReply)
    expect(active.block == EMPTY_SETTINGS, "settings are active after a boot")
    expect(active.settings_hash8 == hash8(EMPTY_SETTINGS), "another hash than that of 72 zero bytes")
    return None


@rule("W-090")
def w090(bench: Bench) -> str | None:
    """Sets a block with each reserved byte not zero: E_RANGE with its offset."""
    good = bytearray(bench.settings().pack())
    for at in (30, 31):
        block = good[:at] + b"\1" + good[at + 1 :]
        answer = bench.sent(bench.any_frame(Settings.TYPE, bytes(block), bench.owner))
        expect((answer.code, answer.field) == (Code.E_RANGE, at), f"reserved byte {at} set: {answer.named}")
    return None


@rule("W-092")
def w092(bench: Bench) -> str | None:
    """Reads the hard limits before and after every other message, and compares their hash with HELLO's."""
    limits = bench.done(LimitsGet()).body(LimitsGetReply)
    hello = bench.look()
    expect(hello.limits_hash8 == hash8(limits.pack()), "limits_hash8 is not that of the limits")
    for code in range(1, 0x3F):
        if code not in {0x0A, 0x22, 0x05, 0x14, 0x01}:
            bench.sent(bench.any_frame(code, limits.pack(), bench.owner))
    expect(bench.done(LimitsGet()).body(LimitsGetReply) == limits, "a message changed the limits")
    return None
