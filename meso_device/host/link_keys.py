"""Link keys of the guns that were paired with this data directory: who holds one can prove that a gun is this gun.

One line a gun, ``uid key`` in hexadecimal, in a file of mode 0600. The keys are in no backup, record or log: after a
restore the guns are paired again from the cards that came with them.
"""

from typing import Final

from meso_device.host.home import Home, write_private
from protocols.errors import MesoError, UsageError
from protocols.wire.seal import LINK_KEY_SIZE

_UID_SIZE: Final = 12
_OTHERS: Final = 0o077


def read_link_keys(home: Home) -> dict[bytes, bytes]:
    """Return the keys by gun_uid; none where no gun was paired.

    Raises:
        UsageError: others may read the file.
        MesoError: it cannot be read, or holds something else.
    """
    path = home.link_keys_file
    try:
        if path.stat().st_mode & _OTHERS:
            raise UsageError(f"{path} can be read by others; run: chmod 600 {path}")
        lines = path.read_text("ascii").splitlines()
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError) as error:
        raise MesoError(f"{path} cannot be read: {type(error).__name__}") from None
    keys = {}
    for number, line in enumerate(lines, 1):
        try:
            uid, key = (bytes.fromhex(word) for word in line.split(" "))
        except ValueError:
            uid = key = b""
        if (len(uid), len(key)) != (_UID_SIZE, LINK_KEY_SIZE):
            raise MesoError(f"{path} is damaged in line {number}: remove that line, and pair the gun again")
        keys[uid] = key
    return keys


def keep_link_key(home: Home, gun_uid: bytes, key: bytes) -> None:
    """Keep the key of a gun, in place of one that it had.

    Raises:
        UsageError, MesoError: as `read_link_keys`.
        OSError: it could not be written; the file is as it was.
    """
    _write(home, {**read_link_keys(home), gun_uid: key})


def forget_link_key(home: Home, gun_uid: bytes) -> None:
    """Forget the key of a gun.

    Raises:
        UsageError, MesoError: as `read_link_keys`.
        OSError: it could not be written; the file is as it was.
    """
    keys = read_link_keys(home)
    keys.pop(gun_uid, None)
    _write(home, keys)


def _write(home: Home, keys: dict[bytes, bytes]) -> None:
    write_private(home.link_keys_file, "".join(f"{uid.hex()} {key.hex()}\n" for uid, key in keys.items()))
