"""The entry of the command line: one line for the user whatever happens, and the right exit status.

0 done · 1 refused, lost or not proven · 2 asked for in a wrong way · 130, 143, 129 ended by a signal. Never a
traceback, unless ``MESO_DEBUG`` is set.
"""

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import Any, Final

import typer

from meso_device import __version__
from meso_device.cli.output import say
from meso_device.cli.registry import LazyGroup
from protocols.errors import InvariantError, MesoError, UsageError

INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141
LINE_MAX: Final = 1_000
DEBUG_VARIABLE: Final = "MESO_DEBUG"

app = typer.Typer(
    cls=LazyGroup,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=True,
    help="Host for motorised mesotherapy injectors: sets the gun, limits it, stops it, and logs every injection once.",
)


@app.callback(invoke_without_command=True)
def top(
    *,
    version: bool = typer.Option(False, "--version", help="Print the version and end.", is_eager=True),
) -> None:
    """Host for motorised mesotherapy injectors."""
    if version:
        say(f"meso-device {__version__}")
        raise typer.Exit


def main() -> None:
    """Run ``meso`` with the arguments of the process and leave with its exit status."""
    status = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = _leave_quietly()
    except OSError as error:
        tell(f"standard output cannot be written: {error.strerror}")
        _leave_quietly()
        status = status or 1
    sys.exit(status)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status; what went wrong is told in one line on standard error."""
    try:
        # Without its standalone mode typer returns the status of `typer.Exit` and lets errors through.
        status: Any = app(list(arguments), prog_name="meso", standalone_mode=False)
    except MesoError as error:
        return _tell(str(error), 2 if isinstance(error, UsageError) else 1)
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        return _leave_quietly()
    except InvariantError as error:
        return _tell_bug(f"the program contradicts itself: {error}")
    except _COMMAND_LINE_ERROR as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            say(error.format_message())
            return 2
        return _tell(_usage_line(error), 2)
    except Exception as error:  # noqa: BLE001  # the last place that can turn a bug into one line
        return _tell_bug(f"{type(error).__name__}: {error}")
    return status if isinstance(status, int) else 0


# typer exports neither its own base of command line errors nor the library it is built on; the base is where
# both agree on `format_message`.
_COMMAND_LINE_ERROR: Final[Any] = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")


def _usage_line(error: Any) -> str:
    context = getattr(error, "ctx", None)
    where = context.command_path if context is not None else "meso"
    return f"{error.format_message().rstrip('.')}; see: {where} --help"


def tell(message: str) -> None:
    """Write one line to standard error, past all buffers, so that a full disk behind it changes no exit status."""
    with contextlib.suppress(OSError):
        os.write(2, f"meso: {one_line(message)}\n".encode("utf-8", "replace"))


def _tell(message: str, status: int) -> int:
    if os.environ.get(DEBUG_VARIABLE):
        import traceback

        traceback.print_exc()
    tell(message)
    return status


def _tell_bug(what: str) -> int:
    advice = f"set {DEBUG_VARIABLE}=1 to see where"
    return _tell(f"this is a bug in meso-device, please report it ({what}); {advice}", 1)


def one_line(message: str) -> str:
    """Return the message without line breaks and control characters, which a device may have sent."""
    words = "".join(letter if letter.isprintable() else "?" for letter in " ".join(message.split()))
    return words if len(words) <= LINE_MAX else f"{words[:LINE_MAX]}…"


def _leave_quietly() -> int:
    """End without a word when the reader of the output has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED
