"""Finds the patient that a command means, without a name in the command line."""

import re
from typing import Final

from meso_device.cli.asking import STDIN, ask, stdin_line
from meso_device.cli.desk import Desk
from meso_device.people.vault import Patient, Seer
from protocols.errors import MesoError, UsageError

_ALIAS: Final = re.compile(r"[0-9a-f]{4,32}", re.ASCII)


def check_who(who: str) -> None:
    """Refuse with UsageError a name or chart number in the command line, before anybody is asked for anything."""
    if who and who != STDIN and _ALIAS.fullmatch(who) is None:
        raise UsageError(
            "names and chart numbers stay out of the command line: give an alias, or - and write it to standard "
            "input, or nothing and be asked"
        )


def find_patient(desk: Desk, who: str, by: Seer) -> Patient:
    """Return the one patient that is meant: by alias, or by chart number or name from terminal or standard input.

    Call `check_who` first.

    Raises:
        NotAllowed: ``by`` may not see names.
        MesoError: nobody is meant, or more than one.
        UsageError: nobody can be asked.
    """
    vault = desk.office.vault
    if who and who != STDIN:
        found = vault.begins_with(who, by)
    else:
        if who:
            typed = stdin_line("chart number or name")
        else:
            typed = ask("Chart number or name", "give an alias, or - and write it to standard input")
        found = vault.find(typed, by)
    if not found:
        raise MesoError("no patient is found by this")
    if len(found) > 1:
        raise MesoError(f"{len(found)} patients are found by this: give the chart number or the alias")
    return found[0]
