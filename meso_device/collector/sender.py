"""The console's end: enrols once, and sends what a collector lacks. The collector being away is normal.

A crash anywhere means that something is sent again; the collector stores it once.
"""

import contextlib
import socket
import ssl
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Final, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from meso_device.audit.checkpoint import Checkpoint
from meso_device.audit.log_keys import LogKeys
from meso_device.collector.account import Account, forget_other_addresses, read_accounts, write_account
from meso_device.collector.channel import Channel, ChannelEnded
from meso_device.collector.code import OneTimeCode, certificate_pin
from meso_device.collector.cosignature import Cosigner, cosigned_at_s
from meso_device.collector.outbox import Outbox
from meso_device.collector.wire import (
    ANSWER,
    ANSWER_BYTES_MAX,
    VERSION,
    BatchRefused,
    Code,
    Enrol,
    Enrolled,
    Held,
    Hello,
    Refused,
    Taken,
    Welcome,
    read,
)
from protocols.errors import MesoError

CONNECT_S: Final = 15
ANSWER_S: Final = 180
"""A collector lets a console wait a minute for its turn twice, then its database may take one."""

T = TypeVar("T", Enrolled, Welcome, Taken, Held)


class Sent(Struct, frozen=True, kw_only=True):
    """What came of sending.

    Attributes:
        address: The collector.
        sent: Records that were sent.
        inserted: Those that were new to it.
        acked: Records that it holds and has cosigned.
        waiting: Records here that no checkpoint covers yet: they are sent after the next one.
        lost: Records that the collector had acknowledged and did not hold any more: they were sent again.
    """

    address: str
    sent: int
    inserted: int
    acked: int
    waiting: int
    lost: int


class Wanted(Struct, frozen=True, kw_only=True):
    """Who must answer, by its certificate, and what is said where that is another one, or nobody."""

    knows: Callable[[bytes], bool]
    stranger: str
    later: str


def enrol(home: Path, host: str, port: int, code: OneTimeCode, vkey: str) -> Account:
    """Enrol this console with a collector and keep the credential.

    Raises:
        MesoError: it is not the collector that the code was made by, it does not answer, or refuses.
    """
    wanted = Wanted(
        knows=lambda der: certificate_pin(der) == code.certificate_pin,
        stranger="is not the collector that made this code",
        later="the code is still good, try again",
    )
    with dialled(host, port, wanted) as (channel, der):
        channel.send(Enrol(version=VERSION, secret=code.secret, vkey=vkey.strip()))
        answer = answer_of(channel, Enrolled)
    account = Account(
        host=host,
        port=port,
        certificate_sha256=sha256(der).hexdigest(),
        token=answer.token.hex(),
        cosigner=str(Cosigner.parse(answer.cosigner)),
    )
    # What it has acknowledged before stays so: a database that was set back meanwhile must still be noticed.
    for before in read_accounts(home):
        if (before.certificate_sha256, before.cosigner) == (account.certificate_sha256, account.cosigner):
            account = replace(account, acked_size=before.acked_size, cosigned=before.cosigned)
    write_account(home, account)
    forget_other_addresses(home, account)
    return account


def send(home: Path, account: Account, outbox: Outbox, *, again: bool = False) -> Sent:
    """Send what the collector lacks; with ``again`` everything, which it compares with what it holds.

    Raises:
        MesoError: it does not answer or refuses, or this log is not the one that it holds. What was acknowledged
            before that stays acknowledged.
    """
    sent = inserted = 0
    with dialled(account.host, account.port, enrolled_with(account)) as (channel, _):
        held = hello(channel, account)
        # A log that was set back, or is another one: all of it is shown, so that the collector finds what differs.
        continues = outbox.continues(held.size, held.note)
        first = 0 if again or not continues else held.size
        lost = max(0, account.acked_size - held.size)
        if held.size and continues:
            account = _acknowledged(home, account, held.note, outbox.keys)
        while (batch := outbox.batch(first)) is not None:
            channel.send(batch)
            taken = answer_of(channel, Taken)
            sent += len(batch.bodies)
            inserted += taken.inserted
            first += len(batch.bodies)
            if taken.size == first:
                account = _acknowledged(home, account, batch.note + taken.cosignature, outbox.keys)
    if not continues:
        raise MesoError(
            f"the collector holds {held.size} records of this log, and they are not the beginning of the "
            f"{outbox.records()} here: it was set back, or used twice; see the README on the collector"
        )
    return Sent(
        address=account.address,
        sent=sent,
        inserted=inserted,
        acked=account.acked_size,
        waiting=outbox.records() - outbox.signed(),
        lost=lost,
    )


def enrolled_with(account: Account) -> Wanted:
    """Return who must answer at the address of an account."""
    return Wanted(
        knows=lambda der: sha256(der).hexdigest() == account.certificate_sha256,
        stranger="is not the collector that this console was enrolled with; one that was set up anew needs a new code",
        later="nothing is lost, send again later",
    )


def hello(channel: Channel, account: Account) -> Welcome:
    """Say who this console is and return what the collector holds of its log."""
    channel.send(Hello(version=VERSION, token=bytes.fromhex(account.token)))
    return answer_of(channel, Welcome)


@contextlib.contextmanager
def dialled(host: str, port: int, wanted: Wanted) -> Iterator[tuple[Channel, bytes]]:
    """Connect, and say nothing before the other end has proven to have the certificate that is known."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    # No authority vouches for a collector: its certificate is compared with what was written into the code.
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    try:
        plain = socket.create_connection((host, port), timeout=CONNECT_S)
        with plain, context.wrap_socket(plain) as connection:
            der = connection.getpeercert(binary_form=True) or b""
            if not wanted.knows(der):
                raise MesoError(f"{host} port {port} {wanted.stranger}")
            yield Channel(connection), der
    except ChannelEnded as ended:
        raise MesoError(f"the collector at {host} port {port}: {ended}; {wanted.later}") from ended
    except OSError as error:
        why = "no answer in time" if isinstance(error, TimeoutError) else (error.strerror or type(error).__name__)
        raise MesoError(f"the collector at {host} port {port} cannot be reached: {why}; {wanted.later}") from error


def signed_by_both(account: Account, cosigned: str, keys: LogKeys) -> Checkpoint:
    """Return a checkpoint that the log has signed and the collector cosigned; UsageError where that does not hold."""
    checkpoint = keys.open(cosigned)
    cosigned_at_s(checkpoint, cosigned.splitlines()[-1], Cosigner.parse(account.cosigner))
    return checkpoint


def _acknowledged(home: Path, account: Account, cosigned: str, keys: LogKeys) -> Account:
    """Note that the collector holds everything up to a checkpoint that both have signed.

    Raises:
        UsageError: one of the signatures does not hold.
    """
    checkpoint = signed_by_both(account, cosigned, keys)
    account = replace(account, acked_size=checkpoint.size, cosigned=cosigned)
    write_account(home, account)
    return account


def answer_of(channel: Channel, wanted: type[T], limit: int = ANSWER_BYTES_MAX) -> T:
    """Return the collector's answer, of a kind and of so many bytes at most.

    Raises:
        BatchRefused: it refuses, or answers something else.
        ChannelEnded: it does not answer.
    """
    answer = read(ANSWER, channel.receive(limit, ANSWER_S))
    if isinstance(answer, Refused):
        raise BatchRefused(answer.code, f"the collector refuses: {answer.message}")
    if not isinstance(answer, wanted):
        raise BatchRefused(Code.MALFORMED, "the collector answers something else than was asked")
    return answer
