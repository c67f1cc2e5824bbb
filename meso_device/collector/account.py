"""What a console keeps of each collector: where it is, how it is known, and up to where it has acknowledged.

A small file each, in ``collectors`` of the data directory, mode 0600. It is no part of the log: it can be lost, and the
collector still knows what it holds.
"""

from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta, Struct

from meso_device.host.home import write_private
from protocols.errors import UsageError

DIRECTORY: Final = "collectors"
ACCOUNTS_MAX: Final = 16
_BYTES_MAX: Final = 16_384
_hex32 = Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Account(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One collector, as this console knows it.

    Attributes:
        host: Where it listens.
        port: Its port.
        certificate_sha256: Of the certificate that it showed when this console was enrolled.
        token: This console's credential.
        cosigner: Public key of its cosignatures.
        acked_size: Records that it has acknowledged: durable there, and cosigned.
        cosigned: The checkpoint of that size with the log's signature and its own; empty before the first.
    """

    host: str
    port: int
    certificate_sha256: _hex32
    token: _hex32
    cosigner: str
    acked_size: Annotated[int, Meta(ge=0)] = 0
    cosigned: str = ""

    @property
    def address(self) -> str:
        """Host and port as they are written."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def read_accounts(home: Path) -> tuple[Account, ...]:
    """Return all collectors that this console is enrolled with, by name.

    Raises:
        UsageError: a file of them cannot be read, or is damaged.
    """
    found = []
    for path in sorted((home / DIRECTORY).glob("*.json"))[:ACCOUNTS_MAX]:
        try:
            with path.open("rb") as file:
                found.append(msgspec.json.decode(file.read(_BYTES_MAX), type=Account))
        except (OSError, msgspec.DecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            raise UsageError(f"{path} cannot be read ({reason}); remove it and enrol again") from None
    return tuple(found)


def forget_other_addresses(home: Path, account: Account) -> None:
    """Forget the same collector at other addresses: it has one credential for a console, and the older ones are void.

    Raises:
        UsageError: a file of them cannot be removed.
    """
    for path in (home / DIRECTORY / _name(one) for one in read_accounts(home) if _same_but_elsewhere(one, account)):
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise UsageError(f"{path} cannot be removed: {error.strerror}") from None


def write_account(home: Path, account: Account) -> None:
    """Keep what is known of a collector, durably.

    Raises:
        UsageError: it cannot be written, or there are too many.
    """
    directory = home / DIRECTORY
    path = directory / _name(account)
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        if not path.exists() and len([*directory.glob("*.json")]) >= ACCOUNTS_MAX:
            raise UsageError(f"a console sends to {ACCOUNTS_MAX} collectors at most; remove one from {directory}")
        write_private(path, msgspec.json.encode(account).decode() + "\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None


def _name(account: Account) -> str:
    return f"{account.host}_{account.port}.json"


def _same_but_elsewhere(one: Account, other: Account) -> bool:
    return one.certificate_sha256 == other.certificate_sha256 and one.address != other.address
