"""The command palette: something to do, looked for by its name."""

from typing import ClassVar

from textual import events

from meso_device.console.palette import Palette
from meso_device.console.presenters.dialogs import palette_rows
from meso_device.console.screens.base import Dialog


class PaletteDialog(Dialog):
    """Opening it disarms, as every dialog does; it offers nothing that moves or permits anything."""

    PAGE: ClassVar[str] = "palette"

    def __init__(self) -> None:
        super().__init__()
        self._palette = Palette()

    def paint_body(self) -> None:
        """Draw what was typed and what fits it."""
        self.box(palette_rows(self.console.known, self.box_pane(), self._palette))

    def on_key(self, event: events.Key) -> None:
        """Look, choose, or leave."""
        event.stop()
        if event.key == "escape":
            self.dismiss()
        elif event.key == "enter":
            self.action_offer(self._palette.at)
        elif self._palette.press(event.key, event.character):
            self.paint()

    def action_offer(self, number: int) -> None:
        """Do what is offered, as its own key would."""
        found = self._palette.found
        if number < len(found):
            self.dismiss()
            self.console.call_next(self.console.run_action, found[number].act)
