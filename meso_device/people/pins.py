"""PINs: which are taken, and how they are kept.

Kept is argon2id over a keyed hash of person and PIN. The key (the pepper) lies in a file of its own, so that the
database alone gives nothing to try PINs against; and a hash moved to another person's row does not fit there.
"""

import hmac
import os
import re
import secrets
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Final

from msgspec import Struct

from protocols.errors import MesoError, UsageError

PIN_DIGITS_MIN: Final = 6
PIN_DIGITS_MAX: Final = 12
PEPPER_NAME: Final = "pin.pepper"
PEPPER_BYTES: Final = 32
SALT_BYTES: Final = 16

_PIN: Final = re.compile(rf"[0-9]{{{PIN_DIGITS_MIN},{PIN_DIGITS_MAX}}}", re.ASCII)


def check_new_pin(pin: str) -> None:
    """Refuse with UsageError a PIN of another form, or one that is among the first to be guessed."""
    if _PIN.fullmatch(pin) is None:
        raise UsageError(f"this PIN is refused: it takes {PIN_DIGITS_MIN} to {PIN_DIGITS_MAX} digits 0-9")
    if _is_trivial(pin):
        raise UsageError("this PIN is refused: equal steps such as 111111 or 123456, and repeats such as 121212")


def _is_trivial(pin: str) -> bool:
    steps = {(int(right) - int(left)) % 10 for left, right in pairwise(pin)}
    if len(steps) == 1:
        return True
    # A repeat is what fits over itself when moved on by at most half its length.
    return any(pin[block:] == pin[:-block] for block in range(1, len(pin) // 2 + 1))


class Cost(Struct, frozen=True):
    """What one look at a PIN costs.

    Attributes:
        passes: Over the memory.
        memory_kib: Filled by each look.
        lanes: Filled side by side.
    """

    passes: int = 3
    memory_kib: int = 64 * 1024
    lanes: int = 4


class Hasher:
    """Makes and checks what is kept of a PIN. About 0.2 s and 64 MiB each time: never in a loop that must not wait."""

    def __init__(
        self, pepper: bytes, *, cost: Cost | None = None, randomness: Callable[[int], bytes] = os.urandom
    ) -> None:
        from argon2 import PasswordHasher, Type  # noqa: PLC0415  # only who signs in needs it

        cost = cost or Cost()
        self._pepper = pepper
        self._randomness = randomness
        self._argon2 = PasswordHasher(
            time_cost=cost.passes, memory_cost=cost.memory_kib, parallelism=cost.lanes, type=Type.ID
        )

    def hash(self, op: str, pin: str) -> str:
        """Return what is kept: an argon2id string with its own salt and cost.

        Raises:
            MesoError: there is not enough memory.
        """
        from argon2.exceptions import HashingError  # noqa: PLC0415

        try:
            return self._argon2.hash(self._keyed(op, pin), salt=self._randomness(SALT_BYTES))
        except HashingError as error:
            raise MesoError(f"the PIN cannot be looked at now: {error}") from None

    def fits(self, kept: str, op: str, pin: str) -> bool:
        """Return whether this is the PIN; an empty ``kept`` costs as much and never fits.

        Raises:
            MesoError: what was kept is damaged, or there is not enough memory.
        """
        from argon2.exceptions import InvalidHashError, VerificationError, VerifyMismatchError  # noqa: PLC0415

        if not kept:
            self.hash(op, pin)
            return False
        try:
            return self._argon2.verify(kept, self._keyed(op, pin))
        except VerifyMismatchError:
            return False
        except (InvalidHashError, VerificationError) as error:
            raise MesoError(
                f"this PIN cannot be checked: {error}; if that stays so, an administrator sets a new one"
            ) from None

    def _keyed(self, op: str, pin: str) -> bytes:
        return hmac.digest(self._pepper, f"{op}/{pin}".encode(), "sha256")


def make_pepper(home: Path) -> bytes:
    """Return the pepper of a data directory, made if there is none yet. Only before anybody is enrolled."""
    path = home / PEPPER_NAME
    if path.exists():
        return read_pepper(home)
    pepper = secrets.token_bytes(PEPPER_BYTES)
    fresh = path.with_name(f"{PEPPER_NAME}.{os.getpid()}.new")
    fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "w") as file:
        file.write(pepper.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    directory = os.open(home, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return pepper


def read_pepper(home: Path) -> bytes:
    """Return the pepper of a data directory.

    Raises:
        UsageError: missing, damaged, or open to others.
    """
    path = home / PEPPER_NAME
    try:
        if path.stat().st_mode & 0o077:
            raise UsageError(f"{path} can be read by others; run: chmod 600 {path}")
        pepper = bytes.fromhex(path.read_text("ascii").strip())
    except FileNotFoundError:
        raise UsageError(f"{path} is missing: restore it from a backup; without it no PIN can be checked") from None
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError:
        pepper = b""
    if len(pepper) != PEPPER_BYTES:
        raise UsageError(f"{path} is damaged: restore it from a backup; without it no PIN can be checked")
    return pepper
