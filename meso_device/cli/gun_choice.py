"""Which gun a command is about: named by its uid, or by the port on which it answers."""

import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Final, TypeAlias

import typer
from msgspec import Struct

from drivers.discovery import discover
from meso_device.accounting.entries import GunLedger
from meso_device.accounting.materials import checked_gun_uid
from meso_device.host.home import existing_home, find_home
from meso_device.host.link_keys import read_link_keys
from protocols.errors import MesoError, UsageError
from protocols.wire.messages import HelloReply

GunChoiceOption: TypeAlias = Annotated[
    str, typer.Option("--gun", metavar="PORT|UID", help="Port of the gun, or its uid as 'meso guns' shows it.")
]
_UID: Final = re.compile(r"[0-9a-fA-F]{24}", re.ASCII)


def is_uid(named: str) -> bool:
    """Whether this is a uid and no port."""
    return _UID.fullmatch(named) is not None


class ChosenGun(Struct, frozen=True, kw_only=True):
    """A gun that was named.

    Attributes:
        uid: Its uid.
        log_epoch: Epoch of its log; 0 when it was not asked.
        head_seq: Newest record that it has; 0 when it was not asked.
    """

    uid: str
    log_epoch: int = 0
    head_seq: int = 0


def choose_gun(named: str, home: Path | None) -> ChosenGun:
    """Return the gun; asks the port if one was named, which changes nothing at the gun.

    Args:
        named: Port or uid.
        home: Data directory, whose link keys tell a gun from a device that claims its uid.

    Raises:
        UsageError: no gun answers there, one that was paired does not prove its key, or it is no port and no uid.
    """
    if is_uid(named):
        return ChosenGun(uid=checked_gun_uid(named))
    if "/" not in named and ":" not in named and not named.upper().startswith("COM"):
        checked_gun_uid(named)
    reply = hello_at(named, known_keys(home))
    return ChosenGun(uid=reply.gun_uid.hex(), log_epoch=reply.log_epoch, head_seq=reply.head_seq)


def known_keys(home: Path | None) -> dict[bytes, bytes]:
    """Return the link keys of the data directory, by gun_uid; none where there is no such directory yet."""
    root = find_home(home, os.environ)
    return read_link_keys(existing_home(root)) if root.exists() else {}


def hello_at(port: str, link_keys: Mapping[bytes, bytes]) -> HelloReply:
    """Return what the gun at a port says of itself, which changes nothing at it.

    Raises:
        UsageError: none answers there, or one that was paired and does not prove its key.
    """
    [found] = discover([port], secrets.token_bytes(16), link_keys=link_keys)
    if found.reply is None or found.problem:
        raise UsageError(found.problem or f"{port}: no gun answers there")
    return found.reply


def refuse_unsettled(gun: ChosenGun, ledger: GunLedger) -> None:
    """Refuse while shots may be missing here that came from the cartridge which is in the gun now.

    Raises:
        MesoError: a grant is open, or the gun has records that are not in the log.
    """
    missing = gun.head_seq - ledger.committed_seq if gun.log_epoch == ledger.log_epoch else 0
    if ledger.open_grants or missing > 0:
        raise MesoError(
            f"gun {gun.uid} may have made injections that are not in the log yet, and they would count against the "
            "wrong cartridge: run 'meso session resume' first"
        )
