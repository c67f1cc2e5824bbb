"""What a session with a patient begins with: who, what was asked and fitted, and what was signed.

The log gets aliases, codes and commitments alone. Everything here is recorded before the first grant (I-64).
"""

import contextlib
from collections.abc import Mapping

from msgspec import Struct

from meso_device.accounting.clinic import Approval
from meso_device.accounting.entries import Batch, CommitFailed, Entry, Json, SessionRow
from meso_device.accounting.materials import Actor, day_text, part_fitted
from meso_device.audit.birth import DATABASE_NAME
from meso_device.audit.database import open_for_reading
from meso_device.audit.facts import approval_of, approved_files, fitted_now
from meso_device.audit.records import Stamp
from meso_device.audit.store import Store
from meso_device.host.home import Home
from meso_device.people.lockout import Moment
from meso_device.people.proofs import PinProof
from meso_device.people.roles import Act, Meaning, role_for
from meso_device.people.signatures import Pair, authorise, sign_entry, sign_together
from meso_device.session.checklist import Answer, checklist_entries
from meso_device.session.contract import OpenSession, ResumeSession
from meso_device.session.overrides import takes_two, terms
from protocols.errors import AuditWriteFailed, UsageError
from protocols.treatment.advisory import Sex
from protocols.treatment.plan import TreatmentPlan
from protocols.units import day_of


class SignedOverride(Struct, frozen=True, kw_only=True):
    """A reason to go over a soft rule.

    Attributes:
        code: What the rule's refusal names.
        reason: Code, or commitment to a text that the vault keeps.
        signed_by: The PIN, entered anew for this; of an area of high risk, those of two people.
    """

    code: str
    reason: str
    signed_by: PinProof | Pair

    @property
    def signer(self) -> str:
        """Pseudonym of whoever goes over it."""
        return self.signed_by.first.op if isinstance(self.signed_by, Pair) else self.signed_by.person.op

    def signatures(self, record: Entry, now: Moment) -> tuple[Entry, ...]:
        """Return the signatures of the override's record, one or two.

        Raises:
            PinRefused: the PIN was entered too long ago.
        """
        if isinstance(self.signed_by, Pair):
            return sign_together(record, self.signed_by)
        return (sign_entry(record, Meaning.AUTHORISED, self.signed_by, now),)


def signers(code: str, first: PinProof, second: PinProof | None, now: Moment) -> PinProof | Pair:
    """Return who stands for going over a rule: two people where it takes two.

    Raises:
        NotAllowed: not by these people.
        UsageError: it takes a second person.
    """
    if not takes_two(code):
        role_for(first.person, Act.OVERRIDE_SOFT_LIMIT)
        return first
    if second is None:
        raise UsageError(f"{code} takes a second clinician, with a PIN of their own")
    return authorise(Act.HIGH_RISK_AREA, first, second, now)


class Fitted(Struct, frozen=True, kw_only=True):
    """A single-use part as the operator read it off its package.

    Attributes:
        part: ``needle`` or ``head``.
        serial: Serial, or lot and number.
        type_id: Its type on the wire.
    """

    part: str
    serial: str
    type_id: int


class Returning(Struct, frozen=True, kw_only=True):
    """Who takes up a session that has a patient.

    Attributes:
        op, role: The signed-in operator.
        fitted: Needle and head as the checks file names them; what is another than before was changed meanwhile.
        sex: Of the patient, for the depth advisory; it is shown and never recorded.
        aftercare: Whether aftercare is given; None where nobody said.
    """

    op: str
    role: str
    fitted: tuple[Fitted, ...]
    sex: Sex | None
    aftercare: bool | None


class Clinical(Struct, frozen=True, kw_only=True):
    """A session with a patient, before it is opened.

    Attributes:
        session: Fresh random id, 32 hex digits.
        alias: Patient.
        subject: Commitment of the vault to who that is.
        op, role: The signed-in operator.
        answers: Of the checklist; what was not asked is missing, and the rules refuse it.
        consent: Form and version that the patient signed; None without one.
        fitted: Needle and head that were fitted for this patient.
        sex: Of the patient, for the depth advisory; it is shown and never recorded.
        aftercare: Whether aftercare is given; None where nobody said.
        overrides: Soft rules that a clinician signed a reason for.
    """

    session: str
    alias: str
    subject: str
    op: str
    role: str
    answers: tuple[Answer, ...]
    consent: tuple[str, str] | None
    fitted: tuple[Fitted, ...]
    sex: Sex | None
    aftercare: bool | None
    overrides: tuple[SignedOverride, ...]


def opening_of(clinical: Clinical, plan: TreatmentPlan, approval: Approval | None, utc_us: int) -> OpenSession:
    """Return the opening of this session, with all that is recorded together with it.

    Raises:
        UsageError: a serial that is none.
    """
    details: dict[str, Json] = {
        "subject": clinical.subject,
        "approval_op": approval.op if approval is not None else "",
        "approval_at_us": approval.at_us if approval is not None else 0,
    }
    return OpenSession(
        plan=plan,
        session=clinical.session,
        alias=clinical.alias,
        op=clinical.op,
        role=clinical.role,
        practice=False,
        sex=clinical.sex,
        entries=_entries(clinical, plan, utc_us),
        details=details,
    )


def resuming_of(returning: Returning, row: SessionRow, plan: TreatmentPlan, home: Home, utc_us: int) -> ResumeSession:
    """Return the taking up of a patient's session, with the parts that were changed meanwhile.

    Raises:
        UsageError: a part that was taken off earlier in this session, or a serial that is none.
    """
    by = Actor(op=returning.op, role=returning.role, utc_us=utc_us)
    with contextlib.closing(open_for_reading(home.root / DATABASE_NAME)) as db:
        changed = [part for part in returning.fitted if not fitted_now(db, row.session, part.part, part.serial)]
    return ResumeSession(
        row=row,
        plan=plan,
        op=returning.op,
        role=returning.role,
        sex=returning.sex,
        entries=tuple(
            part_fitted(part.part, part.serial, part.type_id, session=row.session, alias=row.alias, by=by)
            for part in changed
        ),
    )


def approval_in(home: Home, digest: str) -> Approval | None:
    """Return the newest approval of a treatment protocol file in a data directory whose log is open."""
    with contextlib.closing(open_for_reading(home.root / DATABASE_NAME)) as db:
        return approval_of(db, digest)


def approvals_in(home: Home) -> frozenset[str]:
    """Return the digests of all treatment protocol files that were approved in a data directory whose log is open."""
    with contextlib.closing(open_for_reading(home.root / DATABASE_NAME)) as db:
        return frozenset(file.approval.digest for file in approved_files(db))


def sign_overrides(store: Store, clinical: Clinical, plan: TreatmentPlan, now: Moment, stamp: Stamp) -> None:
    """Make the overrides durable with the signatures on them, all or none.

    Raises:
        UsageError: one is for an area that the treatment protocol has not.
        AuditWriteFailed: they are not.
        NotAllowed, PinRefused: not by this person, or the PIN was entered too long ago.
    """
    by = Actor(op=clinical.op, role=clinical.role, utc_us=now.utc_us)
    answers = {answer.item: answer.answer for answer in clinical.answers}
    entries: list[Entry] = []
    for override in clinical.overrides:
        entry = override_entry(
            override, session=clinical.session, alias=clinical.alias, by=by, plan=plan, answers=answers
        )
        entries += (entry, *override.signatures(entry, now))
    if not entries:
        return
    [result] = store.commit([Batch(no=0, entries=tuple(entries))], stamp)
    if isinstance(result, CommitFailed):
        raise AuditWriteFailed(result.reason)


def override_entry(
    override: SignedOverride,
    *,
    session: str,
    alias: str,
    by: Actor,
    plan: TreatmentPlan,
    answers: Mapping[str, str],
) -> Entry:
    """Return the record of a soft rule gone over, with the limit and the value as they stand now.

    Args:
        override: Code, reason, and whose PIN stands for it.
        session: Where it counts.
        alias: Patient of that session.
        by: Operator of the session.
        plan: Treatment protocol of the session.
        answers: Of the checklist, by item.

    Raises:
        UsageError: it is for an area that the treatment protocol has not.
    """
    limit, value = terms(override.code, plan, answers, day_text(day_of(by.utc_us)))
    return Entry(
        kind="limit.override",
        key=f"override/{session}/{override.code}",
        payload={
            "code": override.code,
            "limit": limit,
            "value": value,
            "reason": override.reason,
            "signer": override.signer,
        },
        op=by.op,
        role=by.role,
        session=session,
        alias=alias,
    )


def _entries(clinical: Clinical, plan: TreatmentPlan, utc_us: int) -> tuple[Entry, ...]:
    by = Actor(op=clinical.op, role=clinical.role, utc_us=utc_us)
    entries = list(
        checklist_entries(
            clinical.answers,
            session=clinical.session,
            alias=clinical.alias,
            op=clinical.op,
            role=clinical.role,
            utc_us=utc_us,
            protocol_digest=plan.digest,
        )
    )
    if clinical.consent is not None:
        form, version = clinical.consent
        entries.append(
            Entry(
                kind="consent",
                key=f"consent/{clinical.session}",
                payload={"form": form, "version": version},
                op=clinical.op,
                role=clinical.role,
                session=clinical.session,
                alias=clinical.alias,
            )
        )
    entries += [
        part_fitted(part.part, part.serial, part.type_id, session=clinical.session, alias=clinical.alias, by=by)
        for part in clinical.fitted
    ]
    return tuple(entries)
