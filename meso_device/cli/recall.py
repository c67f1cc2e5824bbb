"""A reference recalled by a technician, and a clinician's signature that it was looked at whom that touches."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from meso_device.accounting.entries import Entry, Json
from meso_device.accounting.materials import Actor
from meso_device.calibration.recall import SEEN_KEYS, Recall, checked_recall, parse_error, recall_entry
from meso_device.cli.acting import acting
from meso_device.cli.impact import list_sha256, sign_as_looked_at
from meso_device.cli.log import reading_log
from meso_device.people.register import Purpose
from meso_device.people.roles import Act, Meaning
from meso_device.records.recall import RecallImpact, recall_impact
from protocols.errors import UsageError

SEEN: Final = "calibration.recall_seen"
_ERRORS_MAX: Final = 2
_EPOCH: Final = date(1970, 1, 1)


class Named(Struct, frozen=True, kw_only=True):
    """A reference as a command line names it.

    Attributes:
        balance, gauge, thermometer: Serial number of the one that is meant; the others empty.
        certificate: Number of its certificate; empty for the only one.
    """

    balance: str = ""
    gauge: str = ""
    thermometer: str = ""
    certificate: str = ""

    @property
    def one(self) -> tuple[str, str]:
        """Its kind and serial number.

        Raises:
            UsageError: none is named, or several.
        """
        kinds = ("balance", "gauge", "thermometer")
        named = [(kind, serial) for kind in kinds if (serial := getattr(self, kind))]
        if len(named) != 1:
            raise UsageError("name one reference: --balance, --gauge or --thermometer with its serial number")
        return named[0]

    def __bool__(self) -> bool:
        return bool(self.balance or self.gauge or self.thermometer or self.certificate)


def recall_reference(
    home: Path | None, named: Named, *, since: str, errors: Sequence[str], reason: str, sign_in: str, pin_file: str
) -> RecallImpact:
    """Record that a certificate does not hold, and return whom that touches.

    Raises:
        UsageError: no run was traced to it, or a word is refused.
        PinRefused, NotAllowed: not this person.
        AuditWriteFailed: it could not be recorded.
    """
    what, serial = named.one
    if len(errors) > _ERRORS_MAX:
        raise UsageError("--error is given once, or twice for the least and the greatest error")
    found = sorted(parse_error(text, what) for text in errors)
    recall = checked_recall(
        Recall(
            what=what,
            serial=serial,
            certificate=named.certificate,
            since_day=_day(since) if since else 0,
            error=(found[0], found[-1]) if found else (),
            reason=reason,
        )
    )
    with reading_log(home) as db:
        certificate = recall_impact(db, what, serial, named.certificate).recall.certificate
    with acting(
        home,
        command="meso calibration recall",
        act=Act.CALIBRATE,
        sign_in=sign_in,
        pin_file=pin_file,
        purpose=Purpose.SIGNATURE,
    ) as work:
        work.commit_signed(recall_entry(replace(recall, certificate=certificate), work.by), Meaning.PERFORMED)
        return recall_impact(work.db, what, serial, certificate)


def look_at_recall(
    home: Path | None, named: Named, *, sign: bool, sign_in: str, pin_file: str
) -> tuple[RecallImpact, bool]:
    """Return whom a reference touches, and whether that was signed now.

    Raises:
        UsageError: no run was traced to it; or it is to be signed and was not recalled.
        PinRefused, NotAllowed: not this person.
        AuditWriteFailed: it could not be recorded.
    """
    what, serial = named.one
    with reading_log(home) as db:
        impact = recall_impact(db, what, serial, named.certificate)
    if not sign:
        return impact, False
    if not impact.seq:
        raise UsageError(f"{impact.recall.named} is not recalled: that is done with meso calibration recall")
    sign_as_looked_at(home, lambda by: _seen(impact, by), sign_in=sign_in, pin_file=pin_file)
    return impact, True


def _day(text: str) -> int:
    try:
        return (date.fromisoformat(text) - _EPOCH).days
    except ValueError:
        raise UsageError(f"--since {text[:20]!r} refused: write YYYY-MM-DD") from None


def _seen(impact: RecallImpact, by: Actor) -> Entry:
    """Return the record: the sums, and the hash of the whole list."""
    payload: dict[str, Json] = {
        "recall_seq": impact.seq,
        "what": impact.recall.what,
        "serial": impact.recall.serial,
        "certificate": impact.recall.certificate,
        "simulated": impact.simulated,
        "guns": impact.guns,
        "sessions": impact.sessions,
        "patients": impact.patients,
        "shots": impact.shots,
        "list_sha256": list_sha256(impact),
    }
    return Entry(kind=SEEN, key=f"{SEEN_KEYS}{impact.seq}", payload=payload, op=by.op, role=by.role)
