"""What SQLite is told for a path."""

from pathlib import Path

from protocols.errors import UsageError


def sqlite_path(path: Path) -> str:
    """Return a path for SQLite, without links in its directory.

    Raises:
        UsageError: its bytes are no UTF-8, which a file system allows and SQLite does not.
    """
    text = str(path.resolve() if path.parent.exists() else path)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UsageError(f"{path} is not a name in UTF-8, as a database needs one: choose another place") from None
    return text
