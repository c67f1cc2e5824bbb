"""The limits that are in force at the bench, as the log has them."""

import apsw

from meso_device.audit import canonical
from meso_device.audit.sql import run as run_sql
from meso_device.calibration.limits import RELEASE_KEYS, BenchLimits
from meso_device.calibration.order import INTERVAL_DAYS
from meso_device.calibration.record import Limits
from protocols.errors import UsageError

OWN = BenchLimits(limits=Limits(), interval_days=INTERVAL_DAYS)
"""The program's own limits: in force where two people have released none."""


def digest_in_force(db: apsw.Connection) -> str:
    """Return the digest of the limits that two people released last and both signed; of the program's own before."""
    for seq, body in run_sql(
        db,
        "SELECT seq, body FROM record WHERE key > ? AND key < ? ORDER BY seq DESC",
        (RELEASE_KEYS, f"{RELEASE_KEYS[:-1]}0"),
    ):
        first = f"sign/{seq}/"
        [(signers,)] = run_sql(db, "SELECT count(*) FROM record WHERE key > ? AND key < ?", (first, f"{first[:-1]}0"))
        if signers > 1:
            return str(canonical.decode(body)["sha256"])
    return OWN.digest


def refuse_unreleased(db: apsw.Connection | None, asked: BenchLimits) -> None:
    """Refuse limits that are not the ones in force; ``db`` is None where nothing is recorded yet.

    Raises:
        UsageError: says how they are released.
    """
    in_force = digest_in_force(db) if db is not None else OWN.digest
    if asked.digest != in_force:
        raise UsageError(
            f"LIMITS_NOT_RELEASED: the limits of this bench file ({asked.digest[:8]}) are not those in force "
            f"({in_force[:8]}): have an administrator and a clinician release them with meso calibration limits FILE "
            "--release"
        )
