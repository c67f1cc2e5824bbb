"""What the screen is told of the gun: the parts ``gun``, ``calibration`` and ``link_counts`` of a snapshot."""

from drivers.link_stats import LinkStats
from meso_device.accounting.identity import firmware_of
from meso_device.host.console_facts import ConsoleFacts
from meso_device.screen_messages import Body
from meso_device.session.calibration import GunCalibration
from meso_device.session.gun_care import EVERY_ITEM
from protocols.treatment.syringes import syringes
from protocols.wire.codes import GunFlag, SelfTestItem, State


def gun_body(facts: ConsoleFacts, stats: LinkStats, resets: int) -> Body | None:
    """Return what the gun says of itself; None before HELLO."""
    hello, status = facts.hello, facts.status
    if hello is None:
        return None
    flags = GunFlag(status.flags if status is not None else hello.flags)
    state = status.state if status is not None else hello.state
    return {
        "uid": hello.gun_uid.hex(),
        "serial": hello.serial,
        "model": hello.model,
        "firmware": firmware_of(hello),
        "boot_id": hello.boot_id,
        "level": chr(hello.accounting_level) if hello.accounting_level in b"ABC" else "?",
        "authenticated": bool(hello.flags & GunFlag.AUTHENTICATED),
        "state": State(state).name if state in State.__members__.values() else str(state),
        "trigger": bool(flags & GunFlag.TRIGGER),
        "contact": bool(flags & GunFlag.CONTACT),
        "cartridge": bool(flags & GunFlag.CARTRIDGE),
        "round_trip_us": stats.srtt_us or None,
        "battery_pct": hello.battery_pct,
        "temp_cdegc": None if status is None else status.temp_cdegc,
        "needle_um": None if status is None else status.needle_um,
        "pressure_pa": None if status is None else status.pressure_pa,
        "plunger_force_dn": None if status is None else status.plunger_force_dn,
        "trigger_count": None if status is None else status.trigger_count,
        "log_free": None if status is None else status.log_free,
        "bad_frames": stats.bad_blocks,
        "retries": stats.retransmits,
        "resets": resets,
        "self_test": _self_test(facts),
    }


def _self_test(facts: ConsoleFacts) -> Body | None:
    """Return what the newest self-test came to; the gun's own at its boot while none was asked for."""
    if facts.self_test is not None:
        return {"failed": facts.self_test.payload["failed"], "by": facts.self_test.payload["by"]}
    if facts.hello is None:
        return None
    missed = EVERY_ITEM & ~facts.hello.self_test
    return {"failed": [item.name for item in SelfTestItem if missed & item] if missed else [], "by": ""}


def calibration_body(read: GunCalibration | None) -> Body | None:
    """Return the calibration that was read; None before."""
    if read is None:
        return None
    names = {one.geometry_id: one.id for one in syringes().values()}
    return {
        "id": read.main.cal_id,
        "certificate": read.main.certificate,
        "issued_day": read.main.issued_day,
        "due_day": read.main.due_day,
        "syringes": [
            {"name": names.get(number, str(number)), "min_dose_nl": row.min_dose_nl, "travel_um": row.travel_um}
            for number, row in sorted(read.syringes.items())
        ],
        "heads": [
            {"pins": row.pins, "gauge": row.gauge, "needle_length_um": row.needle_length_um}
            for _, row in sorted(read.heads.items())
        ],
    }


def link_counts(stats: LinkStats) -> Body:
    """Return the counts of the link panel."""
    return {
        "frames_in": stats.frames_in,
        "frames_out": stats.frames_out,
        "answered": stats.round_trips,
        "given_up": stats.given_up,
        "resyncs": stats.resyncs,
        "duplicates": stats.duplicates,
        "unmatched": stats.unmatched,
    }
