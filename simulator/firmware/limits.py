"""The gun's own hard limits: set at manufacture, kept whatever a host says."""

from typing import Final

from protocols.wire.codes import Code, Mode
from protocols.wire.messages import GrantSet, LimitsGetReply, Settings
from simulator.firmware.refusal import Refusal
from simulator.firmware.tally import Tally

# A stroke longer than this is no injection; it also bounds how long a stop or a release can take to be recorded.
STROKE_MS_MAX: Final = 60_000

DEFAULT_LIMITS: Final = LimitsGetReply(
    depth_um_max=13_000,
    depth_grid_um=10,
    dose_grid_nl=10,
    dose_nl_min=1_000,
    dose_nl_max=200_000,
    flow_nl_per_s_max=2_000_000,
    interval_ms_min=111,
    grant_shots_max=250,
    grant_nl_max=10_000_000,
    lease_ms_min=200,
    lease_ms_max=2_000,
    session_nl_max=50_000_000,
    session_shots_max=10_000,
    session_idle_s=1_800,
    pins_mask=0b1_0001_0001,
    pressure_pa_max=3_000_000,
    needle_speed_um_per_s_max=1_000_000,
    valid_s_max=3_600,
)


def check_settings(limits: LimitsGetReply, settings: Settings) -> None:
    """Refuse settings beyond the hard limits or off the grid.

    Raises:
        Refusal: E_LIMIT or E_GRID with the field's offset.
    """
    at = Settings.OFFSETS
    if settings.depth_um > limits.depth_um_max:
        raise Refusal(Code.E_LIMIT, at["depth_um"])
    if settings.depth_um % limits.depth_grid_um:
        raise Refusal(Code.E_GRID, at["depth_um"])
    if settings.dose_nl > limits.dose_nl_max:
        raise Refusal(Code.E_LIMIT, at["dose_nl"])
    if settings.dose_nl % limits.dose_grid_nl:
        raise Refusal(Code.E_GRID, at["dose_nl"])
    if settings.flow_nl_per_s > limits.flow_nl_per_s_max:
        raise Refusal(Code.E_LIMIT, at["flow_nl_per_s"])
    if settings.interval_ms < limits.interval_ms_min:
        raise Refusal(Code.E_LIMIT, at["interval_ms"])
    if not limits.pins_mask >> (settings.pins - 1) & 1:
        raise Refusal(Code.E_LIMIT, at["pins"])
    if settings.max_pressure_pa > limits.pressure_pa_max:
        raise Refusal(Code.E_LIMIT, at["max_pressure_pa"])
    if settings.needle_speed_um_per_s > limits.needle_speed_um_per_s_max:
        raise Refusal(Code.E_LIMIT, at["needle_speed_um_per_s"])
    if settings.mode != Mode.DRY and settings.dose_nl < limits.dose_nl_min:
        raise Refusal(Code.E_RANGE, at["dose_nl"])
    if planned_ms(settings) > STROKE_MS_MAX:
        raise Refusal(Code.E_LIMIT, at["flow_nl_per_s"])


def check_grant(limits: LimitsGetReply, grant: GrantSet) -> None:
    """Refuse a grant beyond the hard limits.

    Raises:
        Refusal: E_LEASE, or E_LIMIT with the field's offset.
    """
    at = GrantSet.OFFSETS
    if not limits.lease_ms_min <= grant.lease_ms <= limits.lease_ms_max:
        raise Refusal(Code.E_LEASE, at["lease_ms"])
    if grant.max_shots > limits.grant_shots_max:
        raise Refusal(Code.E_LIMIT, at["max_shots"])
    if grant.max_nl > limits.grant_nl_max:
        raise Refusal(Code.E_LIMIT, at["max_nl"])
    if grant.valid_s > limits.valid_s_max:
        raise Refusal(Code.E_LIMIT, at["valid_s"])


def session_allows(limits: LimitsGetReply, tally: Tally, dose_nl: int) -> bool:
    """Whether the gun's own session has room for one more shot."""
    return tally.session_shots < limits.session_shots_max and tally.session_nl + dose_nl <= limits.session_nl_max


def planned_ms(settings: Settings) -> int:
    """How long a stroke at these settings takes, without what the tissue adds."""
    flow_ms = settings.dose_nl * 1_000 // settings.flow_nl_per_s
    return flow_ms + settings.dwell_ms + 2 * settings.depth_um * 1_000 // settings.needle_speed_um_per_s
