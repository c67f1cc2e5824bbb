"""The technical log: what a technician wants to read after a bad day, one JSON object a line in ``host.log``.

It is observation only. The audit log decides what happened; this file may be deleted at any time, holds no personal
data, and when it cannot be written the run goes on without it.
"""

import contextlib
import importlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, Final, Self, TextIO

from meso_device.host.members import Observer
from meso_device.session.contract import Instant, Notice, View


class _Later(ModuleType):
    """Stands for a package that is loaded when something of it is first used, if ever."""

    def __getattr__(self, name: str) -> Any:
        return getattr(importlib.import_module(self.__name__), name)


@contextlib.contextmanager
def _replaced(package: str, stand_in: ModuleType | None) -> Iterator[None]:
    """Let others find this in place of a package; with None it is as if it were not installed."""
    modules: dict[str, Any] = sys.modules
    was = modules.get(package)
    modules[package] = stand_in
    try:
        yield
    finally:
        modules[package] = was
        if was is None:
            del modules[package]


# structlog loads what is never used here: asyncio for loggers that are awaited, and rich, where it is installed, for
# coloured lines. Together a third of the time until a host that was killed is there again.
with _replaced("asyncio", _Later("asyncio")), _replaced("rich", None):
    import structlog

FILE_NAME: Final = "host.log"
BYTES_MAX: Final = 4 * 1024 * 1024
"""At this size the file becomes ``host.log.1``, in place of the one before."""


class TechnicalLog:
    """Watches a run, writes down each change of state and each notice, and passes everything on.

    Args:
        root: Data directory; it need not exist before the first notice.
        observer: Who else watches.
        command: The command that runs, written with the first line.
    """

    def __init__(self, root: Path, observer: Observer, *, command: str) -> None:
        self._path = root / FILE_NAME
        self._observer = observer
        self._command = command
        self._file: TextIO | None = None
        self._log: Any = None
        self._broken = False
        self._state: tuple[object, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._write("end", error="" if kind is None else kind.__name__)
        self._leave()

    def notice(self, notice: Notice) -> None:
        """Write down what the operator is told."""
        self._write("notice", kind=str(notice.kind), text=notice.text)
        self._observer.notice(notice)

    def seen(self, view: View, now: Instant) -> None:
        """Write down a state that differs from the one before."""
        state = (view.link, view.phase, view.gun_uid, view.boot_id, view.area_id, view.findings, view.blocked,
                 view.estop_latch_id, view.stop_unheard, view.write_failed)  # fmt: skip
        if state != self._state:
            self._state = state
            self._write(
                "state",
                mono_us=now.mono_us,
                link=str(view.link),
                phase=str(view.phase),
                session=view.session,
                gun=view.gun_uid,
                simulated=view.simulated,
                boot_id=view.boot_id,
                area=view.area_id,
                shots=view.shots_given,
                head_seq=view.head_seq,
                committed_seq=view.committed_seq,
                findings=list(view.findings),
                blocked=list(view.blocked),
                stop_unheard=view.stop_unheard,
                write_failed=view.write_failed,
            )
        self._observer.seen(view, now)

    def _write(self, event: str, **fields: object) -> None:
        if self._broken:
            return
        try:
            # A host may run for months, and a bad cable has much to tell.
            if self._file is not None and os.fstat(self._file.fileno()).st_size > BYTES_MAX:
                self._file.close()
                self._file = None
            if self._file is None:
                self._open()
            self._log.info(event, **fields)
        except (OSError, ValueError):
            self._leave()

    def _leave(self) -> None:
        self._broken = True
        # Closing writes what a full disk did not take before, and fails as that did.
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.close()
            self._file = None

    def _open(self) -> None:
        if self._path.exists() and self._path.stat().st_size > BYTES_MAX:
            self._path.replace(self._path.with_name(FILE_NAME + ".1"))
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        self._file = os.fdopen(descriptor, "w", buffering=1, encoding="utf-8", errors="backslashreplace")
        # Bound at once: an unbound logger leaves a ring of garbage for each line.
        self._log = structlog.wrap_logger(
            structlog.WriteLogger(self._file),
            processors=[
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(sort_keys=True),
            ],
            wrapper_class=structlog.BoundLogger,
        ).bind()
        self._log.info("start", command=self._command, pid=os.getpid())
