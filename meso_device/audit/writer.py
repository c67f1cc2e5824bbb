"""The writer thread: the only one that touches the log while a host runs.

It commits whatever is queued, in one transaction of at most `GROUP_RECORDS_MAX` records, and never waits for
more. An answer is there, and the pipe readable, only after COMMIT returned. The queue is bounded: when it is
full the disk is far behind the gun, and from then on everything is refused, as after any error (I-48).
"""

import contextlib
import os
import threading
from collections import deque
from collections.abc import Sequence
from typing import Final, TypeAlias

from msgspec.structs import replace

from meso_device.accounting.entries import Batch, CommitFailed, CommitResult, Entry
from meso_device.audit.pages import Looked, Query
from meso_device.audit.records import Stamp
from meso_device.audit.reserve import Reserve
from meso_device.audit.store import Store
from meso_device.session.contract import ClinicLoaded, Instant, LedgerLoaded, LoadClinic, LoadLedger
from protocols.errors import MesoError

GROUP_RECORDS_MAX: Final = 64
# Some 25 s of a gun at 9 shots/s that is read a page of 3 at a time, or one whole ring of 4,096 as pages.
QUEUE_MAX: Final = 2_048

Question: TypeAlias = LoadLedger | LoadClinic
WriterResult: TypeAlias = CommitResult | LedgerLoaded | ClinicLoaded | Looked


class Writer:
    """Owns an open store until `close`. All methods are for the one thread of the host's loop.

    Each `submit`, `load_gun` and `load_clinic` is answered exactly once, in order; each `look` once, when nothing else
    is to be done.
    """

    def __init__(
        self, store: Store, *, boot: str, clock: str, queue_max: int = QUEUE_MAX, reserve: Reserve | None = None
    ) -> None:
        """Start the thread; ``boot`` and ``clock`` go into the stamp of every record, see `Stamp`.

        With a reserve the disk is looked at before each group: low, it is recorded, and known to all later
        `load_clinic`.
        """
        self._store = store
        self._boot = boot
        self._clock = clock
        self._queue_max = queue_max
        self._reserve = reserve
        self._awake = threading.Condition()
        self._queue: deque[tuple[Batch | Question, Instant]] = deque()
        self._looks: deque[tuple[int, Query]] = deque()
        self._results: list[WriterResult] = []
        self._refusal = ""
        self._closing: Instant | None = None
        self._wake_read, self._wake_write = os.pipe()
        os.set_blocking(self._wake_read, False)
        os.set_blocking(self._wake_write, False)
        self._thread = threading.Thread(target=self._work, name="audit-writer")
        self._thread.start()

    def fileno(self) -> int:
        """Return the descriptor that is readable when results wait."""
        return self._wake_read

    def submit(self, batch: Batch, now: Instant) -> None:
        """Queue a batch; cannot be taken back. Its `CommitResult` comes back by number."""
        self._put(batch, now)

    def load_gun(self, request: LoadLedger, now: Instant) -> None:
        """Queue the reading of a gun's ledger, after everything submitted before it."""
        self._put(request, now)

    def load_clinic(self, request: LoadClinic, now: Instant) -> None:
        """Queue the reading of what the clinic's rules are judged by, after everything submitted before it."""
        self._put(request, now)

    def look(self, no: int, query: Query) -> None:
        """Read for a person who looks at the history: after every commit that waits, one at a time."""
        with self._awake:
            self._looks.append((no, query))
            self._awake.notify()

    def take_results(self) -> Sequence[WriterResult]:
        """Return the results that are there, in the order of the questions."""
        with self._awake:
            results, self._results = self._results, []
            with contextlib.suppress(BlockingIOError):
                os.read(self._wake_read, 4096)
        return results

    def close(self, now: Instant) -> Sequence[WriterResult]:
        """Finish what is queued, record the clean end, end the thread; return what was not taken."""
        with self._awake:
            self._closing = now
            self._awake.notify()
        self._thread.join()
        results = self.take_results()
        os.close(self._wake_read)
        os.close(self._wake_write)
        return results

    def _put(self, item: Batch | Question, now: Instant) -> None:
        with self._awake:
            if len(self._queue) >= self._queue_max and not self._refusal:
                self._refusal = f"the audit log is {self._queue_max} steps behind: the disk does not keep up"
            if self._refusal:
                self._answer([_refuse(item, self._refusal)])
            else:
                self._queue.append((item, now))
                self._awake.notify()

    # --- in the thread ------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._awake:
                while not self._queue and not self._looks and self._closing is None:
                    self._awake.wait()
                group = self._take_group()
                asked = self._looks.popleft() if self._looks and not group else None
                closing = self._closing
            if asked is not None:
                looked = self._look(*asked)
                with self._awake:
                    self._answer([looked])
            elif group:
                results = self._carry_out(group)
                with self._awake:
                    self._answer(results)
            elif closing is not None:
                self._store.close(self._stamp(closing))
                return

    def _take_group(self) -> list[tuple[Batch | Question, Instant]]:
        """Take batches that commit together, or one question."""
        group: list[tuple[Batch | Question, Instant]] = []
        records = 0
        while self._queue:
            item = self._queue[0][0]
            if not isinstance(item, Batch):
                return group or [self._queue.popleft()]
            records += len(item.entries)
            if group and records > GROUP_RECORDS_MAX:
                break
            group.append(self._queue.popleft())
        return group

    def _carry_out(self, group: list[tuple[Batch | Question, Instant]]) -> list[WriterResult]:
        item, now = group[-1]
        if not isinstance(item, Batch):
            try:
                return [self._look_up(item)]
            except MesoError as error:
                return [_refuse(item, str(error))]
            except Exception as error:  # noqa: BLE001  # whoever asked waits for an answer, whatever it was
                return [_refuse(item, f"the audit log cannot be read: {error}; run: meso audit verify")]
        batches = [batch for batch, _ in group if isinstance(batch, Batch)]
        low = self._disk_low(now)
        return [*self._store.commit([*low, *batches], self._stamp(now))[len(low) :]]

    def _disk_low(self, now: Instant) -> list[Batch]:
        """Return the record of a disk that has become low, once."""
        free_bytes = self._reserve.falls_low() if self._reserve is not None else None
        if free_bytes is None:
            return []
        key = f"disk/{self._boot}/{now.mono_us}/low"
        return [Batch(no=0, entries=(Entry(kind="disk.low", key=key, payload={"free_bytes": free_bytes}),))]

    def _look(self, no: int, query: Query) -> Looked:
        try:
            return self._store.look(no, query)
        except MesoError as error:
            return Looked(no, None, str(error))

    def _look_up(self, question: Question) -> WriterResult:
        if isinstance(question, LoadLedger):
            return LedgerLoaded(self._store.load_gun(question.gun_uid, simulated=question.simulated))
        facts = self._store.load_clinic(
            session=question.session,
            alias=question.alias,
            gun_uid=question.gun_uid,
            digest=question.digest,
        )
        low = self._reserve is not None and self._reserve.low
        return ClinicLoaded(replace(facts, disk_low=low))

    def _answer(self, results: list[WriterResult]) -> None:
        self._results.extend(results)
        # A full pipe is readable already.
        with contextlib.suppress(BlockingIOError):
            os.write(self._wake_write, b"\0")

    def _stamp(self, now: Instant) -> Stamp:
        return Stamp(ts_us=now.utc_us, mono_us=now.since_boot_us, boot=self._boot, clock=self._clock)


def _refuse(item: Batch | Question, reason: str) -> CommitFailed:
    """Answer without doing; a question has no number, 0 stands for it."""
    return CommitFailed(no=item.no if isinstance(item, Batch) else 0, reason=reason)
