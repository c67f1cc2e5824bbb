"""A treatment protocol that passed every check."""

from msgspec import Struct

from protocols.treatment import checks
from protocols.treatment.areas import catalogue
from protocols.treatment.limits import HostLimits
from protocols.treatment.models import AreaEntry, TreatmentFile
from protocols.treatment.plan import CONTACT_GATES, MODES, SUCTION_MODES, TRIGGERS, AreaPlan, TreatmentPlan


class Treatment(Struct, frozen=True, kw_only=True):
    """What a file says, with what it names looked up; made by `protocols.treatment.loader` alone.

    Attributes:
        name: The file, as the user named it.
        digest: SHA-256 of the file's bytes, in hex; approval and grants name the treatment by it.
        file: What the file says.
        remarks: What is allowed but worth a second look, one line each.
        fitted: Syringe, needle and head of the file.
        limits: The host's limits that it was checked against.
    """

    name: str
    digest: str
    file: TreatmentFile
    remarks: tuple[str, ...]
    fitted: checks.Fitted
    limits: HostLimits

    def plan(self) -> TreatmentPlan:
        """Return what the session engine works from."""
        head, own, host = self.file.treatment, self.file.limits, self.limits
        return TreatmentPlan(
            id=head.id,
            title=head.title,
            version=head.version,
            status=head.status,
            digest=self.digest,
            course=head.course,
            product_name=" + ".join(product.name for product in self.file.product),
            syringe_geometry_id=self.fitted.syringe.geometry_id,
            needle_type_id=self.fitted.needle.type_id,
            head_type_id=self.fitted.head.type_id,
            session_cap_nl=checks.session_cap_nl(self.file),
            per_point_cap_nl=_lowest(own.per_point_nl, host.per_point_nl),
            per_cm2_cap_nl=_lowest(own.per_cm2_nl, host.per_cm2_nl),
            per_day_cap_nl=_lowest(own.per_day_nl, host.per_day_nl),
            per_course_interval_cap_nl=_lowest(own.per_course_interval_nl, host.per_course_interval_nl),
            per_lot_cap_nl=_lowest(own.per_lot_nl, host.per_lot_nl),
            areas=tuple(self._area_plan(entry) for entry in self.file.area),
        )

    def _area_plan(self, entry: AreaEntry) -> AreaPlan:
        area = catalogue()[entry.id]
        return AreaPlan(
            area=area.id,
            area_code=area.code,
            short=area.short,
            points=entry.points,
            passes=entry.passes,
            depth_um=entry.depth_um,
            dose_nl=entry.dose_nl,
            spacing_um=entry.spacing_um,
            interval_ms=entry.interval_ms,
            flow_nl_per_s=entry.flow_nl_per_s,
            dwell_ms=entry.dwell_ms,
            antidrip_nl=entry.antidrip_nl,
            mode=MODES[entry.mode],
            pins=self.fitted.head.pins,
            burst_shots=entry.burst_shots or 0,
            contact_gate=CONTACT_GATES[entry.contact],
            suction_threshold_pa=entry.suction_threshold_pa,
            suction_mode=SUCTION_MODES[entry.suction],
            trigger_mask=sum(TRIGGERS[trigger] for trigger in entry.trigger),
            max_pressure_pa=entry.max_pressure_pa,
            needle_speed_um_per_s=entry.needle_speed_um_per_s,
            technique=entry.technique or "",
            cap_nl=checks.area_cap_nl(self.file, entry),
        )


def _lowest(own_nl: int | None, host_nl: int) -> int:
    return host_nl if own_nl is None else min(own_nl, host_nl)
