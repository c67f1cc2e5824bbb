"""Lets the screen live through bytes that are no UTF-8.

Textual decodes what a terminal sends strictly, in a thread that ends the application at the first wrong byte: one key
of a terminal with another encoding, or an F8 in its 8-bit form, would end the screen. The host has seen STOP in the
bytes before; here only the text is mended.
"""

import codecs
from functools import partial

from textual.drivers import linux_driver


def tolerate_broken_bytes() -> None:
    """From now on a byte that is no UTF-8 is read as U+FFFD, which no field and no key takes."""
    linux_driver.getincrementaldecoder = _forgiving  # type: ignore[attr-defined,assignment]  # its only seam


def _forgiving(encoding: str) -> "partial[codecs.IncrementalDecoder]":
    return partial(codecs.getincrementaldecoder(encoding), errors="replace")
