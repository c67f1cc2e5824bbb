"""What a damaged log has lost, back from a collector: `meso_device.audit.salvage` checks every byte of it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import apsw
from msgspec.structs import replace

from meso_device.audit.birth import DATABASE_NAME
from meso_device.audit.database import open_for_reading
from meso_device.audit.keys import VerifyKey
from meso_device.audit.log_keys import LogKeys, readable_keys
from meso_device.audit.salvage import Elsewhere, Part
from meso_device.collector.account import Account, read_accounts
from meso_device.collector.channel import Channel
from meso_device.collector.cosignature import Cosigner
from meso_device.collector.sender import Wanted, answer_of, dialled, enrolled_with, hello, signed_by_both
from meso_device.collector.wire import FRAME_BYTES_MAX, BatchRefused, Fetch, Held
from protocols.errors import MesoError

_LATER: Final = (
    "it may hold what is missing: try again when it answers; --without-collector goes on without, and what comes then "
    "is another history to it for good"
)


@contextlib.contextmanager
def elsewhere(home: Path, key: VerifyKey) -> Iterator[Elsewhere | None]:
    """Connect to the collector that holds most of a console's log; None where the console is enrolled with none.

    Args:
        home: The data directory.
        key: Public key of its log.

    Raises:
        MesoError: one of the collectors does not answer, or refuses. It may be the one that holds most.
    """
    accounts = read_accounts(home)
    if not accounts:
        yield None
        return
    keys = LogKeys.alone(key)
    with contextlib.suppress(apsw.Error, MesoError), contextlib.closing(open_for_reading(home / DATABASE_NAME)) as db:
        keys = readable_keys(db, key)
    sizes = {}
    for account in accounts:
        with _connected(account) as channel:
            sizes[account] = _size(channel, account, keys)
    most = max(accounts, key=sizes.__getitem__)
    with _connected(most) as channel:
        name = Cosigner.parse(most.cosigner).name
        yield Elsewhere(name=name, size=_size(channel, most, keys), parts=lambda first: _parts(channel, first))


def _size(channel: Channel, account: Account, keys: LogKeys) -> int:
    """Return how many records a collector holds, as it says with its signature under the log's own."""
    try:
        held = hello(channel, account)
    except BatchRefused as refused:
        raise MesoError(f"{account.address}: {refused}; {_LATER}") from refused
    return signed_by_both(account, held.note, keys).size if held.size else 0


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
