"""The descriptor that the gun carries: messages, fields, units, ranges, enumerations."""

from functools import cache
from zlib import compress


@cache
def compressed_descriptor() -> bytes:
    """The descriptor as DESCRIBE gives it: part of the firmware image, so it is read as one reads code."""
    from importlib.resources import files  # noqa: PLC0415  # importing it would bring the system in with the firmware

    return compress(files("protocols.wire").joinpath("descriptor.json").read_bytes().rstrip(b"\n"), 9)
