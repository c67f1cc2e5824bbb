"""A gun paired with this data directory by its link key, or forgotten; both are recorded with who did it."""

import secrets
from pathlib import Path
from typing import Final

from drivers.gun import GunDriver
from drivers.link_auth import parse_link_key
from drivers.ports import open_port
from meso_device.accounting.service import act_done
from meso_device.cli.acting import acting
from meso_device.cli.asking import secret_line
from meso_device.cli.gun_choice import choose_gun, hello_at
from meso_device.host.link_keys import forget_link_key, keep_link_key, read_link_keys
from meso_device.people.register import Purpose
from meso_device.people.roles import Act, Meaning
from protocols.errors import GunProtocolError, MesoError
from protocols.wire.codes import Capability, GunFlag

PAIRED: Final = "link_paired"
FORGOTTEN: Final = "link_forgotten"


def pair(port: str, *, key_file: str, home: Path | None, sign_in: str, pin_file: str) -> str:
    """Let a gun prove that it holds a key, then record that and keep the key; return the gun's uid.

    From then on this gun is spoken to only if it proves the key again at each connection.

    Raises:
        UsageError: no gun answers, or the file holds no key.
        MesoError: the gun holds no key, or another one; nothing was kept.
        PinRefused, NotAllowed: not this person.
        AuditWriteFailed: it could not be recorded.
    """
    key = parse_link_key(secret_line("--key-file", key_file))
    hello = hello_at(port, {})
    uid = hello.gun_uid
    if not hello.capabilities & Capability.LINK_AUTH:
        raise MesoError(f"gun {uid.hex()} holds no link key: there is nothing to pair, and its link stays open to all")
    with GunDriver(open_port(port), secrets.token_bytes(16), {uid: key}) as gun:
        try:
            proven = gun.hello()
        except GunProtocolError:
            raise MesoError(f"gun {uid.hex()} holds another key than {key_file}: nothing was kept") from None
    if proven.gun_uid != uid or not proven.flags & GunFlag.AUTHENTICATED:
        raise MesoError(f"{port}: another gun answered: nothing was kept")
    with acting(
        home, command="meso link pair", act=Act.SERVICE, sign_in=sign_in, pin_file=pin_file, purpose=Purpose.SIGNATURE
    ) as work:
        read_link_keys(work.desk.home)  # a file that cannot be kept up is found before anything is recorded
        work.commit_signed(act_done(uid.hex(), PAIRED, work.by), Meaning.PERFORMED)
        keep_link_key(work.desk.home, uid, key)
    return uid.hex()


def forget(named: str, *, home: Path | None, sign_in: str, pin_file: str) -> str:
    """Record that a gun's key is forgotten, then forget it; return the gun's uid.

    Raises:
        UsageError: no gun answers on that port or proves its key there (then its uid has to be named), or it is no port
            and no uid.
        MesoError: it was never paired here.
        PinRefused, NotAllowed: not this person.
        AuditWriteFailed: it could not be recorded.
    """
    uid = choose_gun(named, home).uid
    with acting(
        home, command="meso link forget", act=Act.SERVICE, sign_in=sign_in, pin_file=pin_file, purpose=Purpose.SIGNATURE
    ) as work:
        if bytes.fromhex(uid) not in read_link_keys(work.desk.home):
            raise MesoError(f"gun {uid} is not paired here: there is nothing to forget")
        work.commit_signed(act_done(uid, FORGOTTEN, work.by), Meaning.PERFORMED)
        forget_link_key(work.desk.home, bytes.fromhex(uid))
    return uid
