"""The single checks of ``meso doctor``; each looks at one thing and never raises."""

import os
import stat
import sys
from collections.abc import Iterator
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from msgspec import Struct

from drivers.discovery import candidate_ports
from drivers.link_health import LATENCY_MS_GOOD
from drivers.link_probe import latency_timer_ms
from meso_device.console.settings import read_settings, settings_file
from meso_device.host.clock import read_clock_state
from meso_device.host.home import Home, find_home, lock_holder, needed_free_bytes
from protocols.errors import MesoError

PYTHON_MIN: Final = (3, 11)
PACKAGES: Final = ("meso_device", "drivers", "simulator", "protocols")
DISTRIBUTION: Final = "meso-device"


class Level(StrEnum):
    """How much a finding matters."""

    GOOD = "good"
    NOTE = "note"
    BAD = "bad"


class Check(Struct, frozen=True):
    """One finding.

    Attributes:
        name: What was looked at.
        level: Whether it must be mended.
        text: What was found, and what to do.
    """

    name: str
    level: Level
    text: str


def all_checks(home: Path | None) -> list[Check]:
    """Look at everything, in the order in which it matters."""
    root = find_home(home, os.environ)
    return [
        _python(),
        _sqlite(),
        *(_package(name) for name in PACKAGES),
        *_ports(),
        _directory(root),
        _disk(root),
        _lock(root),
        _outside(root),
        _clock(),
        _settings(),
    ]


def _python() -> Check:
    found = ".".join(str(part) for part in sys.version_info[:3])
    if sys.version_info[:2] < PYTHON_MIN:
        return Check("Python", Level.BAD, f"{found}: 3.11 or newer is needed")
    return Check("Python", Level.GOOD, found)


def _sqlite() -> Check:
    import apsw

    from meso_device.audit.database import check_sqlite_version

    found = apsw.sqlite_lib_version()
    try:
        check_sqlite_version(found)
    except MesoError as error:
        return Check("SQLite", Level.BAD, str(error))
    return Check("SQLite", Level.GOOD, f"{found}, apsw {apsw.apsw_version()}")


def _package(name: str) -> Check:
    """Look whether a flat package name is ours: another distribution may have laid its own over it."""
    label = f"package {name}"
    spec, ours = find_spec(name), find_spec(PACKAGES[0])
    if spec is None or spec.origin is None or ours is None or ours.origin is None:
        return Check(label, Level.BAD, "missing: install meso-device again")
    if Path(spec.origin).parents[1] != Path(ours.origin).parents[1]:
        return Check(label, Level.BAD, f"{spec.origin} is not ours: install meso-device in an environment of its own")
    others = sorted({*packages_distributions().get(name, ())} - {DISTRIBUTION})
    if others:
        return Check(label, Level.BAD, f"also written by {', '.join(others)}: use an environment of its own")
    try:
        return Check(label, Level.GOOD, f"ours, {version(DISTRIBUTION)}")
    except PackageNotFoundError:
        return Check(label, Level.NOTE, "ours, run from its source without being installed")


def _ports() -> Iterator[Check]:
    names = candidate_ports()
    if not names:
        yield Check("ports", Level.NOTE, "no serial port; a simulated gun needs none: meso simulate --link PATH")
    for name in names:
        if not os.access(name, os.R_OK | os.W_OK):
            yield Check("port", Level.BAD, f"{name}: no permission; add yourself to the group of the device")
            continue
        latency_ms = latency_timer_ms(name) or 0
        if latency_ms > LATENCY_MS_GOOD:
            text = f"{name}: latency timer {latency_ms} ms delays every answer; set it to {LATENCY_MS_GOOD}"
            yield Check("port", Level.NOTE, text)
        else:
            yield Check("port", Level.GOOD, name)


def _directory(root: Path) -> Check:
    label = "data directory"
    try:
        status = root.stat()
    except FileNotFoundError:
        return Check(label, Level.NOTE, f"{root}: not there yet, the first session makes it")
    except OSError as error:
        return Check(label, Level.BAD, f"{root}: {error.strerror}")
    if not stat.S_ISDIR(status.st_mode):
        return Check(label, Level.BAD, f"{root} is not a directory; give another with --home")
    if not os.access(root, os.R_OK | os.W_OK | os.X_OK):
        return Check(label, Level.BAD, f"{root}: no permission to write")
    if status.st_mode & 0o077:
        return Check(label, Level.NOTE, f"{root}: others may look into it; the next session closes it to them")
    return Check(label, Level.GOOD, str(root))


def _disk(root: Path) -> Check:
    place = next((path for path in (root, *root.parents) if path.is_dir()), Path("/"))
    try:
        space = os.statvfs(place)
    except OSError as error:
        return Check("disk", Level.BAD, f"{place}: {error.strerror}")
    free_mib, needed_mib = space.f_bavail * space.f_frsize // 2**20, needed_free_bytes(root) // 2**20
    if free_mib < needed_mib:
        return Check("disk", Level.BAD, f"{free_mib} MiB free, {needed_mib} MiB needed")
    return Check("disk", Level.GOOD, f"{free_mib} MiB free")


def _lock(root: Path) -> Check:
    holder = lock_holder(Home(root))
    return Check("lock", Level.NOTE, f"in use by {holder}") if holder else Check("lock", Level.GOOD, "free")


def _outside(root: Path) -> Check:
    """Look how far the log is beyond what is kept of it elsewhere."""
    from meso_device.audit.birth import DATABASE_NAME
    from meso_device.audit.outside import newest_kept, outside_at, required
    from meso_device.audit.queries import size
    from meso_device.audit.reader import reading
    from meso_device.cli.outside_text import since_text
    from meso_device.host.clock import Clock

    label = "kept outside"
    if not (root / DATABASE_NAME).exists():
        return Check(label, Level.GOOD, "no log yet")
    try:
        with reading(root) as db:
            kept = newest_kept(db)
            found = outside_at(db, required(db), size(db), Clock().now().utc_us)
    except MesoError as error:
        return Check(label, Level.BAD, str(error))
    if found.too_many or found.too_old:
        text = f"{since_text(found)} since the last checkpoint: no session begins before: meso audit copy DIR --as NAME"
        return Check(label, Level.BAD, text)
    if kept is None:
        return Check(label, Level.NOTE, f"nothing of {found.records} records: meso audit copy DIR --as NAME")
    return Check(label, Level.GOOD, f"all but {since_text(found)}")


def _clock() -> Check:
    state = read_clock_state()
    if state != "synced":
        return Check("clock", Level.NOTE, "does not follow a time server: labels may be off, counting is not")
    return Check("clock", Level.GOOD, "follows a time server")


def _settings() -> Check:
    path = settings_file()
    try:
        settings = read_settings(path)
    except MesoError as error:
        return Check("settings", Level.BAD, str(error))
    if not settings.given:
        return Check("settings", Level.GOOD, f"{path}: nothing set there, all as delivered")
    return Check("settings", Level.GOOD, f"{path}: sets {', '.join(sorted(settings.given))}")
