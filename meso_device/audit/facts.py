"""What the clinic's rules are judged by, read from the derived tables. Reads only; any connection will do.

Each statement looks up what concerns one patient, gun, session or product through an index, so a long log costs no
more than a short one.
"""

from collections.abc import Collection
from typing import Final

import apsw
from msgspec import Struct

from meso_device.accounting.clinic import (
    Approval,
    Cartridge,
    ClinicFacts,
    LastGiven,
    Lot,
    LotGiven,
    Override,
    PartUse,
    Reprocessing,
)
from meso_device.audit import canonical
from meso_device.audit.calibration_facts import calibrations_of, measured_syringes
from meso_device.audit.caps import STEPPED_SINCE
from meso_device.audit.clinic_rows import ALLERGY, names_of
from meso_device.audit.clock_steps import set_back_since
from meso_device.audit.exit_facts import lost_injections
from meso_device.audit.outside import outside_at_opening
from meso_device.audit.service_facts import orphans_of, wear_of
from meso_device.audit.sql import run
from protocols.errors import UsageError

# Shots are recorded in the order of the gun's log, so the newest contact is in its newest grant, or in the one before
# where the two are read in one go; the rest is room.
CONTACTS_LOOKED_AT: Final = 16
_LOT: Final = (
    "SELECT lot.product, lot.lot, expiry_day, ingredients, viscosity_upa_s, coalesce(reason, ''), lot.seq FROM lot "
    "LEFT JOIN lot_block ON lot_block.product = lot.product AND lot_block.lot = lot.lot"
)


class ApprovedFile(Struct, frozen=True, kw_only=True):
    """The newest approval of one treatment protocol file, with what the file called itself."""

    approval: Approval
    protocol_id: str
    version: str
    name: str


def clinic_facts(
    db: apsw.Connection, *, session: str, alias: str, gun_uid: str, digest: str, products: Collection[str]
) -> ClinicFacts:
    """Return everything that the clinic's rules look at.

    Args:
        db: Connection to the log.
        session: Id of the session that the rules are for; its own shots are not among those given before.
        alias: Patient.
        gun_uid: Gun.
        digest: Of the treatment protocol file in force.
        products: Products whose lots are wanted, beside that in the gun.
    """
    cartridge = fitted_cartridge(db, gun_uid)
    checks, notes, allergies = _checks(db, session)
    return ClinicFacts(
        approval=approval_of(db, digest),
        checks=checks,
        lots=_lots(db, {*products, *([cartridge.product] if cartridge is not None else [])}),
        cartridge=cartridge,
        needle=part_in_session(db, session, "needle"),
        head=part_in_session(db, session, "head"),
        reprocessing=reprocessing_of(db, gun_uid),
        last_given=_last_given(db, alias, session),
        given=_given(db, session),
        overrides=_overrides(db, session),
        allergies=allergies,
        notes=notes,
        calibrations=calibrations_of(db, gun_uid),
        measured=measured_syringes(db, gun_uid),
        wear=wear_of(db, gun_uid),
        outside=outside_at_opening(db, session),
    )


def approval_of(db: apsw.Connection, digest: str) -> Approval | None:
    """Return the newest approval of these very bytes, or None."""
    rows = run(db, "SELECT op, at_us FROM approval WHERE digest = ? ORDER BY seq DESC LIMIT 1", (digest,))
    return Approval(digest=digest, op=rows[0][0], at_us=rows[0][1]) if rows else None


def approved_files(db: apsw.Connection) -> tuple[ApprovedFile, ...]:
    """Return every approved file, the newest approval of each, newest first."""
    rows = run(
        db,
        "SELECT digest, op, at_us, protocol_id, version, name FROM approval "
        "WHERE seq IN (SELECT max(seq) FROM approval GROUP BY digest) ORDER BY seq DESC",
    )
    return tuple(
        ApprovedFile(
            approval=Approval(digest=digest, op=op, at_us=at_us), protocol_id=protocol_id, version=version, name=name
        )
        for digest, op, at_us, protocol_id, version, name in rows
    )


def lot_of(db: apsw.Connection, product: str, lot: str) -> Lot | None:
    """Return a lot as it is listed now, or None."""
    rows = run(db, f"{_LOT} WHERE lot.product = ? AND lot.lot = ?", (product, lot))
    return _lot(db, rows[0]) if rows else None


def fitted_cartridge(db: apsw.Connection, gun_uid: str) -> Cartridge | None:
    """Return what is in a gun, with what its shots took of it; None if nothing is recorded as fitted."""
    rows = run(
        db,
        "SELECT cartridge.seq, cartridge, syringe, geometry_id, product, lot, loaded_nl, waste_nl, noticed_seq, body "
        "FROM cartridge JOIN record ON record.seq = cartridge.seq WHERE gun_uid = ? AND removed_seq IS NULL",
        (gun_uid,),
    )
    if not rows:
        return None
    seq, cartridge, syringe, geometry_id, product, lot, loaded_nl, waste_nl, noticed_seq, body = rows[0]
    [(patient_lo_nl, patient_hi_nl, prime_nl)] = run(
        db,
        "SELECT coalesce(sum(dose_lo_nl) FILTER (WHERE kind IN (1, 2)), 0), "
        "coalesce(sum(dose_hi_nl) FILTER (WHERE kind IN (1, 2)), 0), "
        "coalesce(sum(dose_hi_nl) FILTER (WHERE kind NOT IN (1, 2)), 0) FROM given "
        "WHERE cartridge = ? AND cartridge <> 0",
        (seq,),
    )
    return Cartridge(
        cartridge=cartridge,
        syringe=syringe,
        geometry_id=geometry_id,
        product=product,
        lot=lot,
        loaded_nl=loaded_nl,
        patient_lo_nl=patient_lo_nl,
        patient_hi_nl=patient_hi_nl,
        prime_nl=prime_nl,
        waste_nl=waste_nl,
        noticed=noticed_seq is not None,
        syringe_lot=canonical.decode(body).get("syringe_lot", ""),
    )


def reprocessing_of(db: apsw.Connection, gun_uid: str) -> Reprocessing:
    """Return the newest cleaning of a gun and the newest contact of it with a patient.

    Which of the two was first is told by their places in the log, which no clock can move (I-35): where the labels of
    time say otherwise, the contact's is taken to lie just before or after the cleaning.
    """
    cleaned_us = cleaned_seq = 0
    # Of a gun's parts only the gun itself stands for all that touches a patient; tap water cleans nothing.
    rows = run(
        db,
        "SELECT seq, at_us FROM reprocessing WHERE gun_uid = ? AND part = 'gun' AND rinse_medium <> 'tap_water' "
        "ORDER BY seq DESC LIMIT 1",
        (gun_uid,),
    )
    if rows:
        cleaned_seq, cleaned_us = rows[0]
    contact_seq, contact_us, alias, session = max(_contacts(db, gun_uid), default=(0, 0, "", ""))
    if contact_seq and cleaned_seq:
        contact_us = min(contact_us, cleaned_us - 1) if contact_seq < cleaned_seq else max(contact_us, cleaned_us + 1)
    return Reprocessing(cleaned_us=cleaned_us, contact_us=contact_us, contact_alias=alias, contact_session=session)


def _contacts(db: apsw.Connection, gun_uid: str) -> list[tuple[int, int, str, str]]:
    """Return contacts of a gun with patients: place in the log, latest time, alias, session."""
    found: list[tuple[int, int, str, str]] = []
    # On whom a gun was used under a grant that is not known here, such as one behind a restored backup, nobody can say.
    found += [(one.last_seq, one.latest_us, "", "") for one in orphans_of(db, gun_uid)]
    found += [(seq, at_us, "", "") for seq, at_us in lost_injections(db, gun_uid)]
    for gun, base_seq, known_seq in run(db, "SELECT id, base_seq, known_seq FROM gun WHERE gun_uid = ?", (gun_uid,)):
        found += run(
            db,
            "SELECT last_seq, latest_us, alias, sess FROM given INDEXED BY given_contact "
            "WHERE gun = ? AND alias <> '' AND kind IN (1, 2) ORDER BY first_seq DESC LIMIT ?",
            (gun, CONTACTS_LOOKED_AT),
        )
        if base_seq:
            # It was used before this host knew it: nobody here can say on whom.
            [(body,)] = run(db, "SELECT body FROM record WHERE seq = ?", (known_seq,))
            found.append((known_seq, canonical.decode(body)["ts_us"], "", ""))
    return found


def _lots(db: apsw.Connection, products: set[str]) -> dict[tuple[str, str], Lot]:
    lots = (
        _lot(db, row) for product in sorted(products) for row in run(db, f"{_LOT} WHERE lot.product = ?", (product,))
    )
    return {(lot.product, lot.lot): lot for lot in lots}


def _lot(db: apsw.Connection, row: tuple[str, str, int, str, int, str, int]) -> Lot:
    product, lot, expiry_day, ingredients, viscosity_upa_s, blocked, seq = row
    return Lot(
        product=product,
        lot=lot,
        expiry_day=expiry_day,
        ingredients=names_of(ingredients),
        viscosity_upa_s=viscosity_upa_s,
        blocked=blocked,
        set_back_us=set_back_since(db, seq),
    )


def _checks(db: apsw.Connection, session: str) -> tuple[dict[str, str], frozenset[str], tuple[str, ...]]:
    """Return a session's answers, the items with a note, and the ingredients that the patient must not get."""
    rows = run(db, "SELECT item, answer, ingredients, noted FROM checklist WHERE sess = ? ORDER BY item", (session,))
    checks = {item: answer for item, answer, _, _ in rows}
    notes = frozenset(item for item, _, _, noted in rows if noted)
    allergies = next((names_of(ingredients) for item, _, ingredients, _ in rows if item == ALLERGY), ())
    return checks, notes, allergies


def part_in_session(db: apsw.Connection, session: str, part: str) -> PartUse | None:
    """Return the needle or head that was fitted last for a session, with all that is known of that serial."""
    newest = run(
        db,
        "SELECT serial, type_id FROM part WHERE sess = ? AND part = ? AND sess <> '' ORDER BY seq DESC LIMIT 1",
        (session, part),
    )
    if not newest:
        return None
    serial, type_id = newest[0]
    fittings = run(
        db, "SELECT seq, sess, alias, at_us FROM part WHERE part = ? AND serial = ? ORDER BY seq", (part, serial)
    )
    return PartUse(
        serial=serial,
        kind=part,
        aliases=tuple(dict.fromkeys(alias for _, _, alias, _ in fittings)),
        type_id=type_id,
        fitted_us=fittings[0][3] - set_back_since(db, fittings[0][0]),
        shots=sum(_shots_with(db, part, seq, sess) for seq, sess, _, _ in fittings),
    )


def fitted_now(db: apsw.Connection, session: str, part: str, serial: str) -> bool:
    """Return whether this needle or head is the one that was fitted last in a session.

    Raises:
        UsageError: it was fitted earlier in the session, and another after it.
    """
    rows = run(db, "SELECT serial FROM part WHERE sess = ? AND part = ? ORDER BY seq", (session, part))
    serials = [str(found) for (found,) in rows]
    if serial in serials[:-1] and serials[-1] != serial:
        raise UsageError(f"{part} {serial!r} refused: it was taken off in this session; fit a new one")
    return serials[-1:] == [serial]


def _shots_with(db: apsw.Connection, part: str, seq: int, sess: str) -> int:
    """Return the shots of a session from one fitting of a part to the next."""
    [(until,)] = run(
        db, "SELECT coalesce(min(seq), ?) FROM part WHERE sess = ? AND part = ? AND seq > ?", (2**62, sess, part, seq)
    )
    [(shots,)] = run(
        db,
        "SELECT count(*) FROM given JOIN shot ON shot.seq BETWEEN given.first_seq AND given.last_seq "
        "AND shot.given = given.id WHERE given.sess = ? AND given.last_seq > ? AND shot.seq BETWEEN ? AND ?",
        (sess, seq, seq, until),
    )
    return int(shots)


def _last_given(db: apsw.Connection, alias: str, session: str) -> tuple[LastGiven, ...]:
    """Return what a patient got before this session, by area and product, in time of the clock as it is set now."""
    if not alias:
        return ()
    by_place: dict[tuple[int, str], list[int]] = {}
    for area_code, product, latest_us in run(
        db,
        f"SELECT area_code, product, max(latest_us + {STEPPED_SINCE}) FROM given "  # noqa: S608  # our own names
        "WHERE alias = ? AND sess <> ? AND kind IN (1, 2) GROUP BY area_code, product, sess ORDER BY 1, 2, 3",
        (alias, session),
    ):
        by_place.setdefault((area_code, product), []).append(latest_us)
    return tuple(
        LastGiven(area_code=area_code, product=product, latest_us=sessions_us[-1], sessions_us=tuple(sessions_us))
        for (area_code, product), sessions_us in by_place.items()
    )


def _given(db: apsw.Connection, session: str) -> tuple[LotGiven, ...]:
    rows = run(
        db,
        "SELECT product, lot, sum(shots), sum(dose_lo_nl), sum(dose_hi_nl) FROM given INDEXED BY given_sess "
        "WHERE sess = ? AND kind IN (1, 2) GROUP BY product, lot ORDER BY product, lot",
        (session,),
    )
    return tuple(
        LotGiven(product=product, lot=lot, shots=shots, dose_lo_nl=lo_nl, dose_hi_nl=hi_nl)
        for product, lot, shots, lo_nl, hi_nl in rows
    )


def _overrides(db: apsw.Connection, session: str) -> tuple[Override, ...]:
    rows = run(db, "SELECT code, reason, signer FROM limit_override WHERE sess = ? ORDER BY seq", (session,))
    return tuple(Override(code=code, reason=reason, signer=signer) for code, reason, signer in rows)
