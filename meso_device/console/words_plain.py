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
    "plain.treatment": "{name}: {title}, {points} points, {volume}.",
    "plain.alarm": "{mark} alarm {no}, {name}: {text}. {state}. {seen}",
    "plain.alarm_do": "What to do: {action}",
    "plain.seen": "Acknowledged by {by}.",
    "plain.unseen": "Not acknowledged.",
    "plain.no_alarms": "No alarms.",
    "plain.shot": "Record {seq}, {when}, area {area}, {depth}, {dose}, {phase}.",
    "plain.no_shots": "No shots are recorded.",
    "plain.reset_why": "Lift the gun off, release the trigger, look at the patient. Why was it stopped? {reasons}",
    "plain.reset_number": "number of the reason: ",
    "plain.reset_type": "type RESET: ",
    "plain.login": "login: ",
    "plain.pin": "PIN, not shown: ",
    "plain.which": "name of the treatment: ",
    "plain.how_to_quit": "Type quit to leave; F8 stops the gun, always.",
    "plain.done": "Done.",
    "plain.dropped": "Left.",
    "plain.help": "help: this list\nstatus: gun, people, session\ngun: what the gun says of itself\nsign in, lock\n"
    "begin: a practice session\nresume, close: what was left open, or the session under way\nconfirm: the state was "
    "seen\nplan: the areas\nalarms; seen: acknowledge all; silence: bell off for 60 s\nhistory: the newest shots\n"
    "stop: stops the gun, as F8 does\nreset: after a stop\nquit",
}
