"""The caps that a grant of a treatment plan must keep; they are checked where the grant is inserted (I-25)."""

from meso_device.accounting.entries import Cap
from protocols.treatment.plan import AreaPlan, TreatmentPlan


def session_caps(plan: TreatmentPlan, area: AreaPlan, session: str) -> tuple[Cap, ...]:
    """Return the caps of one area in one session: its points, its volume, and the volume of the session."""
    caps = [Cap(name=f"points of {area.area}", limit_shots=area.shots, session=session, area_code=area.area_code)]
    if area.cap_nl:
        caps.append(Cap(name=f"area {area.area}", limit_nl=area.cap_nl, session=session, area_code=area.area_code))
    if plan.session_cap_nl:
        caps.append(Cap(name="session", limit_nl=plan.session_cap_nl, session=session))
    return tuple(caps)
