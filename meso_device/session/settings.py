"""From an area of the treatment plan to the settings block of the gun, and the host's own check of it."""

from hashlib import sha256

from protocols.errors import UsageError
from protocols.treatment.plan import AreaPlan, TreatmentPlan
from protocols.units import format_depth, format_dose
from protocols.wire.codes import Mode
from protocols.wire.messages import HelloReply, LimitsGetReply, Settings


def settings_for(plan: TreatmentPlan, area: AreaPlan, hello: HelloReply) -> Settings:
    """Return the block that sets the gun to this area.

    Fields that a mode does not use carry the lowest value that the wire allows.
    """
    return Settings(
        area_code=area.area_code,
        mode=area.mode,
        pins=area.pins,
        depth_um=area.depth_um,
        dose_nl=area.dose_nl,
        flow_nl_per_s=area.flow_nl_per_s or 1,
        interval_ms=area.interval_ms,
        dwell_ms=area.dwell_ms,
        antidrip_nl=area.antidrip_nl,
        burst_shots=area.burst_shots or 1,
        contact_gate=area.contact_gate,
        suction_threshold_pa=area.suction_threshold_pa,
        suction_mode=area.suction_mode,
        trigger_mask=area.trigger_mask,
        max_pressure_pa=area.max_pressure_pa,
        needle_speed_um_per_s=area.needle_speed_um_per_s,
        syringe_geometry_id=plan.syringe_geometry_id,
        needle_type_id=plan.needle_type_id,
        head_type_id=plan.head_type_id,
        head_instance=0,
        product_tag8=sha256(plan.product_name.encode()).digest()[:8],
        cal_hash8=hello.cal_hash8,
    )


def check_against_limits(settings: Settings, limits: LimitsGetReply, area_id: str) -> None:
    """Refuse what the gun's own limits or grid do not allow, before a byte leaves (I-27).

    Raises:
        UsageError: names the area, the value, and the limit with units.
    """
    for offset, name, lowest, highest in Settings.RANGES:
        value = getattr(settings, name)
        if not lowest <= value <= highest:
            raise UsageError(f"area {area_id}: {name} {value} refused: {lowest} to {highest} (byte {offset})")
    if settings.depth_um > limits.depth_um_max:
        raise UsageError(
            f"area {area_id}: depth {format_depth(settings.depth_um)} refused: this gun reaches "
            f"{format_depth(limits.depth_um_max)}"
        )
    if not _on_grid(settings.depth_um, limits.depth_grid_um):
        raise UsageError(
            f"area {area_id}: depth {format_depth(settings.depth_um)} refused: this gun moves in steps of "
            f"{format_depth(limits.depth_grid_um)}"
        )
    if settings.mode != Mode.DRY and not limits.dose_nl_min <= settings.dose_nl <= limits.dose_nl_max:
        raise UsageError(
            f"area {area_id}: dose {format_dose(settings.dose_nl)} refused: this gun gives "
            f"{format_dose(limits.dose_nl_min)} to {format_dose(limits.dose_nl_max)}"
        )
    if not _on_grid(settings.dose_nl, limits.dose_grid_nl):
        raise UsageError(
            f"area {area_id}: dose {format_dose(settings.dose_nl)} refused: this gun doses in steps of "
            f"{format_dose(limits.dose_grid_nl)}"
        )
    if settings.flow_nl_per_s > limits.flow_nl_per_s_max:
        raise UsageError(
            f"area {area_id}: flow {format_dose(settings.flow_nl_per_s)}/s refused: this gun reaches "
            f"{format_dose(limits.flow_nl_per_s_max)}/s"
        )
    if settings.interval_ms < limits.interval_ms_min:
        raise UsageError(
            f"area {area_id}: interval {settings.interval_ms} ms refused: this gun needs {limits.interval_ms_min} ms"
        )
    if not limits.pins_mask >> (settings.pins - 1) & 1:
        raise UsageError(f"area {area_id}: {settings.pins} needles refused: not allowed on this gun")
    if settings.max_pressure_pa > limits.pressure_pa_max:
        raise UsageError(
            f"area {area_id}: pressure limit {settings.max_pressure_pa} Pa refused: this gun allows "
            f"{limits.pressure_pa_max} Pa"
        )
    if settings.needle_speed_um_per_s > limits.needle_speed_um_per_s_max:
        raise UsageError(
            f"area {area_id}: needle speed {format_depth(settings.needle_speed_um_per_s)}/s refused: this gun "
            f"reaches {format_depth(limits.needle_speed_um_per_s_max)}/s"
        )


def _on_grid(value: int, step: int) -> bool:
    """Whether a gun that states this step can take the value; a gun that states 0 takes only 0."""
    return value % step == 0 if step else value == 0
