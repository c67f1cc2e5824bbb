"""The treatment protocols that ship with the package: examples, approved by nobody."""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

from protocols.errors import UsageError
from protocols.treatment.loader import parse_treatment
from protocols.treatment.treatment import Treatment

PRACTICE = "practice"


@cache
def _shelf() -> Traversable:
    return files("protocols.treatment") / "library"


@cache
def library() -> tuple[str, ...]:
    """Return the names of the bundled treatment protocols in alphabetical order."""
    return tuple(
        sorted(entry.name.removesuffix(".toml") for entry in _shelf().iterdir() if entry.name.endswith(".toml"))
    )


def library_bytes(name: str) -> bytes:
    """Return the file of a bundled treatment protocol.

    Raises:
        UsageError: no such name.
    """
    if name not in library():
        raise UsageError(f"no treatment protocol {name!r} in the library; it holds {', '.join(library())}")
    return (_shelf() / f"{name}.toml").read_bytes()


def load_library(name: str) -> Treatment:
    """Return a bundled treatment protocol, checked like any other file.

    Raises:
        UsageError: no such name.
    """
    return parse_treatment(library_bytes(name), f"{name}.toml")
