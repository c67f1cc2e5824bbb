"""Finds STOP in the bytes of a terminal, before anything else reads them.

The recogniser is fed every byte, keeps its state across reads, restarts at each ESC, waits for nothing and knows
nothing of pastes: a false STOP is acceptable, a missed one is not (HZ-12). It filters nothing out.
"""

import re
from typing import Final

ESC: Final = 0x1B
CSI8: Final = 0x9B
CTRL_C: Final = 0x03
PARAMETER_BYTES_MAX: Final = 16
"""Longer than any key; a sequence that goes on is none of ours."""
F8: Final = "19"
MODIFY_OTHER_KEYS: Final = "27"
C_KEYS: Final = frozenset({"99", "67", "1089", "1057"})
"""c, C, and the Cyrillic letters on the same key."""
CTRL_BIT: Final = 4
_BEGINNING: Final = re.compile(rb"[\x03\x1b\x9b]")
_PARAMETER: Final = frozenset(b"0123456789;:")
_TEXT, _ESCAPED, _PARAMETERS = range(3)


class StopTap:
    """Recognises F8 at any time, and Ctrl+C while armed, in any split of the bytes."""

    def __init__(self) -> None:
        self._state = _TEXT
        self._parameters = bytearray()

    def feed(self, data: bytes, *, armed: bool) -> bool:
        """Take the next bytes; return whether a STOP key ended in them.

        Args:
            data: Bytes as the terminal sent them.
            armed: Whether Ctrl+C counts.
        """
        found = False
        at = 0
        while at < len(data):
            if self._state == _TEXT:
                # Plain text, such as a paste of a megabyte, is passed over at one go.
                key = _BEGINNING.search(data, at)
                if key is None:
                    return found
                at = key.start()
            found |= self._take(data[at], armed=armed)
            at += 1
        return found

    def _take(self, byte: int, *, armed: bool) -> bool:
        if byte == ESC:
            self._state = _ESCAPED
        elif byte == CSI8 or (byte == ord("[") and self._state == _ESCAPED):
            self._state = _PARAMETERS
            self._parameters.clear()
        elif self._state == _PARAMETERS and byte in _PARAMETER and len(self._parameters) < PARAMETER_BYTES_MAX:
            self._parameters.append(byte)
        else:
            ended, self._state = self._state == _PARAMETERS, _TEXT
            if ended and _is_stop(self._parameters.decode("ascii").split(";"), chr(byte), armed=armed):
                return True
        return armed and byte == CTRL_C


def _is_stop(fields: list[str], final: str, *, armed: bool) -> bool:
    """Return whether a control sequence is a STOP key: xterm's, rxvt's and kitty's forms."""
    if fields[0] == F8:
        return (final == "~" and len(fields) <= 2) or (final in "^$@" and len(fields) == 1)
    if not armed:
        return False
    if final == "u" and len(fields) >= 2:
        return _is_ctrl_c(fields[0], fields[1])
    if final == "~" and fields[0] == MODIFY_OTHER_KEYS and len(fields) == 3:
        return _is_ctrl_c(fields[2], fields[1])
    return False


def _is_ctrl_c(key: str, modifiers: str) -> bool:
    """Other forms of the key and the kind of event may follow behind colons."""
    bits = modifiers.partition(":")[0]
    return key.partition(":")[0] in C_KEYS and bits.isdecimal() and bool((int(bits) - 1) & CTRL_BIT)
