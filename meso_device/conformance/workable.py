"""Settings that a gun takes, made from what it says of itself: its limits and its calibration."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from protocols.wire.codes import ContactGate, Mode, TriggerSource
from protocols.wire.messages import CalRead, CalReadReply, HeadRow, LimitsGetReply, Settings, SyringeRow

if TYPE_CHECKING:
    from meso_device.conformance.bench import Bench

AREA: Final = 7
_PAGES: Final = 5
_DEPTH_UM: Final = 1_000
_FLOW_NL_PER_S: Final = 400_000
_SPEED_UM_PER_S: Final = 200_000
_PRESSURE_PA: Final = 2_000_000


def calibration(bench: "Bench") -> list[bytes]:
    """Return the five pages of the active calibration."""
    return [bench.done(CalRead(page)).body(CalReadReply).block for page in range(_PAGES)]


def syringe_rows(pages: list[bytes]) -> list[SyringeRow]:
    """Return the rows of the syringe table that are in use."""
    table = b"".join(pages[1:4])
    rows = (SyringeRow.unpack(table[at : at + SyringeRow.SIZE]) for at in range(0, len(table), SyringeRow.SIZE))
    return [row for row in rows if row.geometry_id]


def head_rows(pages: list[bytes]) -> list[HeadRow]:
    """Return the rows of the head table that are in use."""
    rows = (HeadRow.unpack(pages[4][at : at + HeadRow.SIZE]) for at in range(0, len(pages[4]), HeadRow.SIZE))
    return [row for row in rows if row.head_type_id]


def workable_settings(bench: "Bench") -> Iterator[Settings]:
    """Give settings for each head and syringe of the calibration; which head is fitted only the gun knows."""
    pages = calibration(bench)
    limits = bench.limits
    for head in head_rows(pages):
        for syringe in syringe_rows(pages):
            yield Settings(
                area_code=AREA,
                mode=Mode.SINGLE,
                pins=head.pins,
                depth_um=_on_grid(min(_DEPTH_UM, head.needle_length_um), limits.depth_grid_um),
                dose_nl=least_dose_nl(limits, syringe),
                flow_nl_per_s=min(_FLOW_NL_PER_S, limits.flow_nl_per_s_max),
                interval_ms=limits.interval_ms_min,
                dwell_ms=0,
                antidrip_nl=0,
                burst_shots=1,
                contact_gate=ContactGate.START,
                suction_threshold_pa=0,
                suction_mode=0,
                trigger_mask=TriggerSource.HAND,
                max_pressure_pa=min(_PRESSURE_PA, limits.pressure_pa_max),
                needle_speed_um_per_s=min(_SPEED_UM_PER_S, limits.needle_speed_um_per_s_max),
                syringe_geometry_id=syringe.geometry_id,
                needle_type_id=0,
                head_type_id=head.head_type_id,
                head_instance=0,
                product_tag8=bytes(8),
                cal_hash8=bench.hello.cal_hash8,
            )


def least_dose_nl(limits: LimitsGetReply, syringe: SyringeRow) -> int:
    """Return the smallest dose on the grid that the gun allows with this syringe."""
    least = max(limits.dose_nl_min, syringe.min_dose_nl, 1)
    return -(-least // limits.dose_grid_nl) * limits.dose_grid_nl


def _on_grid(value: int, step: int) -> int:
    return value // step * step
