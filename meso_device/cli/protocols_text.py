"""Treatment protocols for people and as JSON: found by name or file, with their approval."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from meso_device.audit.export import rfc3339
from meso_device.audit.facts import ApprovedFile, approved_files
from meso_device.cli.log import reading
from protocols.errors import UsageError
from protocols.treatment.library import library, load_library
from protocols.treatment.loader import load_treatment
from protocols.treatment.plan import AreaPlan
from protocols.treatment.problems import TreatmentFileError, printable
from protocols.treatment.treatment import Treatment
from protocols.units import format_depth, format_dose

_WORD: Final = re.compile(r"[\w-]+")


class Checked(Struct, frozen=True, kw_only=True):
    """What became of one file: a JSON object with ``ok``, and lines for people."""

    document: dict[str, Any]
    lines: list[str]


def find_treatment(name: str) -> Treatment:
    """Return a bundled treatment protocol by its name, else the file of that name.

    Raises:
        TreatmentFileError: the file is refused.
        UsageError: a bare word that is neither.
    """
    if name in library():
        return load_library(name)
    path = Path(name)
    if _WORD.fullmatch(name) and not os.path.lexists(path):
        raise UsageError(f"no treatment protocol {name!r} is bundled, and no file has that name: meso protocols list")
    return load_treatment(path)


def approvals(home: Path | None) -> Mapping[str, ApprovedFile]:
    """Return what was approved in this data directory, by digest; the newest approval of each."""
    with reading(home) as db:
        return {row.approval.digest: row for row in approved_files(db)} if db is not None else {}


def known_protocols(approved: Mapping[str, ApprovedFile]) -> list[dict[str, object]]:
    """Return one JSON object for each bundled treatment protocol and each other approved file."""
    rows: list[dict[str, object]] = []
    bundled = {name: load_library(name) for name in library()}
    for name, treatment in bundled.items():
        head = treatment.file.treatment
        rows.append(
            {
                "name": name,
                "title": head.title,
                "version": head.version,
                "status": head.status,
                "bundled": True,
                "digest": treatment.digest,
                **_approval_fields(approved.get(treatment.digest)),
            }
        )
    digests = {treatment.digest for treatment in bundled.values()}
    rows += [
        {
            "name": row.protocol_id,
            "title": row.name,
            "version": row.version,
            "status": "approved",
            "bundled": False,
            "digest": digest,
            **_approval_fields(row),
        }
        for digest, row in approved.items()
        if digest not in digests
    ]
    return rows


def protocol_line(row: Mapping[str, object]) -> str:
    """Return one of `known_protocols` in a line."""
    mark = f"approved {str(row['approved_at'])[:10]}" if row["approved_at"] else str(row["status"])
    return f"{row['name']:<24} {row['version']:<6} {row['title']}  [{mark}]  {str(row['digest'])[:12]}"


def protocol_document(treatment: Treatment, approval: ApprovedFile | None) -> dict[str, object]:
    """Return a treatment protocol as one JSON object."""
    head, plan = treatment.file.treatment, treatment.plan()
    return {
        "id": head.id,
        "title": head.title,
        "version": head.version,
        "author": head.author,
        "status": head.status,
        "course": head.course,
        "indications": list(head.indications),
        "sources": list(head.sources),
        "digest": treatment.digest,
        **_approval_fields(approval),
        "products": [
            {"name": product.name, "volume_nl": product.volume_nl, "viscosity_upa_s": product.viscosity_upas or 0}
            for product in treatment.file.product
        ],
        "product_name": plan.product_name,
        "syringe": treatment.fitted.syringe.id,
        "needle": treatment.fitted.needle.id,
        "head": treatment.fitted.head.id,
        "session_cap_nl": plan.session_cap_nl,
        "areas": [_area_document(area) for area in plan.areas],
        "remarks": list(treatment.remarks),
    }


def protocol_page(treatment: Treatment, approval: ApprovedFile | None) -> list[str]:
    """Return a treatment protocol in lines."""
    head, plan = treatment.file.treatment, treatment.plan()
    state: str = head.status
    if approval is not None:
        state = f"approved {rfc3339(approval.approval.at_us)[:10]} by {approval.approval.op}"
    fitted = treatment.fitted
    lines = [
        f"{head.title}, version {head.version}  [{state}]",
        f"author   {head.author}",
        f"digest   {treatment.digest}",
        f"for      {'; '.join(head.indications)}",
        f"course   {head.course}",
        f"product  {plan.product_name}",
        f"fitted   {fitted.syringe.id} ({fitted.syringe.name}), needle {fitted.needle.id}, head {fitted.head.id}",
        f"cap      {format_dose(plan.session_cap_nl)} a session",
        "",
        "area                      depth      dose        points  passes  spacing",
    ]
    lines += [_area_line(area) for area in plan.areas]
    if treatment.remarks:
        lines += ["", *treatment.remarks]
    return lines


def check_file(path: Path) -> Checked:
    """Check one file."""
    shown = printable(str(path))
    try:
        treatment = load_treatment(path)
    except TreatmentFileError as error:
        problems = [{"line": at.line, "column": at.column, "what": at.what} for at in error.problems]
        document = {"file": shown, "ok": False, "digest": "", "problems": problems, "remarks": []}
        return Checked(document=document, lines=str(error).splitlines())
    head = treatment.file.treatment
    line = f"{shown}: good: {head.title}, version {head.version}, digest {treatment.digest}"
    remarks = list(treatment.remarks)
    return Checked(
        document={"file": shown, "ok": True, "digest": treatment.digest, "problems": [], "remarks": remarks},
        lines=[line, *(f"  {remark}" for remark in remarks)],
    )


def _approval_fields(row: ApprovedFile | None) -> dict[str, object]:
    if row is None:
        return {"approved_by": "", "approved_at": ""}
    return {"approved_by": row.approval.op, "approved_at": rfc3339(row.approval.at_us)}


def _area_document(area: AreaPlan) -> dict[str, object]:
    return {
        "area": area.area,
        "area_code": area.area_code,
        "depth_um": area.depth_um,
        "dose_nl": area.dose_nl,
        "points": area.points,
        "passes": area.passes,
        "spacing_um": area.spacing_um,
        "interval_ms": area.interval_ms,
        "cap_nl": area.cap_nl,
    }


def _area_line(area: AreaPlan) -> str:
    depth, dose, spacing = format_depth(area.depth_um), format_dose(area.dose_nl), format_depth(area.spacing_um)
    return f"{area.area:<24}  {depth:<9}  {dose:<10}  {area.points:>6}  {area.passes:>6}  {spacing}"
