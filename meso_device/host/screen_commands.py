"""The form of every command of the screen, checked before anything looks at it: no field more, none less.

Commands and their fields; every one is checked by the host, unknown or missing fields end the screen::

    HELLO           version                      must be first
    ALIVE           count                        five a second, made by the screen's own loop; never answered
    STOP            by (key | button | palette)  at once, from anybody
    PORTS           -                            done: {ports [{port, serial, model, simulated, problem}]}; refused
                                                 while a gun is connected, takes a second
    CONNECT         port                         the gun at this port from now on; what answers is seen in the state
    DISCONNECT      -                            takes leave of the gun and looks for none; recorded
    SELF_TEST       -                            every item; done when the result is recorded
    HOME            -                            draws the needle to its end stop; needs the gun's own service button
                                                 within 30 s before, and who does service
    SIGN_IN         login, pin                   done: {login, role}; takes up to a second
    LOCK            -                            disarms and signs out
    ENROL           login, name, pin, roles      the first operator, an administrator with these roles besides, who is
                                                 signed in then; done: {login, role}
    PATIENT_FIND    query                        chart number, name, or the beginning of an alias; done: {patients
                                                 [{alias, enrolled_us}], more}
    PATIENT_ADD     name, born, chart, sex, allergies
                                                 done: {alias}
    PATIENT_SHOW    aliases                      done: {patients [{alias, name, born, chart}]}; recorded as shown
    PREPARE         alias, treatment             what a session is to be; done: {session}
    CHECK           item, answer, note           an answer of the checklist, or of "aftercare"
    FIT             part, serial, type           needle or head
    BEGIN           -                            opens the session that was prepared
    OVERRIDE        code, reason, pin, login2, pin2
                                                 a soft rule that stood against arming; done when signed; the last two
                                                 are empty unless the rule takes two people
    SIGN            session, pin                 the totals of a closed session
    LOT             product, lot, expiry, ingredients, viscosity, maker
    LOAD            product, lot, syringe, volume, left, reason
    WASTE           volume, reason
    CLEAN           agent, lot, medium, method   of the whole gun, after a patient
    OPEN            treatment                    a practice session of a treatment by name, on a simulated gun
    RESUME          -                            takes the open session up; then CONFIRM
    ABANDON         -                            closes the open session as interrupted; refused while anything is
                                                 unknown
    CONFIRM         -                            the operator has seen the state and goes on
    ARM_OPEN        area                         id of the area; done: {token, expires_ms, area, short, depth_um,
                                                 dose_nl,
                                                 shots, nl, given, planned, warnings [text]}
    ARM_CONFIRM     token, typed                 typed: the area's short code; done when the gun is armed
    DISARM          cause                        a word: pause, key, focus, screen, modal, size, alarm, lock
    RESET_OPEN      -                            done: {token, expires_ms}
    RESET_CONFIRM   token, typed, reason         typed: RESET; reason: a code of WELCOME
    CLEAR_FAULT     -                            acknowledges the gun's faults where their causes are gone
    WRITE_OFF       reason, pin, login2, pin2    two people, the first is the one signed in; reason: a code of WELCOME
    ACKNOWLEDGE     no                           an alarm by number; 0 for all
    SILENCE         -                            bell off for 60 s
    FINISH          -                            closes the session with its totals
    PLAN_EDIT       area, what (depth | dose | points | out | in), text
                                                 as typed; done: {token, expires_ms, short, what, offered (one line),
                                                 typed (what has to be typed again, or empty)}; nothing has changed
    PLAN_CONFIRM    token, typed                 done: in the plan and recorded; the gun keeps the old until armed
    SKIP            area, reason                 the next point of an area is left out
    CELL            area, cells, cell, reason    the hand is at this cell; reason only for a second pass, else empty
    NOTE            text                         about the patient, into the vault; the log gets its commitment
    PAGE            cursor|null, limit (1-200), session|null, area|null, alias|null (how the pseudonym begins),
                    lot|null, since_us|null, until_us|null, deviations (boolean), every_kind (boolean: records of every
                    kind, as rows {seq, kind, at_us, op, role, session8, alias8, simulated})
    RECORD          seq                          done: {seq, kind, fields (JSON text), over, amendments, leaf,
                                                 proof|null, amend, reaction}; proof is null while
                                                 no checkpoint is above it, else {size, root, path [hash], problem
                                                 (empty: signature and path were checked and hold)}; over: its session
                                                 is closed; amend {why (empty: whoever is signed in may), fields
                                                 [{field, now, takes [word]}], by_two}, reaction {why, session}
    AMEND           seq, field, new, reason, pin, login2, pin2
                                                 a correction, recorded and signed; the last two are empty unless
                                                 somebody else recorded it
    REACTION        seq, code, severity, onset_day, reporter, areas, shots, text
                                                 showed after the session of this record; all as typed, codes are those
                                                 of WELCOME, areas and shots with commas, empty for all; done: {event,
                                                 session}
    UPKEEP          -                            done: {years, expired (patients past so many years), key_since_us,
                                                 key_changes}
    SEE_TO          what (names | key | end)     as QUIT, where no session is open: two people go on in this terminal,
                                                 and names past their period are forgotten, the log gets another
                                                 key, or the console is retired
    VERIFY          -                            begins to verify the whole log in a process of its own; see verify
    QUIT            -                            refused while armed and while a run is under way at the bench; done:
                                                 the host ends
    BENCH_PREPARE   what (dose | depth | sensors | syringe), file, port, profile, targets, readings, shots, syringe,
                    lot, needle, head            what a run at the bench is to be, all as typed; port of the balance or
                                                 gauge, empty where readings are keyed in; targets with commas; done:
                                                 what its first record would say (see `prepared_body`)
    BENCH_BEGIN     -                            begins the run that was prepared
    BENCH_RESUME    port                         goes on with the run that is open, from its last complete reading
    BENCH_READ      no, text                     the reading that the snapshot asks for, with its unit
    BENCH_ADJUST    adjust, typed                the technician's word on what would be written to the gun; typed:
                                                 ADJUST where it is to be written
    BENCH_PAUSE     -                            ends the run under way in order; from anybody
    BENCH_EXCLUDE   no, reason                   a reading of the stage under way does not count; reason: a code
    BENCH_ABANDON   reason                       gives up the open run; reason: a code
    BENCH_SIGN      run, pin, login2, pin2, reason
                                                 two people stand by a complete run, the first is the one signed in

What is answered is in `meso_device.host.snapshot`.
"""

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
    ToHost.AMEND: {
        "seq": int,
        "field": str,
        "new": str,
        "reason": str,
        "pin": str,
        "login2": str,
        "pin2": str,
    },
    ToHost.REACTION: {
        "seq": int,
        "code": str,
        "severity": str,
        "onset_day": str,
        "reporter": str,
        "areas": str,
        "shots": str,
        "text": str,
    },
    ToHost.UPKEEP: {},
    ToHost.SEE_TO: {"what": str},
    ToHost.VERIFY: {},
    ToHost.QUIT: {},
    ToHost.BENCH_PREPARE: dict.fromkeys(
        (
            "what",
            "file",
            "port",
            "profile",
            "targets",
            "readings",
            "shots",
            "syringe",
            "lot",
            "needle",
            "head",
        ),
        str,
    ),
    ToHost.BENCH_BEGIN: {},
    ToHost.BENCH_RESUME: {"port": str},
    ToHost.BENCH_READ: {"no": int, "text": str},
    ToHost.BENCH_ADJUST: {"adjust": bool, "typed": str},
    ToHost.BENCH_PAUSE: {},
    ToHost.BENCH_EXCLUDE: {"no": str, "reason": str},
    ToHost.BENCH_ABANDON: {"reason": str},
    ToHost.BENCH_SIGN: {"run": str, "pin": str, "login2": str, "pin2": str, "reason": str},
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
