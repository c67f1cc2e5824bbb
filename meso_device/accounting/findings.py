"""What the host may find wrong with a gun. An open finding forbids grants; STOP and reading the log stay (I-22)."""

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

from msgspec import Struct

from meso_device.accounting.balance import Balance
from meso_device.accounting.entries import GunLedger
from meso_device.accounting.identity import identity_of
from protocols.wire.codes import DESCRIPTOR_HASH8
from protocols.wire.hashes import chain_seed8
from protocols.wire.messages import HelloReply


class FindingCode(StrEnum):
    """Kinds of finding; the value is the kind of its audit record."""

    CONFLICT = "conflict"
    GAP = "gap"
    ORPHAN = "orphan"
    COUNTER_REGRESSION = "counter_regression"
    MASS_BALANCE = "mass_balance"
    GUN_CHANGED = "gun.changed"
    EPOCH = "epoch.changed"
    OVER_GRANT = "over_grant"
    DESCRIPTOR = "descriptor"
    LEVEL = "accounting_level"
    OTHER_KIND = "simulated_mixed"
    READ_BACK = "read_back"
    FENCED = "fenced"
    IDENTITY = "identity"


# What stays open until a person closes it, over connections and restarts. The others are seen anew at each connection.
LASTING: Final = frozenset(
    {
        FindingCode.CONFLICT,
        FindingCode.GAP,
        FindingCode.ORPHAN,
        FindingCode.COUNTER_REGRESSION,
        FindingCode.MASS_BALANCE,
        FindingCode.EPOCH,
        FindingCode.OVER_GRANT,
        FindingCode.IDENTITY,
    }
)

_SIGN: Final = "and signs with a second person: meso service settle"
_ANEW: Final = f"its log is not the one known here: a technician at the gun has it begun anew, {_SIGN}"
# What people do about each lasting one, by commands.
EXITS: Final[Mapping[FindingCode, str]] = {
    FindingCode.IDENTITY: "what changed, a technician sees with meso service check",
    FindingCode.ORPHAN: "it made injections for no session here: two people look at them with meso service settle",
    FindingCode.GAP: "what its lost records may have given, two people book with the gun there: meso service settle",
    FindingCode.CONFLICT: _ANEW,
    FindingCode.COUNTER_REGRESSION: _ANEW,
    FindingCode.EPOCH: f"its log was begun anew: a technician says why, the gun there, {_SIGN}",
    FindingCode.MASS_BALANCE: f"a technician weighs what it gives (meso calibrate), {_SIGN}, the gun there",
    FindingCode.OVER_GRANT: f"it gave more than it was permitted: a technician finds out why, {_SIGN}",
}

# What HELLO shows of a log that does not continue the one recorded here: nothing is read or released there.
UNREADABLE: Final = frozenset({FindingCode.CONFLICT, FindingCode.GAP, FindingCode.COUNTER_REGRESSION})


class Finding(Struct, frozen=True):
    """One thing wrong: its code, and one line that names the cause."""

    code: FindingCode
    text: str

    @property
    def line(self) -> str:
        """The text, and what people do about it where it stays until they do."""
        return f"{self.text}; {EXITS[self.code]}" if self.code in EXITS else self.text


def open_findings(ledger: GunLedger) -> list[Finding]:
    """Return what earlier connections found and nobody has closed since."""
    known = [FindingCode(code) for code in ledger.findings if code in FindingCode.__members__.values()]
    return [still_open(code) for code in dict.fromkeys(known)]


def still_open(code: FindingCode) -> Finding:
    """Return a finding of which only the code is at hand."""
    return Finding(code, f"{code}: found at an earlier connection and still open")


def locked_line(codes: Collection[str]) -> str:
    """Return the line on a gun that these open findings keep from treating."""
    exits = dict.fromkeys(text for code, text in EXITS.items() if code in codes)
    return "; ".join([f"the gun is locked: {', '.join(codes)}", *exits])


def check_hello(hello: HelloReply, ledger: GunLedger, bound_uid: str) -> list[Finding]:
    """Compare what the gun says of itself with what is committed about it, before anything is asked of it.

    Args:
        hello: The gun's HELLO reply.
        ledger: What this host has committed about this gun.
        bound_uid: Gun that this session is bound to; empty if none.
    """
    findings = []
    uid = hello.gun_uid.hex()
    if bound_uid and uid != bound_uid:
        findings.append(
            Finding(
                FindingCode.GUN_CHANGED,
                f"this is gun {uid}, the session is bound to {bound_uid}: connect that gun again, or close the session",
            )
        )
    if hello.descriptor_hash8 != DESCRIPTOR_HASH8:
        findings.append(
            Finding(
                FindingCode.DESCRIPTOR,
                f"the gun describes its messages otherwise ({hello.descriptor_hash8.hex()}): read-only until host and "
                "firmware are a listed pair",
            )
        )
    if hello.accounting_level != ord("A"):
        findings.append(
            Finding(
                FindingCode.LEVEL,
                f"the gun accounts at level {chr(hello.accounting_level) if hello.accounting_level in b'BC' else '?'}: "
                "exactly-once is impossible with it, grants are refused",
            )
        )
    if ledger.other_simulated:
        findings.append(
            Finding(
                FindingCode.OTHER_KIND,
                "this data directory holds records of the other kind (real or simulated): use another --home",
            )
        )
    changed = ledger.identity.changed_to(identity_of(hello)) if ledger.identity is not None else ""
    if changed:
        findings.append(another_identity(changed))
    return findings + _check_counters(hello, ledger)


def another_identity(changed: str) -> Finding:
    """Return the finding that a gun is another than a technician registered; ``changed`` says in what."""
    return Finding(
        FindingCode.IDENTITY,
        f"the gun is another than was registered: {changed}: a technician has to look at it, and two people to accept "
        "it with meso service accept",
    )


def unbalanced(balance: Balance) -> Finding:
    """Return the finding of a mass balance that does not hold (I-29)."""
    return Finding(
        FindingCode.MASS_BALANCE,
        f"the gun's odometer and its records differ by {balance.difference_nl} nL, more than {balance.tolerance_nl} nL",
    )


def _check_counters(hello: HelloReply, ledger: GunLedger) -> list[Finding]:
    if hello.head_seq < hello.released_seq:
        return [
            Finding(
                FindingCode.COUNTER_REGRESSION,
                f"the gun's log ends at {hello.head_seq}, {hello.released_seq} was already released: the gun has lost "
                "records",
            )
        ]
    if ledger.log_epoch == 0:
        return []
    if hello.log_epoch != ledger.log_epoch:
        return [
            Finding(
                FindingCode.EPOCH,
                f"the gun's log is of epoch {hello.log_epoch}, the last known is {ledger.log_epoch}",
            )
        ]
    if hello.head_seq < ledger.committed_seq:
        return [
            Finding(
                FindingCode.COUNTER_REGRESSION,
                f"the gun's log ends at {hello.head_seq}, {ledger.committed_seq} was already recorded: the gun has "
                "lost records",
            )
        ]
    if hello.oldest_seq > ledger.committed_seq + 1:
        return [
            Finding(
                FindingCode.GAP,
                f"records {ledger.committed_seq + 1} to {hello.oldest_seq - 1} are no longer in the gun and were "
                "never recorded here",
            )
        ]
    if (
        hello.head_seq == ledger.committed_seq
        and ledger.chain_hash8
        and hello.chain_head8.hex() != ledger.chain_hash8
        and hello.head_seq > 0
    ):
        return [
            Finding(
                FindingCode.CONFLICT,
                f"record {hello.head_seq} of the gun is not the one recorded here: two different logs claim to be one",
            )
        ]
    return []


def chain_start8(hello: HelloReply, ledger: GunLedger) -> bytes:
    """Return the hash that the record after the committed ones must name; empty when it cannot be known yet."""
    if ledger.log_epoch == hello.log_epoch and ledger.chain_hash8:
        return bytes.fromhex(ledger.chain_hash8)
    base_seq = baseline_seq(hello, ledger)
    if base_seq == hello.head_seq:
        return hello.chain_head8
    return chain_seed8(hello.gun_uid, hello.log_epoch) if base_seq == 0 else b""


def baseline_seq(hello: HelloReply, ledger: GunLedger) -> int:
    """Return the last record that is not for this host to read.

    A gun never seen here has had another host: what that one released is its own; what was not is read here.
    """
    if ledger.log_epoch == hello.log_epoch:
        return ledger.committed_seq
    return max(hello.released_seq, hello.oldest_seq - 1) if hello.oldest_seq else hello.released_seq
