"""The one form of login names and of names of people."""

import re
from typing import Final

from protocols.errors import UsageError

NAME_LETTERS_MAX: Final = 100

_LOGIN: Final = re.compile(r"[a-z][a-z0-9._-]{1,31}", re.ASCII)


def check_login(login: str) -> str:
    """Return a login name in its one form; UsageError says what it may be made of."""
    login = login.strip().lower()
    if _LOGIN.fullmatch(login) is None:
        raise UsageError("this login name is refused: 2 to 32 of a-z, 0-9, dot, _ and -, beginning with a letter")
    return login


def check_name(name: str) -> str:
    """Return a name with single spaces; UsageError for an empty or endless one, or one with control characters."""
    name = " ".join(name.split())
    if not name or len(name) > NAME_LETTERS_MAX or not name.isprintable():
        raise UsageError(f"this name is refused: 1 to {NAME_LETTERS_MAX} printable characters")
    return name
