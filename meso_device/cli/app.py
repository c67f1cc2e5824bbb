"""The typer application, apart from the entry: not everything that is typed needs typer."""

from typing import Any, Final

import typer

from meso_device import __version__
from meso_device.cli.output import say, tell
from meso_device.cli.registry import LazyGroup

app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Host for motorised mesotherapy injectors: sets the gun, limits it, stops it, and logs every injection once.",
)

# typer exports neither its own base of command line errors nor the library it is built on; the base is where
# both agree on `format_message`.
COMMAND_LINE_ERROR: Final[Any] = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


@app.callback(invoke_without_command=True)
def top(
    *,
    version: bool = typer.Option(False, "--version", help="Print the version and end.", is_eager=True),
) -> None:
    """Host for motorised mesotherapy injectors."""
    if version:
        say(f"meso-device {__version__}")
        raise typer.Exit


def invoke(arguments: list[str]) -> int:
    """Run one command and return its exit status; errors of the command line are shown, all others are raised."""
    try:
        # Without its standalone mode typer returns the status of `typer.Exit` and lets errors through.
        status: Any = app(arguments, prog_name="meso", standalone_mode=False)
    except typer.Abort:
        raise KeyboardInterrupt from None
    except COMMAND_LINE_ERROR as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            say(error.format_message())
        else:
            tell(_usage_line(error))
        return 2
    return status if isinstance(status, int) else 0


def _usage_line(error: Any) -> str:
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else "meso"
    return f"{error.format_message().rstrip('.')}; see: {where} --help"
