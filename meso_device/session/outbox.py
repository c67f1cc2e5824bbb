"""What the engine asks of the gun, the store and the instruments, and who waits for each answer.

An answer finds who asked by its number; the store answers its questions in their order. Who is no longer there when
the answer comes decides that for itself.
"""

from collections import deque
from collections.abc import Callable
from itertools import count

from drivers.link_events import Answered
from meso_device.accounting.clinic import ClinicFacts
from meso_device.accounting.entries import Batch, CapExceeded, Committed, Entry, GrantIntent, GunLedger
from meso_device.calibration.instrument import Outcome
from meso_device.session.contract import (
    Ask,
    ClinicLoaded,
    Commit,
    Effect,
    LedgerLoaded,
    LoadClinic,
    LoadLedger,
    ReadingTaken,
    TakeReading,
)
from protocols.wire.messages import Request


class Outbox:
    """The effects of the step under way, and what was asked and is not answered.

    Attributes:
        effects: What is to be done, in order; taken by the engine at the end of each step.
        requests: Requests made in this wire session.
    """

    def __init__(self) -> None:
        self.effects: list[Effect] = []
        self.requests = 0
        self._tags = count(1)
        self._asked: dict[int, Callable[[Answered], None]] = {}
        self._batches = count(1)
        self._committing: dict[int, Callable[[Committed | CapExceeded], None]] = {}
        # Also for those that no longer wait, as the store answers every question.
        self._loading: deque[Callable[[GunLedger | ClinicFacts], None]] = deque()
        self._readings = count(1)
        self._reading: tuple[int, Callable[[Outcome], None]] | None = None

    # --- asking -----------------------------------------------------------------------------

    def ask(self, request: Request, answered: Callable[[Answered], None]) -> None:
        """Send a request to the gun."""
        tag = next(self._tags)
        self.requests += 1
        self._asked[tag] = answered
        self.effects.append(Ask(tag, request))

    def commit(
        self,
        entries: tuple[Entry, ...],
        done: Callable[[Committed | CapExceeded], None] | None = None,
        grant: GrantIntent | None = None,
    ) -> None:
        """Make entries durable; ``grant`` is what the store must find within its caps first."""
        no = next(self._batches)
        if done is not None:
            self._committing[no] = done
        self.effects.append(Commit(Batch(no=no, entries=entries, grant=grant)))

    def load(self, question: LoadLedger | LoadClinic, loaded: Callable[[GunLedger | ClinicFacts], None]) -> None:
        """Read what is committed."""
        self._loading.append(loaded)
        self.effects.append(question)

    def measure(self, unit: str, prompt: str, taken: Callable[[Outcome], None]) -> None:
        """Take a reading at the bench, in the place of one that is still awaited."""
        no = next(self._readings)
        self._reading = (no, taken)
        self.effects.append(TakeReading(no, unit, prompt))

    # --- answers ----------------------------------------------------------------------------

    def who_asked(self, event: Answered) -> Callable[[Answered], None] | None:
        """Return who waits for an answer of the gun; None where it was asked in an earlier connection."""
        return self._asked.pop(event.tag, None)

    def committed(self, event: Committed | CapExceeded) -> None:
        """Tell who waits that a batch is durable, or over a cap."""
        if (done := self._committing.pop(event.no, None)) is not None:
            done(event)

    def loaded(self, event: LedgerLoaded | ClinicLoaded) -> None:
        """Hand what was read to who asked for it."""
        self._loading.popleft()(event.ledger if isinstance(event, LedgerLoaded) else event.facts)

    def measured(self, taken: ReadingTaken) -> None:
        """Hand over a reading, unless another is awaited by now."""
        if self._reading is not None and self._reading[0] == taken.no:
            who_waits, self._reading = self._reading[1], None
            who_waits(taken.outcome)

    # --- what nobody will answer --------------------------------------------------------------

    def new_wire_session(self) -> None:
        """Begin to count requests anew."""
        self.requests = 0

    def forget_gun(self) -> None:
        """Let go of what was asked of a gun that is gone."""
        self._asked.clear()

    def store_failed(self, batch_no: int) -> None:
        """Let go of what waits to be durable; a failure of no batch (0) is the answer to a question."""
        if batch_no == 0 and self._loading:
            self._loading.popleft()
        self._committing.clear()
