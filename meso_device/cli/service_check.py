"""A gun looked at by a technician: who it is beside who was registered, its counters beside the log."""

from pathlib import Path
from typing import Final

from msgspec import Struct

from meso_device.accounting.balance import Balance, mass_balance
from meso_device.accounting.book import stamp_of_hello
from meso_device.accounting.entries import GunLedger, GunStamp
from meso_device.accounting.findings import LASTING, Finding, another_identity, check_hello, open_findings, unbalanced
from meso_device.accounting.identity import Identity, identity_of
from meso_device.accounting.service import counters_checked, finding_closed, found_in_service, identity_registered
from meso_device.audit.queries import load_gun
from meso_device.audit.service_facts import gun_of_serial, open_identity_findings
from meso_device.cli.acting import Acting
from meso_device.cli.gun_choice import hello_at, known_keys
from meso_device.cli.serving import serving
from meso_device.people.roles import Act, Meaning
from protocols.errors import MesoError
from protocols.wire.messages import HelloReply

FIRST: Final = "first_seen"


class Looked(Struct, frozen=True, kw_only=True):
    """What a look at a gun came to.

    Attributes:
        gun: The gun.
        identity: Who it says it is.
        registered: It was registered now.
        strokes: In its log.
        waiting: Of these not recorded here yet.
        odometer_nl: All that it ever pushed.
        boots: How often it was switched on.
        balance: Odometer against records; None where they do not reach equally far.
        findings: What is wrong with it, found now or before.
    """

    gun: GunStamp
    identity: Identity
    registered: bool
    strokes: int
    waiting: int
    odometer_nl: int
    boots: int
    balance: Balance | None
    findings: tuple[Finding, ...]


def look_at(port: str, *, home: Path | None, sign_in: str, pin_file: str) -> Looked:
    """Read a gun's identity and counters, compare them, and record it under the technician's PIN.

    A gun that nobody looked at before is registered; what is found wrong with it afterwards stays a finding, which
    forbids every grant.

    Raises:
        UsageError: no gun answers on that port.
        PinRefused, NotAllowed: not this person.
        AuditWriteFailed: it could not be recorded.
    """
    hello = hello_at(port, known_keys(home))
    with serving(home, "check", sign_in=sign_in, pin_file=pin_file) as work:
        gun, ledger = _known(work, hello)
        found = check_hello(hello, ledger, "")
        twin = gun_of_serial(work.db, hello.serial, gun.gun_uid) if ledger.identity is None else ""
        if twin:
            found.append(another_identity(f"serial number {hello.serial} is registered for gun {twin}"))
        balance = balance_of(hello, ledger)
        if balance is not None and not balance.holds:
            found.append(unbalanced(balance))
        lasting = [one for one in found if one.code in LASTING and one.code not in ledger.findings]
        first = ledger.identity is None and not twin
        entries = [found_in_service(one, gun, work.by) for one in lasting]
        if first:
            entries.append(identity_registered(identity_of(hello), gun, work.by, reason=FIRST))
        known = ledger.log_epoch == hello.log_epoch
        waiting = hello.head_seq - (ledger.committed_seq if known else 0)
        work.commit_signed(counters_checked(hello, gun, balance, waiting, work.by), Meaning.PERFORMED, *entries)
    seen = {one.code for one in found}
    return Looked(
        gun=gun,
        identity=identity_of(hello),
        registered=first,
        strokes=hello.head_seq,
        waiting=waiting,
        odometer_nl=hello.odometer_nl,
        boots=hello.boot_id,
        balance=balance,
        findings=(*found, *(one for one in open_findings(ledger) if one.code not in seen)),
    )


def accept(port: str, *, home: Path | None, reason: str, sign_in: str, second: str, pin_file: str) -> Looked:
    """Register a gun as what it says it is now; its findings of another identity are closed. Takes two people.

    Raises:
        UsageError: no gun answers on that port.
        MesoError: it is who was registered, and nothing is open.
        PinRefused, NotAllowed: not these people.
        AuditWriteFailed: it could not be recorded.
    """
    hello = hello_at(port, known_keys(home))
    with serving(home, "accept", sign_in=sign_in, pin_file=pin_file) as work:
        gun, ledger = _known(work, hello)
        open_keys = open_identity_findings(work.db, gun.gun_uid)
        identity = identity_of(hello)
        if identity == ledger.identity and not open_keys:
            raise MesoError(f"gun {gun.gun_uid} is who was registered: there is nothing to accept")
        pair = work.together_with(second, Act.BENCH_SIGN_OFF)
        closed = [finding_closed(key, gun, work.by, reason=reason) for key in open_keys]
        work.commit_by_two(pair, identity_registered(identity, gun, work.by, reason=reason), *closed)
        left = open_findings(load_gun(work.db, gun.gun_uid, simulated=gun.simulated))
    return Looked(
        gun=gun,
        identity=identity,
        registered=True,
        strokes=hello.head_seq,
        waiting=0,
        odometer_nl=hello.odometer_nl,
        boots=hello.boot_id,
        balance=None,
        findings=tuple(left),
    )


def _known(work: Acting, hello: HelloReply) -> tuple[GunStamp, GunLedger]:
    gun = stamp_of_hello(hello)
    ledger = load_gun(work.db, gun.gun_uid, simulated=gun.simulated)
    if ledger.other_simulated:
        raise MesoError("this data directory holds records of the other kind (real or simulated): use another --home")
    return gun, ledger


def balance_of(hello: HelloReply, ledger: GunLedger) -> Balance | None:
    """Return odometer against records, where log and gun reach equally far; what is under way is no difference."""
    if ledger.log_epoch != hello.log_epoch or ledger.committed_seq != hello.head_seq:
        return None
    return mass_balance(
        odometer_nl=hello.odometer_nl,
        last_odometer_nl=ledger.odometer_nl,
        last_seq=ledger.odometer_seq,
        shot_seq=hello.head_seq,
        sum_lo_nl=ledger.since_lo_nl,
        sum_hi_nl=ledger.since_hi_nl,
    )
