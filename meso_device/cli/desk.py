"""What commands about people share: the data directory, its people and its log, and who gives the command."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from meso_device import __version__
from meso_device.accounting.entries import Batch, CommitFailed, Committed, Entry
from meso_device.audit.records import Stamp
from meso_device.audit.retirement import refuse_retired
from meso_device.audit.store import Store
from meso_device.cli.asking import Answers, ask
from meso_device.cli.output import tell
from meso_device.host.clock import Clock, read_clock_state, read_host_boot
from meso_device.host.due import commit_due
from meso_device.host.home import Home, HomeLock, existing_home, find_home, lock_holder, open_home
from meso_device.people.lockout import Moment
from meso_device.people.office import Office, read_operators
from meso_device.people.proofs import PinProof
from meso_device.people.register import Purpose
from protocols.errors import AuditWriteFailed, MesoError

FIRST_STEP: Final = "meso people add NAME --role administrator"


class Desk(Struct, frozen=True, kw_only=True):
    """An open data directory, for one command.

    Attributes:
        home: The directory.
        office: Its people.
        answers: Where PINs come from.
        command: As recorded and as told to other processes.
    """

    home: Home
    office: Office
    answers: Answers
    command: str

    def now(self) -> Moment:
        """Return now, with the boot that it belongs to."""
        instant = Clock().now()
        return Moment(boot=read_host_boot(), mono_us=instant.since_boot_us, utc_us=instant.utc_us)

    def prove(self, login: str, purpose: Purpose = Purpose.COMMAND) -> PinProof:
        """Ask somebody for name, unless given, and PIN, and look at it.

        Raises:
            PinRefused: not accepted.
            UsageError: nobody can be asked.
        """
        login = login or ask("Login name", "name yourself with --as NAME")
        return self.office.register.check(login, self.answers.pin(login), self.now(), purpose=purpose)


def stamp_of(now: Moment) -> Stamp:
    """Return the stamp of records that are committed now."""
    return Stamp(ts_us=now.utc_us, mono_us=now.mono_us, boot=now.boot, clock=read_clock_state())


@contextlib.contextmanager
def open_desk(home: Path | None, *, command: str, pin_file: str, begin: bool = False) -> Iterator[Desk]:
    """Open the people of a data directory, and record what they did when the block ends, also by an error.

    While another process has the log, the records wait in the vault.

    Args:
        home: As given to the command.
        command: Such as ``meso people add``.
        pin_file: As given to the command.
        begin: Whether this command may be the first in a new directory.

    Raises:
        MesoError: nobody is enrolled yet, and this is not the command to begin with; or the console is retired.
        UsageError: the directory cannot be used.
    """
    root = find_home(home, os.environ)
    if not begin and not (root.exists() and read_operators(existing_home(root).root)):
        raise MesoError(f"nobody is enrolled in {root} yet; begin with: {FIRST_STEP}")
    place = open_home(root)
    refuse_retired(place.root)
    answers = Answers(pin_file)
    with Office.open(place.root) as office:
        desk = Desk(home=place, office=office, answers=answers, command=command)
        try:
            yield desk
        except MesoError:
            # What was refused is recorded too; and when that cannot be done now, the refusal is still the answer.
            with contextlib.suppress(MesoError):
                hand_over(desk)
            raise
        hand_over(desk)


@contextlib.contextmanager
def own_log(desk: Desk) -> Iterator[Store]:
    """Be the one writer of the log until the block ends.

    Raises:
        UsageError: another process is.
        AuditWriteFailed: the log cannot be written, or does not verify.
    """
    with HomeLock.take(desk.home, purpose=desk.command):
        store = Store.open(desk.home.root, software=__version__, stamp=stamp_of(desk.now()))
        try:
            yield store
        finally:
            store.close(stamp_of(desk.now()))


def hand_over(desk: Desk) -> None:
    """Move what the vault owes into the log; while another process has the log, say so and leave it owed.

    Raises:
        AuditWriteFailed: the log cannot be written; the records stay owed.
    """
    if not desk.office.due().entries:
        return
    holder = lock_holder(desk.home)
    if holder:
        tell(f"the log is in use by {holder}; a later command records there what was done now")
        return
    with own_log(desk) as store:
        commit_due(store, desk.office, stamp_of(desk.now()))


def commit(desk: Desk, store: Store, *entries: Entry) -> int:
    """Make records durable, all or none, and return how many were new.

    Raises:
        AuditWriteFailed: they are not.
    """
    [result] = store.commit([Batch(no=0, entries=entries)], stamp_of(desk.now()))
    if isinstance(result, CommitFailed):
        raise AuditWriteFailed(result.reason)
    return result.appended if isinstance(result, Committed) else 0
