"""The entry of the command line: one line for the user whatever happens, and the right exit status.

0 done · 1 refused, lost or not proven · 2 asked for in a wrong way · 130, 143, 129 ended by a signal. Never a
traceback, unless ``MESO_DEBUG`` is set.
"""

import errno
import gc
import os
import sys
from collections.abc import Sequence
from typing import Final

from meso_device import __version__
from meso_device.cli.help import help_text
from meso_device.cli.output import say, tell
from meso_device.cli.registry import COMMANDS
from protocols.errors import InvariantError, MesoError, UsageError

INTERRUPTED: Final = 130
PIPE_CLOSED: Final = 141
GARBAGE_AFTER: Final = 50_000
"""Objects more than before that start a search for rings of garbage. Python's 700 search through the program's own
modules again and again while they are read, which takes a sixth of a command's start."""
DEBUG_VARIABLE: Final = "MESO_DEBUG"


def main() -> None:
    """Run ``meso`` with the arguments of the process and leave with its exit status."""
    gc.set_threshold(GARBAGE_AFTER)
    status = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        status = _leave_quietly()
    except OSError as error:
        tell(f"standard output cannot be written: {error.strerror}")
        _leave_quietly()
        status = status or 1
    gc.freeze()  # what is left goes with the process; nobody has to look through it first
    sys.exit(status)


def run(arguments: Sequence[str]) -> int:
    """Run one command and return its exit status; what went wrong is told in one line on standard error."""
    try:
        return _invoke(list(arguments))
    except MesoError as error:
        return _tell(str(error), 2 if isinstance(error, UsageError) else 1)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return _leave_quietly()
    except OSError as error:
        # What the system refuses where no command expected it, such as a name longer than the file system takes.
        named = f"{error.filename}: " if error.filename is not None else ""
        return _tell(f"{named}{error.strerror or error}", 2 if error.errno == errno.ENAMETOOLONG else 1)
    except InvariantError as error:
        return _tell_bug(f"the program contradicts itself: {error}")
    except Exception as error:  # noqa: BLE001  # the last place that can turn a bug into one line
        return _tell_bug(f"{type(error).__name__}: {error}")


def _invoke(arguments: list[str]) -> int:
    """Answer what needs no command, and hand a command its arguments.

    typer is loaded for a command alone: with it the help takes three times as long, and stopping a gun four times.
    """
    if any("\0" in word for word in arguments):
        raise UsageError("an argument holds a NUL character; leave it out")
    match arguments:
        case []:
            say(help_text())
            return 2
        case ["--help", *_]:
            say(help_text())
        case ["--version", *_]:
            say(f"meso-device {__version__}")
        case ["stop"]:
            from meso_device.cli.stop import stop_gun

            stop_gun(None)
        case [name, *rest] if name in COMMANDS:
            from meso_device.cli.app import invoke

            return invoke(name, rest)
        case [word, *_]:
            what = "option" if word.startswith("-") else "command"
            raise UsageError(f"no such {what}: {word}; see: meso --help")
    return 0


def _tell(message: str, status: int) -> int:
    if os.environ.get(DEBUG_VARIABLE):
        import traceback

        traceback.print_exc()
    tell(message)
    return status


def _tell_bug(what: str) -> int:
    advice = f"set {DEBUG_VARIABLE}=1 to see where"
    return _tell(f"this is a bug in meso-device, please report it ({what}); {advice}", 1)


def _leave_quietly() -> int:
    """End without a word when the reader of the output has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return PIPE_CLOSED
