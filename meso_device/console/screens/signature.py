"""Signing the totals of a closed session: one PIN, bound to the closing record."""

from typing import TYPE_CHECKING

from meso_device.console import forms
from meso_device.console.screens.ask import AskDialog
from meso_device.console.state import may
from meso_device.console.text import say

if TYPE_CHECKING:
    from meso_device.console.app import ConsoleApp


def open_signature(console: "ConsoleApp") -> None:
    """Ask for the PIN where a session waits for its signature and somebody may give it."""
    snapshot = console.known.snapshot
    if not may(snapshot, "sign"):
        return
    asked = forms.signature(snapshot["to_sign"])
    console.open_dialog(AskDialog(asked, lambda _: console.tell(say("summary.signed"))))
