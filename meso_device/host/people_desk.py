"""Looks at PINs beside the loop: a thread with its own opening of the people's files.

One look takes a fifth of a second and 64 MiB; the loop must not wait for it. Questions are answered one at a time, in
order; each answer comes with the records that it owes the log.
"""

import contextlib
import os
import queue
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, TypeAlias

from msgspec import Struct

from meso_device.people.lockout import Moment
from meso_device.people.office import Office
from meso_device.people.outbox import Due
from meso_device.session.contract import Command, Instant
from protocols.errors import MesoError

QUESTIONS_MAX: Final = 4
"""One person types one PIN at a time."""

Job: TypeAlias = Callable[[Office, Moment], object]
Then: TypeAlias = Callable[[object, Instant], Sequence[Command]]


class _Answer(Struct, frozen=True):
    then: Then
    result: object
    due: Due | None


class PeopleDesk:
    """The thread, and a member of the loop that brings its answers; `close` ends it.

    Args:
        root: Data directory.
        boot: This computer's boot.
        owe: Takes the records that an answer owes the log.
    """

    def __init__(self, root: Path, boot: str, owe: Callable[[Due], None]) -> None:
        self._root = root
        self._boot = boot
        self._owe = owe
        self._jobs: queue.SimpleQueue[tuple[Job, Then, Moment] | None] = queue.SimpleQueue()
        self._answers: queue.SimpleQueue[_Answer] = queue.SimpleQueue()
        self._waiting = 0
        self._read_fd, self._write_fd = os.pipe()
        os.set_blocking(self._read_fd, False)
        os.set_blocking(self._write_fd, False)
        self._thread: threading.Thread | None = None

    @property
    def busy(self) -> bool:
        """Whether a question waits for its answer."""
        return self._waiting > 0

    def ask(self, job: Job, then: Then, now: Instant) -> None:
        """Do this in the thread; ``then`` gets the result, or the `MesoError`, in the loop's own turn.

        Raises:
            MesoError: too many questions wait.
        """
        if self._waiting >= QUESTIONS_MAX:
            raise MesoError("wait: the last PIN is still being looked at")
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="people", daemon=True)
            self._thread.start()
        self._waiting += 1
        self._jobs.put((job, then, Moment(boot=self._boot, mono_us=now.since_boot_us, utc_us=now.utc_us)))

    def settled(self, due: Due, now: Instant) -> None:
        """Forget records that are durable in the log."""
        with contextlib.suppress(MesoError):  # what stays owed is found in the log at the next start
            self.ask(lambda office, _: office.settled(due), lambda _result, _now: (), now)

    def close(self) -> None:
        """End the thread after its question."""
        if self._thread is not None:
            self._jobs.put(None)
            self._thread.join()
        os.close(self._read_fd)
        os.close(self._write_fd)

    # --- member -------------------------------------------------------------------------------------

    def reads(self) -> Sequence[int]:
        """Wait for answers."""
        return (self._read_fd,)

    def writes(self) -> Sequence[int]:
        """Never wait to write."""
        return ()

    def ready(self, readable: frozenset[int], writable: frozenset[int], now: Instant) -> Sequence[Command]:  # noqa: ARG002  # a member's surface
        """Hand the answers to whoever asked."""
        commands: list[Command] = []
        if self._read_fd in readable:
            with contextlib.suppress(BlockingIOError):
                os.read(self._read_fd, QUESTIONS_MAX)
            while not self._answers.empty():
                answer = self._answers.get()
                self._waiting -= 1
                if answer.due is not None and answer.due.entries:
                    self._owe(answer.due)
                commands.extend(answer.then(answer.result, now))
        return commands

    # --- in the thread ------------------------------------------------------------------------------

    def _work(self) -> None:
        office: Office | None = None
        owed_no = 0
        while (task := self._jobs.get()) is not None:
            job, then, moment = task
            due = None
            try:
                office = office or Office.open(self._root)
                try:
                    result = job(office, moment)
                finally:
                    due = _newer(office.due(), owed_no)
            except MesoError as error:
                result = error
            except Exception as error:  # noqa: BLE001  # whoever asked waits for an answer, whatever it was
                result = MesoError(f"the people of this data directory cannot be read: {error}")
            owed_no = max(owed_no, due.last_no) if due is not None else owed_no
            self._answers.put(_Answer(then, result, due))
            with contextlib.suppress(BlockingIOError):
                os.write(self._write_fd, b"\0")
        if office is not None:
            office.close()


def _newer(due: Due, than_no: int) -> Due | None:
    """Return what is owed unless it was handed out already and is on its way to the log."""
    return due if due.last_no > than_no else None
