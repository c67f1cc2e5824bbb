"""The signed head of the log's tree over a session that was closed in this run: what its totals are held to."""

import contextlib
from collections.abc import Sequence

from meso_device.audit.checkpoint import Checkpoint, read_unsigned
from meso_device.audit.queries import newest_checkpoint
from meso_device.host.console_facts import ConsoleFacts
from meso_device.host.errands import Errands
from meso_device.people.lockout import Moment
from meso_device.people.office import Office
from meso_device.screen_messages import Body
from meso_device.session.contract import Command, Instant
from protocols.errors import MesoError


class TreeHead:
    """Reads the newest checkpoint once after each closing, beside the loop: the log makes one with every closing.

    Attributes:
        shown: ``{size, root}``, the root in hex, as the screen gets it; None before the first closing.
    """

    def __init__(self, facts: ConsoleFacts, errands: Errands) -> None:
        self._facts = facts
        self._errands = errands
        self._read_for = ""
        self.shown: Body | None = None

    def seen(self, now: Instant) -> None:
        """Ask for it where a session was closed since; what cannot be read is not shown."""
        closing = self._facts.closing
        if closing is None or closing.session == self._read_for:
            return
        self._read_for, self.shown = closing.session, None

        def look(_office: Office, _moment: Moment) -> Checkpoint | None:
            with self._errands.read() as db:
                note = newest_checkpoint(db)
            return read_unsigned(note) if note is not None else None

        def looked(head: Checkpoint | None, _now: Instant) -> Sequence[Command]:
            self.shown = None if head is None else {"size": head.size, "root": head.root.hex()}
            return ()

        with contextlib.suppress(MesoError):
            self._errands.send(None, look, looked, now)
