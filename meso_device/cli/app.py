"""One command of the table, parsed and run by typer."""

from importlib import import_module
from typing import Any, Final

import typer
import typer.main

from meso_device.cli.output import say, tell
from meso_device.cli.registry import COMMANDS

# typer exports neither its own base of command line errors nor the library it is built on; the base is where
# both agree on `format_message`.
COMMAND_LINE_ERROR: Final[Any] = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


def command(name: str) -> Any:
    """Import the module of a command and return it as typer made it."""
    return typer.main.get_command(import_module(COMMANDS[name].module).app)


def invoke(name: str, arguments: list[str]) -> int:
    """Run the command of this name and return its exit status.

    Errors of the command line are shown, all others are raised.
    """
    try:
        # Without its standalone mode typer returns the status of `typer.Exit` and lets errors through.
        status: Any = command(name)(arguments, prog_name=f"meso {name}", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except COMMAND_LINE_ERROR as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            say(error.format_message())
        else:
            tell(_usage_line(name, error))
        return 2
    return status if isinstance(status, int) else 0


def _usage_line(name: str, error: Any) -> str:
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else f"meso {name}"
    return f"{error.format_message().rstrip('.')}; see: {where} --help"
