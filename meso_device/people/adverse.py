"""Adverse events: reported at once or weeks later, tied to what was injected, without touching the old records."""

from enum import StrEnum
from typing import Final

from msgspec import Struct

from meso_device.accounting.entries import Json
from protocols.errors import UsageError

ONSET_DAY_MAX: Final = 3_650
"""Ten years: as long as dose records are kept."""
SHOTS_MAX: Final = 500
AREAS_MAX: Final = 100
LOTS_MAX: Final = 40


class Reaction(StrEnum):
    """What was seen."""

    BRUISE = "bruise"
    SCRATCH_MARKS = "scratch_marks"
    REDNESS = "redness"
    SWELLING = "swelling"
    ALLERGIC_REACTION = "allergic_reaction"
    NODULE = "nodule"
    INFECTION = "infection"
    MYCOBACTERIAL_INFECTION = "mycobacterial_infection"
    NECROSIS = "necrosis"
    VASCULAR_OCCLUSION = "vascular_occlusion"
    PAIN = "pain"
    OTHER = "other"


class Severity(StrEnum):
    """How bad it was."""

    MILD = "mild"
    MODERATE = "moderate"
    SEVERE = "severe"
    LIFE_THREATENING = "life_threatening"


class Reporter(StrEnum):
    """Who told of it."""

    PATIENT = "patient"
    RELATIVE = "relative"
    CLINICIAN = "clinician"
    AUTHORITY = "authority"


class AdverseEvent(Struct, frozen=True, kw_only=True):
    """One reaction and what it is tied to.

    Attributes:
        reaction: What was seen.
        severity: How bad.
        onset_day: Days from the session to its first sign, 0 to 3,650.
        reporter: Who told of it.
        session: Session that it followed, 32 hex digits.
        areas: Where, as ids of the area catalogue.
        shot_seqs: Shots at the very place, if known; of the guns in ``gun_uids``.
        lots: Product and lot of what was injected there.
        gun_uids: Guns that injected it.
    """

    reaction: Reaction
    severity: Severity
    onset_day: int
    reporter: Reporter
    session: str
    areas: tuple[str, ...]
    lots: tuple[tuple[str, str], ...]
    gun_uids: tuple[str, ...]
    shot_seqs: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Refuse with UsageError what no look-back could find again."""
        if not 0 <= self.onset_day <= ONSET_DAY_MAX:
            raise UsageError(f"onset after {self.onset_day} days refused: 0 to {ONSET_DAY_MAX}")
        if not self.areas:
            raise UsageError("an adverse event names at least one area")
        for what, many, most in (
            ("areas", self.areas, AREAS_MAX),
            ("shots", self.shot_seqs, SHOTS_MAX),
            ("lots", self.lots, LOTS_MAX),
        ):
            if len(many) > most:
                raise UsageError(f"{len(many)} {what} refused: one event names at most {most}; report it by area")

    def as_json(self) -> dict[str, Json]:
        """Return the fields of the record, without any free text."""
        fields: dict[str, Json] = {
            "code": self.reaction.value,
            "severity": self.severity.value,
            "onset_day": self.onset_day,
            "reporter": self.reporter.value,
            "areas": list(self.areas),
            "lots": [{"product": product, "lot": lot} for product, lot in self.lots],
            "gun_uids": list(self.gun_uids),
        }
        if self.shot_seqs:
            fields["shot_seqs"] = list(self.shot_seqs)
        return fields
