"""The descriptor that the gun carries: messages, fields, units, ranges, enumerations."""

from functools import cache
from importlib.resources import files
from zlib import compress


@cache
def compressed_descriptor() -> bytes:
    """The descriptor as DESCRIBE gives it: part of the firmware image, so it is read as one reads code."""
    return compress(files("protocols.wire").joinpath("descriptor.json").read_bytes().rstrip(b"\n"), 9)
