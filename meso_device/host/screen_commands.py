"""The form of every command of the screen, checked before anything looks at it: no field more, none less."""

from collections.abc import Mapping
from typing import Final

from meso_device.screen_messages import Body, BrokenPeer, Message, ToHost

TEXT_MAX: Final = 200
LIST_MAX: Final = 8

_FIELDS: Final[Mapping[ToHost, Mapping[str, type]]] = {
    ToHost.HELLO: {"version": int},
    ToHost.ALIVE: {"count": int},
    ToHost.STOP: {"by": str},
    ToHost.PORTS: {},
    ToHost.CONNECT: {"port": str},
    ToHost.DISCONNECT: {},
    ToHost.SELF_TEST: {},
    ToHost.HOME: {},
    ToHost.SIGN_IN: {"login": str, "pin": str},
    ToHost.LOCK: {},
    ToHost.ENROL: {"login": str, "name": str, "pin": str, "roles": list},
    ToHost.PATIENT_FIND: {"query": str},
    ToHost.PATIENT_ADD: {"name": str, "born": str, "chart": str, "sex": str, "allergies": str},
    ToHost.PATIENT_SHOW: {"aliases": list},
    ToHost.LOT: {"product": str, "lot": str, "expiry": str, "ingredients": str, "viscosity": str, "maker": str},
    ToHost.LOAD: {"product": str, "lot": str, "syringe": str, "volume": str, "left": str, "reason": str},
    ToHost.CLEAN: {"agent": str, "lot": str, "medium": str, "method": str},
    ToHost.WASTE: {"volume": str, "reason": str},
    ToHost.PREPARE: {"alias": str, "treatment": str},
    ToHost.CHECK: {"item": str, "answer": str, "note": str},
    ToHost.FIT: {"part": str, "serial": str, "type": str},
    ToHost.BEGIN: {},
    ToHost.OVERRIDE: {"code": str, "reason": str, "pin": str, "login2": str, "pin2": str},
    ToHost.SIGN: {"session": str, "pin": str},
    ToHost.OPEN: {"treatment": str},
    ToHost.RESUME: {},
    ToHost.ABANDON: {},
    ToHost.CONFIRM: {},
    ToHost.ARM_OPEN: {"area": str},
    ToHost.ARM_CONFIRM: {"token": str, "typed": str},
    ToHost.DISARM: {"cause": str},
    ToHost.RESET_OPEN: {},
    ToHost.RESET_CONFIRM: {"token": str, "typed": str, "reason": int},
    ToHost.CLEAR_FAULT: {},
    ToHost.WRITE_OFF: {"reason": str, "pin": str, "login2": str, "pin2": str},
    ToHost.ACKNOWLEDGE: {"no": int},
    ToHost.SILENCE: {},
    ToHost.FINISH: {},
    ToHost.PLAN_EDIT: {"area": str, "what": str, "text": str},
    ToHost.PLAN_CONFIRM: {"token": str, "typed": str},
    ToHost.SKIP: {"area": str, "reason": str},
    ToHost.NOTE: {"text": str},
    ToHost.CELL: {"area": str, "cells": int, "cell": int, "reason": str},
    ToHost.PAGE: {
        "cursor": int,
        "limit": int,
        "session": str,
        "area": str,
        "deviations": bool,
        "alias": str,
        "lot": str,
        "since_us": int,
        "until_us": int,
        "every_kind": bool,
    },
    ToHost.RECORD: {"seq": int},
    ToHost.VERIFY: {},
    ToHost.QUIT: {},
}
_MAY_BE_NULL: Final = frozenset(
    (ToHost.PAGE, name) for name in ("cursor", "session", "area", "alias", "lot", "since_us", "until_us")
)


def checked(message: Message) -> tuple[ToHost, Body]:
    """Return kind and fields of a command.

    Raises:
        BrokenPeer: a field is missing, unknown, of another type, too long or negative.
    """
    kind = ToHost(message.kind)
    fields = _FIELDS[kind]
    if set(message.body) != set(fields):
        odd = ", ".join(sorted(set(message.body) ^ set(fields)))[:TEXT_MAX]
        raise BrokenPeer(f"{kind.name}: missing or unknown fields: {odd}")
    for name, wanted in fields.items():
        value = message.body[name]
        if value is None and (kind, name) in _MAY_BE_NULL:
            continue
        if type(value) is not wanted or not _fits(value):
            raise BrokenPeer(f"{kind.name}: {name} is not what it must be")
    return kind, dict(message.body)


def _fits(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= TEXT_MAX and value.isprintable()
    if isinstance(value, list):
        return len(value) <= LIST_MAX and all(type(item) is str and _fits(item) for item in value)
    return not isinstance(value, int) or value >= 0
