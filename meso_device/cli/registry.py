"""The commands of `meso`, by name: which module has them and the one line that help shows.

A module is imported when its command is asked for and not before, so that ``meso --help`` and each command load
only what they need.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Any, Final

import typer.core
import typer.main


@dataclass(frozen=True, slots=True)
class CommandLine:
    """One command or group.

    Attributes:
        module: Where its typer application is, as ``app``.
        help: First line of its help.
    """

    module: str
    help: str


COMMANDS: Final[Mapping[str, CommandLine]] = {
    "console": CommandLine("meso_device.cli.console", "Treat and practise at a screen; F8 stops the gun at any time."),
    "demo": CommandLine(
        "meso_device.cli.demo", "Watch a whole treatment on a simulated gun, and the proof of its log."
    ),
    "session": CommandLine("meso_device.cli.session", "Run, resume and look at treatment sessions."),
    "people": CommandLine("meso_device.cli.people", "Enrol operators and set what they may do."),
    "patient": CommandLine("meso_device.cli.patient", "Enrol patients, look them up, report reactions, erase."),
    "protocols": CommandLine("meso_device.cli.protocols", "List, show, check and approve treatment protocols."),
    "stock": CommandLine("meso_device.cli.stock", "List and block lots, fit cartridges, note waste."),
    "reprocess": CommandLine(
        "meso_device.cli.reprocess", "Record that a gun was cleaned after a patient; tap water is refused."
    ),
    "lookback": CommandLine(
        "meso_device.cli.lookback", "List everyone who got a lot, or was treated with a gun, head or by an operator."
    ),
    "stop": CommandLine("meso_device.cli.stop_command", "Stop the gun of the host that runs in this data directory."),
    "guns": CommandLine("meso_device.cli.guns", "List ports and the guns found on them."),
    "audit": CommandLine("meso_device.cli.audit", "Verify and export the log of all injections."),
    "simulate": CommandLine("meso_device.cli.simulate", "Be a simulated gun until told to end."),
    "doctor": CommandLine(
        "meso_device.cli.doctor", "Check this computer: packages, ports, data directory, disk, clock."
    ),
}


class LazyGroup(typer.core.TyperGroup):
    """The top of the command line: lists its commands without importing them."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002  # typer's surface
        """Return the names in the order of help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002  # typer's surface
        """Import the module of a command and return it."""
        line = COMMANDS.get(cmd_name)
        if line is None:
            return None
        command = typer.main.get_command(import_module(line.module).app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002  # typer's surface
        """Write the list of commands into the help."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, line.help) for name, line in COMMANDS.items()])
