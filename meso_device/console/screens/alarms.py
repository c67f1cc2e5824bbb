"""The alarm screen: acknowledge, silence, and what each alarm means."""

from collections.abc import Iterator
from typing import ClassVar

from textual import events
from textual.binding import BindingType
from textual.widget import Widget

from meso_device.console import keys
from meso_device.console.lines import Line, Pane, Span, cut, key, line, warn
from meso_device.console.presenters.alarms import alarm_list, alarm_rows, explained, heading_row
from meso_device.console.presenters.live import dim_row
from meso_device.console.presenters.places import notes
from meso_device.console.screens.base import Page
from meso_device.console.text import say
from meso_device.console.widgets.sheet import Sheet
from meso_device.screen_messages import ToHost


class AlarmsScreen(Page):
    """Alarms by priority. Acknowledging says who saw it and when; it neither clears nor hides."""

    PAGE = "alarms"
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings("alarms")]

    def __init__(self) -> None:
        super().__init__()
        self._no = 0

    def inside(self) -> Iterator[Widget]:
        """Yield the list, and below it what the chosen one means."""
        yield Sheet(id="list")
        yield Sheet(id="explained")
        yield Sheet(id="keys_row")

    @property
    def at(self) -> int:
        """Index of the chosen alarm; it stays with the alarm when others come."""
        numbers = [alarm["no"] for alarm in alarm_list(self.console.known)]
        return numbers.index(self._no) if self._no in numbers else 0

    def paint_body(self) -> None:
        """Draw the alarms."""
        known = self.console.known
        pane = self.pane("list")
        first = max(0, self.at - pane.height + 2)
        self.sheet("list").show([heading_row(known, pane), *alarm_rows(known, pane, self.at)[first:]])
        if self.sheet("explained").display:
            below = self.pane("explained")
            rows = [dim_row(say("alarms.meaning"), below.width), *explained(known, below, self.at)]
            self.sheet("explained").show(rows)
        if known.said:
            self.sheet("keys_row").show([cut(line(warn(f" {known.said}")), self.pane("keys_row").width)])
            return
        row: list[Span] = [Span(" ")]
        row += [
            *key(known.keys["alarms.acknowledge"], say("key.acknowledge"), "acknowledge"),
            *key(known.keys["alarms.acknowledge_all"], say("key.acknowledge_all"), "acknowledge_all"),
        ]
        row += key(known.keys["alarms.silence"], say("key.silence"), "silence")
        self.sheet("keys_row").show([tuple(row)])

    def paint_frame(self) -> None:
        """Draw the frame, and the list with it: both flash."""
        super().paint_frame()
        if self.paintable:
            self.paint_body()

    def context(self, pane: Pane) -> list[Line]:
        """Return what the chosen alarm means, and how the marks are to be read."""
        note = notes(pane, [say("alarms.note_marks"), say("alarms.note_acknowledge"), say("alarms.note_silence")])
        meaning = explained(self.console.known, pane, self.at)
        return [*meaning, *([()] if meaning else []), dim_row(say("alarms.marks"), pane.width), *note]

    def on_key(self, event: events.Key) -> None:
        """Move the cursor."""
        steps = {"up": -1, "down": 1, "pageup": -10, "pagedown": 10, "home": -1_000, "end": 1_000}
        alarms = alarm_list(self.console.known)
        if event.key in steps and alarms:
            event.stop()
            self._no = alarms[min(max(self.at + steps[event.key], 0), len(alarms) - 1)]["no"]
            self.paint()

    def action_acknowledge(self) -> None:
        """Say that the chosen alarm was seen."""
        alarms = alarm_list(self.console.known)
        if alarms:
            self.console.ask(ToHost.ACKNOWLEDGE, no=alarms[self.at]["no"])

    def action_acknowledge_all(self) -> None:
        """Say that all of them were seen."""
        self.console.ask(ToHost.ACKNOWLEDGE, no=0)

    def action_silence(self) -> None:
        """Keep the bell quiet for a minute."""
        self.console.ask(ToHost.SILENCE)
