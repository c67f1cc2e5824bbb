"""What passes between the host process and the screen: frames of strict JSON on a socketpair, no more.

A frame is ``length u32le | kind u8 | id u32le | body``; the length counts what follows it. The body is one JSON object
of integers, strings, booleans, null, lists and objects. Whatever else comes, the other side is broken and is treated as
gone. Both sides use this file; it imports nothing of either.
"""

import json
from collections.abc import Iterator, Mapping
from enum import IntEnum
from struct import Struct
from typing import Any, Final, NoReturn

import msgspec

VERSION: Final = 1
TO_HOST_BYTES_MAX: Final = 4_096
TO_SCREEN_BYTES_MAX: Final = 65_536
DEPTH_MAX: Final = 6
INTEGER_MAX: Final = 2**53 - 1
_PASSES: Final = frozenset({str, bool, type(None)})
_HOLDS: Final = frozenset({dict, list, tuple})
_HEAD: Final = Struct("<IBI")
_AFTER_LENGTH: Final = _HEAD.size - 4
_encode: Final = msgspec.json.Encoder().encode


class ToHost(IntEnum):
    """What the screen may ask for; each is checked again by the host."""

    HELLO = 1
    ALIVE = 2
    STOP = 3
    CONNECT = 4
    DISCONNECT = 5
    SELF_TEST = 6
    HOME = 7
    PORTS = 8
    SIGN_IN = 10
    LOCK = 11
    ENROL = 12
    PATIENT_FIND = 13
    PATIENT_ADD = 14
    PATIENT_SHOW = 15
    LOT = 16
    LOAD = 17
    CLEAN = 18
    WASTE = 19
    OPEN = 20
    RESUME = 21
    ABANDON = 22
    CONFIRM = 23
    PREPARE = 24
    CHECK = 25
    FIT = 26
    BEGIN = 27
    OVERRIDE = 28
    SIGN = 29
    ARM_OPEN = 30
    ARM_CONFIRM = 31
    DISARM = 32
    RESET_OPEN = 33
    RESET_CONFIRM = 34
    CLEAR_FAULT = 35
    WRITE_OFF = 36
    ACKNOWLEDGE = 40
    SILENCE = 41
    FINISH = 50
    PLAN_EDIT = 54
    PLAN_CONFIRM = 55
    SKIP = 56
    NOTE = 57
    CELL = 58
    PAGE = 60
    RECORD = 61
    VERIFY = 62
    AMEND = 63
    REACTION = 64
    UPKEEP = 65
    SEE_TO = 66
    QUIT = 70
    BENCH_PREPARE = 80
    BENCH_BEGIN = 81
    BENCH_RESUME = 82
    BENCH_READ = 83
    BENCH_ADJUST = 84
    BENCH_PAUSE = 85
    BENCH_EXCLUDE = 86
    BENCH_ABANDON = 87
    BENCH_SIGN = 88


class ToScreen(IntEnum):
    """What the host tells the screen."""

    WELCOME = 128
    SNAPSHOT = 129
    ANSWER = 130
    PAGE = 131
    BYE = 132


Body = dict[str, Any]


class BrokenPeer(Exception):  # noqa: N818  # an event, not an error of ours
    """The other side sent what this wire does not carry."""


class Message(msgspec.Struct, frozen=True):
    """One frame.

    Attributes:
        kind: A `ToHost` or `ToScreen`.
        id: Number that an `ANSWER` repeats; 0 where none is waited for.
        body: Fields.
    """

    kind: int
    id: int = 0
    body: Mapping[str, Any] = msgspec.field(default_factory=dict)


def encode(message: Message) -> bytes:
    """Return the bytes of a frame; ValueError where the body holds what may not pass."""
    _check(message.body, 1)
    body = _encode(message.body)
    limit = TO_HOST_BYTES_MAX if message.kind < ToScreen.WELCOME else TO_SCREEN_BYTES_MAX
    if len(body) > limit:
        raise ValueError(f"a message of {len(body)} bytes; at most {limit}")
    return _HEAD.pack(_AFTER_LENGTH + len(body), message.kind, message.id) + body


class Deframer:
    """Cuts a stream into messages, with bounded memory.

    Args:
        kinds: `ToHost` at the host's end, `ToScreen` at the screen's.
    """

    def __init__(self, kinds: type[ToHost] | type[ToScreen]) -> None:
        self._kinds = kinds
        self._bytes_max = TO_HOST_BYTES_MAX if kinds is ToHost else TO_SCREEN_BYTES_MAX
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Yield the messages that are complete now.

        Raises:
            BrokenPeer: what came is no message of this wire; nothing after it is read.
        """
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            length, kind, number = _HEAD.unpack_from(self._buffer)
            if not _AFTER_LENGTH <= length <= _AFTER_LENGTH + self._bytes_max:
                raise BrokenPeer(f"a message of {length} bytes")
            if len(self._buffer) < 4 + length:
                return
            body = bytes(self._buffer[_HEAD.size : 4 + length])
            del self._buffer[: 4 + length]
            if kind not in self._kinds._value2member_map_:
                raise BrokenPeer(f"a message of kind {kind}")
            yield Message(self._kinds(kind), number, _parse(body))


def _parse(body: bytes) -> Body:
    try:
        fields = json.loads(
            body.decode(), parse_float=_refuse, parse_constant=_refuse, object_pairs_hook=_without_repeats
        )
        _check(fields, 1)
    except (ValueError, RecursionError) as error:
        raise BrokenPeer(f"a body that is not strict JSON: {error}") from None
    if type(fields) is not dict:
        raise BrokenPeer("a body that is no object")
    return fields


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is not an integer")


def _without_repeats(pairs: list[tuple[str, Any]]) -> Body:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key given twice")
    return fields


def _check(value: object, depth: int) -> None:
    """Refuse with ValueError what may not pass in a body.

    Called for every snapshot: only what holds other values costs a call.
    """
    if type(value) is dict or isinstance(value, Mapping):
        for key in value:
            if type(key) is not str:
                raise ValueError("a key that is not text")
        items = value.values()
    elif type(value) in {list, tuple}:
        items = value  # type: ignore[assignment]  # a list or tuple by the line above
    else:
        items = (value,)  # type: ignore[assignment]
        depth -= 1
    if depth > DEPTH_MAX:
        raise ValueError(f"nested deeper than {DEPTH_MAX}")
    for item in items:
        kind = type(item)
        if kind is int:
            if not -INTEGER_MAX <= item <= INTEGER_MAX:
                raise ValueError("an integer outside of 2^53 - 1")
        elif kind in _HOLDS:
            _check(item, depth + 1)
        elif kind not in _PASSES:
            if not isinstance(item, Mapping):
                raise ValueError(f"{kind.__name__} may not pass")
            _check(item, depth + 1)
