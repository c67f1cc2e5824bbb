"""Rules about what gun, syringe, needle and area can bear."""

from collections.abc import Iterable
from typing import Final

from meso_device.accounting.caps import point_cap_nl
from meso_device.accounting.coverage import coverage_of
from meso_device.calibration.decision import Verdict
from meso_device.calibration.drift import SHOTS_IN_USE_MAX
from meso_device.session.interlocks.case import Case, date_text
from protocols.treatment.areas import catalogue
from protocols.treatment.feasibility import judge
from protocols.treatment.syringes import dose_grid_nl, smallest_dose_nl, syringes
from protocols.units import FLOW, PRESSURE, format_depth, format_dose, format_quantity

# The accuracy goal of a dose. Nearest neighbours in the table that are different sizes differ by far more.
BORE_PERCENT_MAX: Final = 5
_OFF: Final = frozenset({Verdict.FAIL, Verdict.CONDITIONAL_FAIL})


def calibration(case: Case) -> str:
    """Refuse a gun whose calibration is out of date or is not the one that it names (HZ-20)."""
    main, hello = case.calibration.main, case.hello
    told = (hello.cal_hash8, hello.cal_id, hello.cal_due_day)
    if (case.calibration.hash8, main.cal_id, main.due_day) != told:
        return (
            f"the gun named calibration {hello.cal_id}, number {main.cal_id} was read from it: connect again, or have "
            "it checked"
        )
    if case.today > main.due_day:
        return f"calibration {main.cal_id} was due on {date_text(main.due_day)}: have the gun calibrated"
    if case.today < main.issued_day:
        return (
            f"calibration {main.cal_id} is dated {date_text(main.issued_day)}, today is {date_text(case.today)}: "
            "check this computer's clock"
        )
    return ""


def calibration_judged(case: Case) -> str:
    """Refuse a gun that the bench left bad, judged by what is recalled, or adjusted and did not finish with (HZ-20).

    What was judged counts for the calibration that it was judged with: one that was written elsewhere since is another.
    """
    for run in case.facts.calibrations:
        if run.recalled:
            return f"the {run.what} calibration of this gun was made with {run.recalled}, which is recalled: do it anew"
        if run.cal_hash8 != case.calibration.hash8.hex():
            continue
        if run.adjusted and not (run.complete and run.signed):
            return f"{run.what} calibration {run.run[:8]} adjusted this gun and is not signed by two people: finish it"
        if run.verdict in _OFF:
            verdict = run.verdict.replace("_", " ")
            return f"{run.what} calibration {run.run[:8]} ended with {verdict}: have the gun adjusted or mended"
        if run.verdict == Verdict.CONDITIONAL_PASS and not run.signed:
            return f"{run.what} calibration {run.run[:8]} is a conditional pass that two people have to sign"
    return ""


def calibration_use(case: Case) -> str:
    """Refuse a gun that has made more shots since its calibration than it may (HZ-20)."""
    for run in case.facts.calibrations:
        if run.shots_since > SHOTS_IN_USE_MAX:
            return (
                f"{run.what} calibration {run.run[:8]} is {run.shots_since} shots old, {SHOTS_IN_USE_MAX} are allowed: "
                "have it done anew"
            )
    return ""


def calibration_impact(case: Case) -> str:
    """Refuse a gun found off, or whose reference was, until a clinician has looked at whom that touches (HZ-20)."""
    for run in case.facts.calibrations:
        if run.impact_open:
            return (
                f"{run.what} calibration {run.run[:8]} or one before found this gun off after patients were treated: a "
                "clinician has to look at whom it touches, with meso calibration affected RUN --sign"
            )
        if run.recall_unseen:
            return (
                f"patients were treated after a {run.what} calibration of this gun by a reference that is recalled: a "
                f"clinician has to look at whom it touches, with meso calibration affected {run.recall_unseen} --sign"
            )
    return ""


def wear(case: Case) -> str:
    """Refuse a gun with a part that has made all the strokes it may make (HZ-21)."""
    for one in case.facts.wear:
        if one.worn:
            return (
                f"{one.part.replace('_', ' ')} {one.serial!r} of this gun has made {one.strokes} strokes, "
                f"{one.strokes_max} are allowed: have a technician fit a new one and record it with meso service fit"
            )
    return ""


def area(case: Case) -> str:
    """Refuse an area that is not in the catalogue, or where nothing may ever be injected (I-59)."""
    known = catalogue().get(case.area.area)
    if known is None or known.code != case.area.area_code:
        return f"area {case.area.area!r} with number {case.area.area_code} is not in the catalogue of areas"
    return f"{known.name}: nothing may ever be injected here" if known.no_go else ""


def sensitive_area(case: Case) -> str:
    """Ask a second time before an area that the catalogue marks so."""
    known = catalogue().get(case.area.area)
    if known is None or known.risk != "extra-confirmation":
        return ""
    return f"{known.name} is a sensitive area: make sure that it is meant"


def depth(case: Case) -> str:
    """Refuse a needle travel beyond the area's range or the needle's length (I-59)."""
    known, fitted = catalogue().get(case.area.area), case.needle
    travel = f"{case.area.area}: {format_depth(case.area.depth_um)} commanded needle travel"
    if known is not None and known.depth_max_um is not None and case.area.depth_um > known.depth_max_um:
        return f"{travel} refused: the area allows {format_depth(known.depth_max_um)}"
    if fitted is None:
        return f"{travel} refused: needle type {case.plan.needle_type_id} is not in the table of needles"
    if case.area.depth_um > fitted.length_um:
        return f"{travel} refused: needle {fitted.id} is {format_depth(fitted.length_um)} long"
    return ""


def geometry(case: Case) -> str:
    """Refuse unless syringe scanned, treatment protocol and the gun's calibration name one geometry (I-55)."""
    wanted, fitted = case.plan.syringe_geometry_id, case.facts.cartridge
    if case.dry:
        return ""
    if not case.practice and fitted is not None and fitted.geometry_id != wanted:
        return (
            f"syringe {fitted.syringe} (geometry {fitted.geometry_id}) is fitted, the treatment protocol is for "
            f"geometry {wanted}: fit that syringe"
        )
    if wanted not in case.calibration.syringes:
        name = case.syringe.id if case.syringe is not None else "of the treatment protocol"
        return (
            f"the gun is not set up for syringe {name} (geometry {wanted}), only for "
            f"{_listed(case.calibration.syringes)}: have it calibrated for that syringe, or use another treatment "
            f"protocol{_simulated_hint(case)}"
        )
    return ""


def syringe_measured(case: Case) -> str:
    """Refuse a syringe with which this gun was never calibrated, where it was with another (HZ-45)."""
    known = [one.geometry_id for one in case.facts.measured]
    if case.dry or not known or case.plan.syringe_geometry_id in known:
        return ""
    name = case.syringe.id if case.syringe is not None else f"geometry {case.plan.syringe_geometry_id}"
    return (
        f"this gun was calibrated with {_listed(known)}, never with {name}: have it calibrated with that syringe, by "
        "meso calibrate dose or syringe"
    )


def syringe_lot(case: Case) -> str:
    """Ask before a syringe of another lot than the one whose bore was measured on this gun, or of an unknown one."""
    fitted = case.facts.cartridge
    lots = {one.geometry_id: one.lot for one in case.facts.measured}
    lot = lots.get(case.plan.syringe_geometry_id, "")
    if case.dry or not lot or fitted is None or fitted.syringe_lot == lot:
        return ""
    other = f"it is of lot {fitted.syringe_lot!r}" if fitted.syringe_lot else "nobody named the lot of the one in it"
    return (
        f"the bore of syringe {fitted.syringe} was measured on this gun for lot {lot!r}, {other}: name it with meso "
        "stock load --syringe-lot, or have it measured"
    )


def _simulated_hint(case: Case) -> str:
    if not case.simulated or case.syringe is None:
        return ""
    return f"; a simulated gun is set up by meso simulate --syringe {case.syringe.id}"


def _listed(geometry_ids: Iterable[int]) -> str:
    """Name syringes by their id; what the table does not know, by its geometry number."""
    names = {syringe.geometry_id: syringe.id for syringe in syringes().values()}
    return ", ".join(names.get(number, f"geometry {number}") for number in sorted(geometry_ids)) or "none"


def bore(case: Case) -> str:
    """Refuse when gun and host mean syringes of different bore by one geometry number (I-55)."""
    row, known = case.calibration.syringes.get(case.plan.syringe_geometry_id), case.syringe
    if case.dry or row is None:
        return ""
    if known is None or known.pl_per_um is None:
        return f"syringe geometry {case.plan.syringe_geometry_id} has no known bore in the table of syringes"
    if abs(row.pl_per_um - known.pl_per_um) * 100 <= known.pl_per_um * BORE_PERCENT_MAX:
        return ""
    return (
        f"the gun takes syringe {known.id} for {row.pl_per_um} pL/um, the table says {known.pl_per_um} pL/um and "
        f"{BORE_PERCENT_MAX} % is allowed: have the gun calibrated"
    )


def smallest_dose(case: Case) -> str:
    """Refuse a dose that this syringe cannot resolve (I-55)."""
    row, known = case.calibration.syringes.get(case.plan.syringe_geometry_id), case.syringe
    if case.dry or row is None or known is None or known.pl_per_um is None:
        return ""
    lowest_nl = max(row.min_dose_nl, smallest_dose_nl(known.pl_per_um))
    if case.area.dose_nl >= lowest_nl:
        return ""
    return (
        f"{case.area.area}: dose {format_dose(case.area.dose_nl)} refused: the smallest of syringe {known.id} is "
        f"{format_dose(lowest_nl)}"
    )


def dose_grid(case: Case) -> str:
    """Refuse a dose off the grid of this syringe (I-55)."""
    known = case.syringe
    if case.dry or known is None or known.pl_per_um is None:
        return ""
    grid_nl = dose_grid_nl(known.pl_per_um)
    if case.area.dose_nl % grid_nl == 0:
        return ""
    return (
        f"{case.area.area}: dose {format_dose(case.area.dose_nl)} refused: syringe {known.id} doses in steps of "
        f"{format_dose(grid_nl)}"
    )


def point_dose(case: Case) -> str:
    """Refuse a dose over the cap of a point: the lowest of treatment protocol, host, gun and area."""
    cap_nl = point_cap_nl(case.plan, case.area, case.host, case.limits.dose_nl_max)
    if case.area.dose_nl <= cap_nl:
        return ""
    return (
        f"{case.area.area}: dose {format_dose(case.area.dose_nl)} refused: a point may be given {format_dose(cap_nl)}"
    )


def pins(case: Case) -> str:
    """Refuse a head with more needles than clinic and gun permit, or than the gun believes it has (HZ-53)."""
    number, row = case.area.pins, case.calibration.heads.get(case.plan.head_type_id)
    if number not in case.host.pins:
        allowed = ", ".join(str(pins) for pins in sorted(case.host.pins))
        return f"a head with {number} needles refused: permitted here: {allowed}"
    if not case.limits.pins_mask >> (number - 1) & 1:
        return f"a head with {number} needles refused: this gun does not permit it"
    if row is None or row.pins != number:
        has = "does not know it" if row is None else f"takes it for one with {row.pins}"
        return f"head type {case.plan.head_type_id} with {number} needles refused: the gun {has}; have it calibrated"
    return ""


def flow(case: Case) -> str:
    """Refuse a flow that needs more pressure than file and gun allow, where the viscosity is known (I-58)."""
    lot, fitted, syringe = case.lot, case.needle, case.syringe
    if case.dry or lot is None or not lot.viscosity_upa_s or fitted is None:
        return ""
    if syringe is None or syringe.pl_per_um is None:
        return ""
    allowed_pa = min(case.area.max_pressure_pa, case.limits.pressure_pa_max)
    found = judge(
        needle=fitted,
        pins=case.area.pins,
        viscosity_upas=lot.viscosity_upa_s,
        flow_nl_per_s=case.area.flow_nl_per_s,
        pl_per_um=syringe.pl_per_um,
        pressure_pa_max=allowed_pa,
    )
    if found.feasible:
        return ""
    return (
        f"{case.area.area}: lot {lot.lot!r} through needle {fitted.id} at "
        f"{format_quantity(case.area.flow_nl_per_s, FLOW)} takes {format_quantity(found.pressure_pa, PRESSURE)}, "
        f"{format_quantity(allowed_pa, PRESSURE)} is allowed: at most "
        f"{format_quantity(found.flow_nl_per_s_max, FLOW)} is feasible"
    )


def second_pass(case: Case) -> str:
    """Refuse to go over a complete area again, until there is a reason, and then once (I-56)."""
    found = coverage_of(case.area, case.given_shots)
    return f"{found.warning}: is that meant?" if found.beyond_plan else ""
