"""The flow in the foreground: run to its next need, the need handed out, the answer handed back."""

from collections.abc import Callable

from meso_device.accounting.entries import CapExceeded, Committed
from meso_device.session.contract import LoadClinic, LoadLedger
from meso_device.session.flow import (
    Answer,
    Flow,
    FlowEnded,
    LinkTrouble,
    Load,
    LoadFacts,
    Measure,
    Need,
    Record,
    Send,
    Until,
)
from meso_device.session.outbox import Outbox
from protocols.errors import GunProtocolError


class Foreground:
    """Runs one flow at a time.

    Args:
        outbox: Where needs go to.
        commit: Makes the entries of a `Record` durable; the engine's own, as nothing is committed after a failure.
        finished: Called with the name of a flow that came to its end.
        refused: Called with the name of a flow that cannot go on, and a line for the operator.
        trouble: Called with a reason when the connection must be made anew.

    Attributes:
        name: Name of the flow under way; empty for none.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        commit: Callable[[Record, Callable[[Committed | CapExceeded], None]], None],
        finished: Callable[[str], None],
        refused: Callable[[str, str], None],
        trouble: Callable[[str], None],
    ) -> None:
        self.name = ""
        self._outbox = outbox
        self._commit = commit
        self._tell_finished = finished
        self._tell_refused = refused
        self._tell_trouble = trouble
        self._flow: Flow | None = None
        self._waiting: Until | None = None

    @property
    def idle(self) -> bool:
        """Whether no flow is under way."""
        return self._flow is None

    def start(self, name: str, flow: Flow) -> None:
        """End the flow under way and run this one."""
        self.end()
        self._flow, self.name = flow, name
        self._advance(None)

    def end(self) -> None:
        """Close the flow under way; what it had not finished is found out again, never assumed."""
        if self._flow is not None:
            self._flow.close()
        self._forget()

    def go_on(self) -> bool:
        """Run the flow on if what it waits for has come to be; return whether it was."""
        if self._waiting is None or not self._waiting.condition():
            return False
        self._advance(None)
        return True

    def _forget(self) -> str:
        name = self.name
        self._flow, self.name, self._waiting = None, "", None
        return name

    def _advance(self, answer: Answer) -> None:
        """Run the flow to its next need."""
        flow = self._flow
        if flow is None:
            return
        self._waiting = None
        try:
            need = flow.send(answer) if answer is not None else next(flow)
        except StopIteration:
            self._tell_finished(self._forget())
        except LinkTrouble as trouble:
            self._tell_trouble(str(trouble))
        except (FlowEnded, GunProtocolError) as ended:
            self._tell_refused(self._forget(), str(ended))
        else:
            self._need(flow, need)

    def _need(self, flow: Flow, need: Need) -> None:
        def answer(value: Answer) -> None:
            if self._flow is flow:
                self._advance(value)

        match need:
            case Send():
                self._outbox.ask(need.request, answer)
            case Record():

                def recorded(result: Committed | CapExceeded) -> None:
                    if need.told is not None:
                        need.told(result)
                    answer(result)

                self._commit(need, recorded)
            case Load():
                self._outbox.load(LoadLedger(need.gun_uid, need.simulated), answer)
            case LoadFacts():
                self._outbox.load(LoadClinic(need.session, need.alias, need.gun_uid, need.digest), answer)
            case Until():
                self._waiting = need
            case Measure():
                self._outbox.measure(need.unit, need.prompt, answer)
