"""Finds STOP in the bytes of a terminal, before anything else reads them.

The recogniser is fed every byte, keeps its state across reads, restarts at each ESC, waits for nothing and knows
nothing of pastes: a false STOP is acceptable, a missed one is not (HZ-12). It filters nothing out.
"""

import re
from collections.abc import Iterable
from typing import Final

ESC: Final = 0x1B
CSI8: Final = 0x9B
CTRL_C: Final = 0x03
PARAMETER_BYTES_MAX: Final = 16
"""Longer than any key; a sequence that goes on is none of ours."""
F8: Final = 19
"""Number in the bytes of F8, the key that always stops."""
MODIFY_OTHER_KEYS: Final = "27"
C_KEYS: Final = frozenset({"99", "67", "1089", "1057"})
"""c, C, and the Cyrillic letters on the same key."""
CTRL_BIT: Final = 4
_BEGINNING: Final = re.compile(rb"[\x03\x1b\x9b]")
_PARAMETER: Final = frozenset(b"0123456789;:")
_TEXT, _ESCAPED, _PARAMETERS = range(3)


class StopTap:
    """Recognises F8 at any time, and Ctrl+C while armed, in any split of the bytes.

    Args:
        more: Numbers of further keys that stop at any time.
    """

    def __init__(self, more: Iterable[int] = ()) -> None:
        self._numbers = frozenset(str(number) for number in (F8, *more))
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
            fields = self._parameters.decode("ascii").split(";")
            if ended and (self._is_key(fields, chr(byte)) or (armed and _is_chord(fields, chr(byte)))):
                return True
        return armed and byte == CTRL_C

    def _is_key(self, fields: list[str], final: str) -> bool:
        """Return whether a control sequence is a key of STOP: xterm's, rxvt's and kitty's forms."""
        short = final in "^$@" and len(fields) == 1
        return fields[0] in self._numbers and (short or (final == "~" and len(fields) <= 2))


def _is_chord(fields: list[str], final: str) -> bool:
    """Return whether a control sequence is Ctrl+C: kitty's and xterm's forms."""
    if final == "u" and len(fields) >= 2:
        return _is_ctrl_c(fields[0], fields[1])
    if final == "~" and fields[0] == MODIFY_OTHER_KEYS and len(fields) == 3:
        return _is_ctrl_c(fields[2], fields[1])
    return False


def _is_ctrl_c(key: str, modifiers: str) -> bool:
    """Other forms of the key and the kind of event may follow behind colons."""
    bits = modifiers.partition(":")[0]
    return key.partition(":")[0] in C_KEYS and bits.isdecimal() and bool((int(bits) - 1) & CTRL_BIT)
