"""``meso service settle``: two people look at injections that a gun made for no session here, and the gun goes on."""

from pathlib import Path

from msgspec import Struct

from meso_device.accounting.findings import Finding, open_findings
from meso_device.accounting.service import orphans_settled
from meso_device.audit.queries import load_gun
from meso_device.audit.service_facts import Orphans, open_orphan_findings, orphans_of
from meso_device.cli.acting import acting
from meso_device.people.register import Purpose
from meso_device.people.roles import Act
from protocols.errors import MesoError


class Settled(Struct, frozen=True, kw_only=True):
    """What was settled.

    Attributes:
        orphans: The injections, by grant.
        left: Findings of the gun that are still open.
    """

    orphans: tuple[Orphans, ...]
    left: tuple[Finding, ...]


def settle(gun_uid: str, *, home: Path | None, reason: str, sign_in: str, second: str, pin_file: str) -> Settled:
    """Close the findings of injections for no session here, under the signatures of two people.

    The injections stay recorded as they are. For the rules they are a contact of the gun with a patient of whom nothing
    is known, so that it has to be cleaned; no cap and no interval of anybody counts them.

    Raises:
        MesoError: nothing of this kind is open.
        PinRefused, NotAllowed: not these people.
        UsageError: another process has the log, or the reason is no code.
        AuditWriteFailed: it could not be recorded.
    """
    with acting(
        home, command="meso service settle", act=Act.WRITE_OFF, sign_in=sign_in, pin_file=pin_file,
        purpose=Purpose.SIGNATURE,
    ) as desk:  # fmt: skip
        keys = open_orphan_findings(desk.db, gun_uid)
        if not keys:
            raise MesoError(f"gun {gun_uid} has no injections for no session here that nobody has settled")
        orphans = orphans_of(desk.db, gun_uid)
        pair = desk.together_with(second, Act.WRITE_OFF)
        settled, *closed = orphans_settled(
            gun_uid,
            keys,
            desk.by,
            shots=sum(one.shots for one in orphans),
            dose_lo_nl=sum(one.dose_lo_nl for one in orphans),
            dose_hi_nl=sum(one.dose_hi_nl for one in orphans),
            reason=reason,
        )
        desk.commit_by_two(pair, settled, *closed)
        simulated = any(desk.db.execute("SELECT 1 FROM house WHERE simulated = 1"))
        return Settled(orphans=orphans, left=tuple(open_findings(load_gun(desk.db, gun_uid, simulated=simulated))))
