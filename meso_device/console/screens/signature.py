"""Signing the totals of a closed session: one PIN, bound to the closing record."""

from typing import TYPE_CHECKING

from meso_device.console.form import Field
from meso_device.console.presenters.frame import SHORT_ID
from meso_device.console.screens.ask import AskDialog
from meso_device.console.state import may
from meso_device.console.text import say
from meso_device.screen_messages import ToHost

if TYPE_CHECKING:
    from meso_device.console.app import ConsoleApp


def open_signature(console: "ConsoleApp") -> None:
    """Ask for the PIN where a session waits for its signature and somebody may give it."""
    snapshot = console.known.snapshot
    if not may(snapshot, "sign"):
        return
    console.open_dialog(
        AskDialog(
            ToHost.SIGN,
            say("summary.signature"),
            [Field("pin", say("override.pin"), secret=True)],
            note=say("summary.signature_note", session=snapshot["to_sign"][:SHORT_ID]),
            done=lambda _: console.tell(say("summary.signed")),
            session=snapshot["to_sign"],
        )
    )
