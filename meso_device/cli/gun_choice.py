"""Which gun a command is about: named by its uid, or by the port on which it answers."""

import re
import secrets
from typing import Annotated, Final, TypeAlias

import typer
from msgspec import Struct

from drivers.discovery import discover
from meso_device.accounting.entries import GunLedger
from meso_device.accounting.materials import checked_gun_uid
from protocols.errors import MesoError, UsageError

GunChoiceOption: TypeAlias = Annotated[
    str, typer.Option("--gun", metavar="PORT|UID", help="Port of the gun, or its uid as 'meso guns' shows it.")
]
_UID: Final = re.compile(r"[0-9a-fA-F]{24}", re.ASCII)


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


def choose_gun(named: str) -> ChosenGun:
    """Return the gun; asks the port if one was named, which changes nothing at the gun.

    Raises:
        UsageError: no gun answers on that port, or it is no port and no uid.
    """
    if _UID.fullmatch(named):
        return ChosenGun(uid=checked_gun_uid(named))
    if "/" not in named and ":" not in named and not named.upper().startswith("COM"):
        checked_gun_uid(named)
    [found] = discover([named], secrets.token_bytes(16))
    if found.reply is None or found.problem:
        raise UsageError(found.problem or f"{named}: no gun answers there")
    reply = found.reply
    return ChosenGun(uid=reply.gun_uid.hex(), log_epoch=reply.log_epoch, head_seq=reply.head_seq)


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
