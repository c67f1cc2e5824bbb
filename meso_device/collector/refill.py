"""What a log has lost, back from a collector: `meso_device.audit.take_over` checks every byte of it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from meso_device.audit.checkpoint import Checkpoint, read_unsigned
from meso_device.audit.take_over import Elsewhere, Part
from meso_device.collector.account import Account, read_accounts
from meso_device.collector.channel import Channel
from meso_device.collector.cosignature import Cosigner, cosigned_at_s
from meso_device.collector.sender import Wanted, answer_of, dialled, enrolled_with, hello
from meso_device.collector.wire import FRAME_BYTES_MAX, BatchRefused, Fetch, Held
from protocols.errors import MesoError, UsageError

WITHOUT: Final = "--without-collector goes on without, and what comes then is another history to it for good"
_LATER: Final = f"it may hold what is missing: try again when it answers; {WITHOUT}"


@contextlib.contextmanager
def elsewhere(home: Path, name: str) -> Iterator[Elsewhere | None]:
    """Connect to the collector that holds most of a console's log; None where the console is enrolled with none.

    Args:
        home: The data directory, where the accounts of collectors are.
        name: Name of its log.

    Raises:
        MesoError: one of the collectors does not answer, or refuses. It may be the one that holds most.
    """
    accounts = read_accounts(home)
    if not accounts:
        yield None
        return
    heads: dict[str, Checkpoint] = {}
    for account in accounts:
        with _connected(account) as channel:
            heads[_name(account)] = _head(channel, account, name)
    most = max(accounts, key=lambda account: heads[_name(account)].size)
    with _connected(most) as channel:
        heads[_name(most)] = _head(channel, most, name)
        held = {holder: head for holder, head in heads.items() if head.size}
        yield Elsewhere(heads=held, parts=lambda first: _parts(channel, first))


def _name(account: Account) -> str:
    return Cosigner.parse(account.cosigner).name


def _head(channel: Channel, account: Account, name: str) -> Checkpoint:
    """Return up to where a collector holds a log, as it says with its signature.

    The log's own signature is on the parts, which lead there: its key may have changed in one that is not here yet.
    """
    try:
        held = hello(channel, account)
        if not held.size:
            return Checkpoint(name, 0, b"")
        head = read_unsigned(held.note)
        cosigned_at_s(head, held.note.splitlines()[-1], Cosigner.parse(account.cosigner))
    except (BatchRefused, UsageError) as refused:
        raise MesoError(f"{account.address}: {refused}; {_LATER}") from refused
    if head.origin != name:
        raise MesoError(f"{account.address} holds {head.origin} under this credential, and this log is {name}")
    return head


def _parts(channel: Channel, first: int) -> Iterator[Part]:
    while True:
        channel.send(Fetch(first=first))
        held = answer_of(channel, Held, FRAME_BYTES_MAX)
        if not held.bodies:
            return
        yield Part(bodies=held.bodies, note=held.note)
        first += len(held.bodies)


@contextlib.contextmanager
def _connected(account: Account) -> Iterator[Channel]:
    wanted: Wanted = replace(enrolled_with(account), later=_LATER)
    with dialled(account.host, account.port, wanted) as (channel, _):
        yield channel
