"""Starts a console: which gun, which data directory, and what is said when it ends."""

import contextlib
import os
import secrets
import shlex
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from drivers.discovery import candidate_ports, discover
from meso_device import __version__
from meso_device.cli.asking import ask
from meso_device.cli.clinic_files import clinic_files
from meso_device.cli.homes import practice_home
from meso_device.cli.output import tell
from meso_device.cli.simulated_gun import GunFiles, simulated_gun
from meso_device.cli.terminal_check import check_is_terminal, check_terminal
from meso_device.console.keys import STOP_CHOICE, Keymap
from meso_device.console.settings import Settings, read_settings, settings_file
from meso_device.host.console_run import ConsoleRequest, ConsoleResult, run_console
from meso_device.host.console_settings import ConsoleSettings
from meso_device.host.home import find_home, open_home
from meso_device.host.screen_process import PLAIN_COMMAND, SCREEN_COMMAND
from meso_device.technical_log import TechnicalLog
from protocols.errors import UsageError
from protocols.treatment.library import PRACTICE, library, load_library
from protocols.treatment.loader import load_treatment
from protocols.treatment.plan import TreatmentPlan
from protocols.units import format_dose

COMMAND: Final = "meso console"
RATE_PER_S: Final = 2
"""Pulls of the simulated gun's trigger: slow enough to be followed."""
ASCII: Final = "--ascii"
SEED: Final = 1


def start_console(
    *,
    gun: str,
    simulate: bool,
    home: Path | None,
    only_ascii: bool = False,
    plain: bool = False,
    protocols: Sequence[Path] = (),
    screen: Sequence[str] = SCREEN_COMMAND,
) -> int:
    """Run a console and return its exit status.

    Args:
        gun: Port of the gun; empty for the one that is found.
        simulate: Start a simulated gun for it.
        home: Data directory; None for the usual one.
        only_ascii: Draw nothing outside ASCII.
        plain: Lines of text in place of a screen.
        protocols: Treatment protocol files to choose from, before those kept in the data directory and the library.
        screen: Command of the screen's process.

    Raises:
        MesoError: it could not begin; the terminal is untouched.
    """
    if simulate and gun:
        raise UsageError("give either --gun or --simulate")
    # Refused before a gun is started or looked for.
    if plain:
        check_is_terminal("the console", without="meso session run")
        screen = PLAIN_COMMAND
    else:
        check_terminal("the console", without="meso session run", instead="meso console --plain")
    settings = read_settings(settings_file())
    if not gun and not simulate:
        gun = _found()
        simulate = not gun
    root = practice_home(home) if simulate else find_home(home, os.environ)
    plans = _plans([*protocols, *clinic_files(root)])
    with _gun(gun, simulate=simulate, root=root) as port:
        request = ConsoleRequest(
            root=root,
            command=COMMAND,
            port=port,
            simulated=simulate,
            plans=plans,
            screen=(*screen, ASCII) if only_ascii else screen,
            settings=_told(settings, root, only_ascii=only_ascii),
        )
        with contextlib.ExitStack() as stack:
            result = run_console(
                request, lambda observer: stack.enter_context(TechnicalLog(root, observer, command=COMMAND))
            )
    files = [word for file in protocols for word in ("--protocol", str(file))]
    looks = [*files, *([ASCII] if only_ascii else []), *(["--plain"] if plain else [])]
    _tell_end(result, _again(gun, simulate=simulate, home=home, looks=looks))
    if result.seen_to is not None:
        from meso_device.cli.console_upkeep import see_to

        see_to(result.seen_to, root)
    return result.status


@contextlib.contextmanager
def _gun(named: str, *, simulate: bool, root: Path) -> Iterator[str]:
    """Give the port of the gun: the one named, or a simulated one for as long as it is needed."""
    if not simulate:
        yield named
        return
    open_home(root)
    place = Path(tempfile.mkdtemp(prefix="meso-console-"))
    # The gun's memory stays with the log that knows it: a gun that forgot its records would be another gun.
    files = GunFiles(link=place / "gun", nvm=root / "simulated-gun.nvm", truth=place / "truth.jsonl")
    try:
        with simulated_gun(files, seed=SEED, rate=RATE_PER_S):
            yield str(files.link)
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _found() -> str:
    """Return the port of the one gun that answers; empty where none does and a simulated one is wanted."""
    guns = [found for found in discover(candidate_ports(), secrets.token_bytes(16)) if found.reply is not None]
    if len(guns) == 1:
        return guns[0].port
    if guns:
        raise UsageError(f"{len(guns)} guns found: name one with --gun PORT; meso guns lists them")
    otherwise = "no gun found: connect one and name its port with --gun PORT, or practise with --simulate"
    if ask("No gun found. Practise on a simulated one? [y/N]", otherwise).strip().lower() not in {"y", "yes"}:
        raise UsageError(otherwise)
    return ""


def _told(settings: Settings, root: Path, *, only_ascii: bool) -> ConsoleSettings:
    """Return the settings for the host, and in it what the screen is told."""
    return ConsoleSettings(
        stops=frozenset(STOP_CHOICE[key] for key in Keymap(settings.keys).stops),
        disarm_after_s=settings.disarm_after_s,
        lock_after_s=60 * settings.lock_after_min,
        shown={
            "file": str(settings.file),
            "given": [*sorted(settings.given), *([ASCII] if only_ascii else [])],
            "theme": settings.theme,
            "bell": settings.bell,
            "ascii": settings.ascii or only_ascii,
            "disarm_after_s": settings.disarm_after_s,
            "lock_after_min": settings.lock_after_min,
            "keys": dict(settings.keys),
            "home": str(root),
            "software": __version__,
        },
    )


def _plans(files: Sequence[Path]) -> Mapping[str, TreatmentPlan]:
    """Return the clinic's own treatments by file, then those of the library, the one for practice first.

    Raises:
        UsageError: a file is none, with the place of what is wrong.
    """
    names = sorted(library(), key=lambda name: (name != PRACTICE, name))
    own = {str(file): load_treatment(file).plan() for file in files}
    return own | {name: load_library(name).plan() for name in names}


def _again(gun: str, *, simulate: bool, home: Path | None, looks: Sequence[str]) -> str:
    words = [*COMMAND.split()]
    words += ["--simulate"] if simulate else ["--gun", gun] if gun else []
    words += looks
    words += ["--home", str(home)] if home is not None else []
    return shlex.join(words)


def _tell_end(result: ConsoleResult, again: str) -> None:
    """Say in one line what happened and how to go on; nothing after an orderly end with nothing open."""
    view = result.view
    words = [result.reason] if result.reason else []
    if view.held_shots:
        volume = format_dose(view.held_nl)
        words.append(f"unknown until the gun's log is read: up to {view.held_shots} injections, {volume}")
    if view.stop_unheard:
        words.append("the gun has not answered STOP: make sure that it is stopped")
    elif view.estop_latch_id and result.status:
        words.append("the gun is stopped")
    if result.left_open:
        words.append(f"{view.shots_given} of {view.shots_planned} injections logged; go on with: {again}")
    if words:
        with contextlib.suppress(OSError):  # the terminal may be what ended
            sys.stdout.flush()
            tell("; ".join(words))
