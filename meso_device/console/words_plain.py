"""The words of the line mode; part of the catalogue in `meso_device.console.text`."""

from collections.abc import Mapping
from typing import Final

WORDS: Final[Mapping[str, str]] = {
    "plain.prompt": "meso> ",
    "plain.begin": "meso console, line mode. Type help and Enter. F8 stops the gun at any time, without Enter.",
    "plain.no_arming": "Arming is not possible here: it needs the screen.",
    "plain.unknown": "No such command: {word}. Type help.",
    "plain.state": "{state}. Log {log}, {shots} shots recorded.",
    "plain.nobody": "Nobody is signed in.",
    "plain.operator": "Signed in: {login}, {role}.",
    "plain.session": "Session {session}, {who}: {title}, {given} of {planned} points given.",
    "plain.no_session": "No session is open.",
    "plain.left_open": "Session {session} was left open, {given} of {planned} points given: type resume or close.",
    "plain.simulated": "SIMULATED: no gun, no patient.",
    "plain.gun": "Gun {serial}, {model}, firmware {firmware}, accounting level {level}, {state}.",
    "plain.no_gun": "No gun answers on {port}.",
    "plain.area": "{short} {name}: {depth}, {dose}, {given} of {planned} points given.",
    "plain.treatment": "{title}, {status}, {points} points, {volume}.",
    "plain.alarm": "{mark} alarm {no}, {name}: {text}. {state}. {seen}",
    "plain.alarm_do": "What to do: {action}",
    "plain.seen": "Acknowledged by {by}.",
    "plain.unseen": "Not acknowledged.",
    "plain.no_alarms": "No alarms.",
    "plain.shot": "Record {seq}, {when}, area {area}, {depth}, {dose}, {phase}.",
    "plain.no_shots": "No shots are recorded.",
    "plain.reset_why": "Lift the gun off, release the trigger, look at the patient. Why was it stopped?",
    "plain.reset_type": "type RESET: ",
    "plain.choice": "{no}: {text}",
    "plain.number": "number, 1 to {count}, or nothing to leave: ",
    "plain.number_wrong": "Refused: type a number from 1 to {count}.",
    "plain.field": "{label}{told}: ",
    "plain.else_text": "nothing means {text}",
    "plain.else_nothing": "may stay empty",
    "plain.not_shown": "not shown",
    "plain.needed": "This must not stay empty. Ctrl+C leaves it.",
    "plain.not_done": "Not done.",
    "plain.no_patient": "No patient is chosen: sign in, then type patient or new patient.",
    "plain.name_stays": "A name that is spoken stays in this terminal's text, and is recorded as shown.",
    "plain.name_type": "type show to go on: ",
    "plain.named": "{who}: {name}, born {born}, chart {chart}.",
    "plain.which_row": "Which row? The rows behind it follow; Ctrl+C ends that.",
    "plain.next_row": "Next row.",
    "plain.row": "{item}: {state}{told}.",
    "plain.row_missing": "missing",
    "plain.row_there": "there",
    "plain.row_against": "against treating",
    "plain.unknown_held": "UNKNOWN: up to {shots} injections, {dose}, not proven. They count against the caps.",
    "plain.to_sign": "Session {session} is closed and not signed for: type sign.",
    "plain.write_off_why": "Why will the gun's log never be read?",
    "plain.which_area": "Which area?",
    "plain.which_value": "Which value?",
    "plain.which_cell": "Which cell is the hand at?",
    "plain.setpoint": "{name} {now}, the file has {filed}",
    "plain.value": "new value: ",
    "plain.retype": "type {typed} to change it: ",
    "plain.none_left_out": "No area is left out.",
    "plain.why": "Why?",
    "plain.cells_many": "how many cells for its {points} points, at most 12: ",
    "plain.how_to_quit": "Type quit to leave; F8 stops the gun, always.",
    "plain.done": "Done.",
    "plain.dropped": "Left.",
    "plain.help": "help: this list\nstatus: gun, people, session\ngun: what the gun says of itself\n"
    "sign in, lock; enrol: the first person of a new data directory\n"
    "patient: find one; new patient: enrol one; then a treatment is chosen\n"
    "checklist: how it stands; answer: a row and those behind it; lot, waste, name, note\n"
    "begin: the session of the patient who is prepared, else one of practice\n"
    "resume, close: what was left open, or the session under way; sign: its totals\nconfirm: the state was seen\n"
    "plan: the areas; edit, leave out, put back, skip, cells: change it\n"
    "alarms; seen: acknowledge all; silence: bell off for 60 s\nwrite off: what is unknown, by two people\n"
    "history: the newest shots; amend: what a record of a session that is over says; reaction: one that showed later\n"
    "upkeep: names past their period, and the key of the log\n"
    "forget names, another key, end this console: the console ends, and two people go on in this terminal\n"
    "stop: stops the gun, as F8 does\nreset: after a stop\nquit",
}
