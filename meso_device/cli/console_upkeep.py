"""What a console was ended for: its command goes on in the same terminal, with the data directory to itself."""

from pathlib import Path

from meso_device.accounting.materials import checked_code
from meso_device.cli.asking import ask, ask_until
from meso_device.cli.audit_keys import rotate_key
from meso_device.cli.audit_retire import retire
from meso_device.cli.output import say
from meso_device.cli.patient_retention import erase_expired
from meso_device.host.upkeep import SeenTo, Upkeep
from meso_device.records.retention import YEARS

_MEANT = {
    Upkeep.NAMES: f"forget the names of patients past {YEARS} years",
    Upkeep.KEY: "another key for the log",
    Upkeep.END: "the end of this console: nothing can be recorded here any more",
}
_COMMANDS = {
    Upkeep.NAMES: "meso patient erase-expired",
    Upkeep.KEY: "meso audit rotate-key",
    Upkeep.END: "meso audit retire",
}


def see_to(seen_to: SeenTo, home: Path) -> None:
    """Ask for what the command takes, and carry it out.

    Raises:
        UsageError: nobody is there to be asked, or there was no answer; nothing was done.
        MesoError: refused; nothing was done.
    """
    command = _COMMANDS[seen_to.what]
    say(f"{_MEANT[seen_to.what]}: {seen_to.login} and a second person, each with the PIN")
    say("  Ctrl+C leaves it as it is")
    second = ask("Login name of the second person", f"run {command} in a terminal")
    if seen_to.what is Upkeep.NAMES:
        erase_expired(second=second, years=YEARS, yes=False, sign_in=seen_to.login, pin_file="", home=home, json=False)
        return
    reason = ask_until("Why, a word such as yearly", lambda text: checked_code("reason", text), f"run {command}")
    if seen_to.what is Upkeep.KEY:
        rotate_key(reason=reason, second=second, sign_in=seen_to.login, pin_file="", home=home, json=False)
    else:
        retire(reason=reason, second=second, yes=False, sign_in=seen_to.login, pin_file="", home=home, json=False)
