"""Erases a patient: two people, one record, two signatures on it."""

from meso_device.cli.asking import ask
from meso_device.cli.desk import Desk, commit, own_log, stamp_of
from meso_device.cli.patient_who import find_patient
from meso_device.host.due import commit_due
from meso_device.people.register import Purpose
from meso_device.people.roles import Act
from meso_device.people.signatures import authorise, sign_together
from meso_device.people.subject import LegalBasis, ShownFor
from protocols.errors import MesoError

_MEANT = "ERASE"


def erase_patient(desk: Desk, who: str, *, first: str, second: str, basis: LegalBasis, ask_again: bool) -> str:
    """Erase the patient that is meant and return the alias.

    Raises:
        MesoError: refused, not meant after all, or in a session; then nothing was changed.
        AuditWriteFailed: erased, but the log cannot take the record now; it stays owed.
    """
    proofs = (desk.prove(first, Purpose.SIGNATURE), desk.prove(second, Purpose.SIGNATURE))
    pair = authorise(Act.ERASE_SUBJECT, *proofs, desk.now())
    patient = find_patient(desk, who, pair.first)
    if ask_again:
        desk.office.vault.disclose([patient.alias], ShownFor.ERASURE, pair.first)
        ref = patient.ref
        said = ask(f"{ref.name}, born {ref.born}, chart {ref.chart}: for ever; type {_MEANT}", "add --yes")
        if said != _MEANT:
            raise MesoError("nothing was erased")
    with own_log(desk) as store:
        if any(row.alias == patient.alias and row.state == "open" for row in store.sessions()):
            raise MesoError("this patient has an open session: end it first; nothing was erased")
        erased = desk.office.vault.erase(patient.alias, basis, pair)
        commit_due(store, desk.office, stamp_of(desk.now()))
        commit(desk, store, *sign_together(erased, pair))
    return patient.alias
