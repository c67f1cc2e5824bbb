"""The application: one socket to the host, the screens, and the rules that hold on all of them."""

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar, Final

from rich.style import Style
from textual import events
from textual.app import App
from textual.binding import BindingType

from meso_device.console import keys
from meso_device.console.bell import Bell
from meso_device.console.client import Body, Client, HostGone
from meso_device.console.lines import Pane, Tone
from meso_device.console.screens.base import Dialog, Framed
from meso_device.console.screens.pages import NAMES, make_page
from meso_device.console.screens.palette import PaletteDialog
from meso_device.console.screens.quit import QuitDialog
from meso_device.console.screens.unknown import UnknownDialog
from meso_device.console.settings import GREY, MONO, THEME_NAMES
from meso_device.console.state import Known
from meso_device.console.text import say
from meso_device.console.theme import THEMES, tones
from meso_device.screen_messages import ToHost

ALIVE_S: Final = 0.2
SELF_TEST_MS: Final = 3_000
FRAME_S: Final = 0.125
"""Half of the shortest flash: no change of it is missed."""


class ConsoleApp(App[int]):
    """The screen of one host.

    Args:
        client: Connected to the host, which was greeted.
        theme: Name of a theme; the one without colour is taken whenever NO_COLOR is set.
        only_ascii: Draw nothing outside ASCII.
        now_ms: The screen's monotonic clock.
        offset_s: Local time minus UTC.
        self_test_ms: How long the looks of the alarms are shown at the start.
    """

    CSS_PATH = "styles.tcss"
    ENABLE_COMMAND_PALETTE = False
    ALLOW_SELECT = False
    SCREENS = {name: partial(make_page, name) for name in NAMES}  # noqa: RUF012  # annotated by Textual
    BINDINGS: ClassVar[list[BindingType]] = [*keys.bindings(keys.EVERYWHERE)]

    def __init__(
        self,
        client: Client,
        *,
        theme: str = GREY,
        only_ascii: bool = False,
        now_ms: Callable[[], int] = lambda: time.monotonic_ns() // 1_000_000,
        offset_s: int = 0,
        self_test_ms: int = SELF_TEST_MS,
    ) -> None:
        super().__init__()
        for known_theme in THEMES:
            self.register_theme(known_theme)
        self.theme = MONO if self.no_color else theme
        self.client = client
        self.known = Known()
        self.only_ascii = only_ascii
        self.now_ms = now_ms
        self.key_ms: Callable[[events.Key], int] = lambda key: int(key.time * 1_000)
        self._offset_s = offset_s
        self._self_test_ms = self_test_ms
        self._bell = Bell()
        self._guided = False
        self._confirming = False
        self._shown_snapshot: Body | None = None
        self._was_unknown = False
        self._placed = False

    # --- life -----------------------------------------------------------------------------------

    async def on_mount(self) -> None:
        """Begin to listen; what has come already is part of the first paint."""
        asyncio.get_running_loop().add_reader(self.client.fileno(), self._readable)
        if self._self_test_ms:
            self.known.self_test_until_ms = self.now_ms() + self._self_test_ms
            self.bell()
        await self.push_screen("live")
        self._readable()
        self.set_interval(ALIVE_S, self._alive)
        self.set_interval(FRAME_S, self._tick)

    def _readable(self) -> None:
        try:
            self.client.take()
        except HostGone as gone:
            self._gone(str(gone))
            return
        self.call_next(self._digest)

    def _digest(self) -> None:
        client = self.client
        if client.goodbye is not None:
            self._stop_listening()
            self.exit(int(client.goodbye["status"]))
            return
        if client.welcome is not None:
            self._begin(client.welcome)
        if client.snapshot is not None and client.snapshot is not self._shown_snapshot:
            self._shown_snapshot = client.snapshot
            self.known.take(client.snapshot, self.now_ms())
            self._heed(client.snapshot)
        client.deliver()
        self.paint()

    def _begin(self, welcome: Body) -> None:
        """Take what the host says first, and what is set."""
        if welcome is self.known.welcome:
            return
        self.known.greet(welcome)
        self.set_keymap(self.known.keys.textual())
        settings = welcome.get("settings", {})
        self.known.bell_on = settings.get("bell", True)
        self.only_ascii |= settings.get("ascii", False)
        if not self.no_color:
            self.theme = settings.get("theme", self.theme)

    def _heed(self, snapshot: Body) -> None:
        """Open what a new state asks for, and ring."""
        if (
            self._bell.rings(snapshot["alarms"], silenced=bool(snapshot["silenced_s"]), now_ms=self.now_ms())
            and self.known.bell_on
        ):
            self.bell()
        is_unknown, was_unknown = snapshot["unknown"] is not None, self._was_unknown
        self._was_unknown = is_unknown
        if is_unknown and not was_unknown:
            self.open_dialog(UnknownDialog())
        if not self._placed:
            self._placed = True
            self.call_next(self.show_page, self._first_page(snapshot))

    @staticmethod
    def _first_page(snapshot: Body) -> str:
        if snapshot["session"] is None and snapshot["resume"] is not None:
            return "session"
        if snapshot["operator"] is None or not snapshot["enrolled"]:
            return "sign_in"
        return "live" if snapshot["session"] is not None else "session"

    def _alive(self) -> None:
        self._guard(self.client.alive)

    def _tick(self) -> None:
        self._guard(self.client.flush)
        if self.shown is not None:
            self.shown.paint_frame()

    def _guard(self, act: Callable[[], object]) -> None:
        try:
            act()
        except HostGone as gone:
            self._gone(str(gone))

    def _gone(self, why: str) -> None:
        self._stop_listening()
        self.exit(1, message=say("frame.host_gone", why=why))

    def _stop_listening(self) -> None:
        asyncio.get_running_loop().remove_reader(self.client.fileno())

    # --- for the screens ------------------------------------------------------------------------

    def paint(self) -> None:
        """Draw the screen that is shown."""
        if self.shown is not None:
            self.shown.paint()

    @property
    def shown(self) -> Framed | None:
        """The screen or dialog that is shown; None before the first and after the last."""
        top = self.screen_stack[-1] if self.screen_stack else None
        return top if isinstance(top, Framed) else None

    def pane(self, width: int, height: int) -> Pane:
        """Return size and time for a presenter."""
        return Pane(width=width, height=height, offset_s=self._offset_s, now_ms=self.now_ms())

    @property
    def colourless(self) -> bool:
        """Whether the theme has no colour."""
        return self.theme == MONO

    def style_of(self, tone: Tone) -> Style:
        """Return how a tone looks in the theme chosen."""
        return tones(self.theme)[tone]

    def ask(self, kind: ToHost, on_answer: Callable[[Body], None] | None = None, **fields: Any) -> None:
        """Ask the host for something; a refusal is shown where no one else takes the answer.

        In a browser nothing is asked for: who sits before it, and whether anybody does, cannot be known.
        """
        if self.is_web:
            self.tell(say("view.only").strip())
            return
        self._guard(lambda: self.client.ask(kind, on_answer or self._say_refusal, **fields))

    def _say_refusal(self, answer: Body) -> None:
        if answer["outcome"] != "done":
            self.tell(answer["text"])

    def tell(self, text: str) -> None:
        """Show one line until the next key."""
        self.known.said = text
        self.paint()

    def disarm(self, cause: str) -> None:
        """Take the credit back, if there may be any."""
        if self.known.armed or self._confirming:
            self.ask(ToHost.DISARM, cause=cause)

    def confirm_arming(self, token: int | str, typed: str, on_answer: Callable[[Body], None]) -> None:
        """Send the second step of arming; until its answer the gun counts as armed."""
        self._confirming = True

        def answered(answer: Body) -> None:
            self._confirming = False
            on_answer(answer)

        self.ask(ToHost.ARM_CONFIRM, answered, token=token, typed=typed)

    def open_dialog(self, dialog: Dialog) -> None:
        """Put a dialog over the screen; what was armed is not any more."""
        self.disarm("modal")
        self.push_screen(dialog)

    async def show_page(self, name: str) -> None:
        """Go to a screen. Changing the screen disarms."""
        if self.shown is None or isinstance(self.shown, Dialog) or name == self.shown.PAGE:
            return
        self.disarm("screen")
        self.known.said, self.known.came_from = "", self.shown.PAGE
        await self.switch_screen(name)

    # --- keys -----------------------------------------------------------------------------------

    async def on_event(self, event: events.Event) -> None:
        """See every key first: what is not listed disarms, whatever it does besides."""
        if isinstance(event, events.Key) and not event.is_forwarded and self._key(event):
            return
        await super().on_event(event)

    def _key(self, event: events.Key) -> bool:
        """Return whether the key has done all that it may."""
        if event.key in keys.MODIFIERS:
            return True
        self.known.said = ""
        if self.known.armed or self._confirming:
            cause = self.known.keys.disarm_cause(event.key)
            if cause is not None and not isinstance(self.shown, Dialog):
                self.disarm(cause)
                return cause != "screen"
        if self._guided:
            self._guided = False
            name = self.known.keys.page(event.character)
            if name:
                self.call_next(self.show_page, name)
            return bool(name)
        return False

    def on_app_blur(self) -> None:
        """Nobody looks at this terminal any more."""
        self.disarm("focus")

    def on_paste(self, event: events.Paste) -> None:
        """A paste that no field took is no key, and yet nothing that was listed."""
        event.stop()
        self.disarm("key")

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002  # Textual's
        """Over a dialog nothing but STOP and leaving it is to be had."""
        over = isinstance(self.shown, Dialog)
        return not (over and action in {"page", "lock", "guide", "leave", "palette"})

    async def action_stop(self, by: str) -> None:
        """Stop the gun, from wherever."""
        self.ask(ToHost.STOP, by=by)

    async def action_interrupt(self) -> None:
        """Ctrl+C stops while armed; else it says how to leave."""
        if self.known.armed:
            await self.action_stop("key")
        else:
            self.tell(say("app.how_to_quit", quit=self.known.keys["quit"], stop=self.known.keys["stop"]))

    async def action_page(self, name: str) -> None:
        """Go to a screen, unless a dialog waits for an answer."""
        await self.show_page(name)

    def action_guide(self) -> None:
        """Wait for the digit of a screen."""
        self._guided = True

    def action_palette(self) -> None:
        """Look for something to do by its name; not while armed, and nothing of it is dangerous."""
        self.open_dialog(PaletteDialog())

    def action_silence(self) -> None:
        """Keep the bell quiet for a minute."""
        self.ask(ToHost.SILENCE)

    def action_theme(self) -> None:
        """Take the next theme, until the end of this run."""
        if self.no_color:
            self.tell(say("settings.no_colour"))
            return
        self.theme = THEME_NAMES[(THEME_NAMES.index(self.theme) + 1) % len(THEME_NAMES)]
        self.refresh_css()
        self.screen.refresh(layout=True)
        self.call_after_refresh(self.paint)

    def action_bell_switch(self) -> None:
        """Switch the terminal's bell on or off, until the end of this run."""
        self.known.bell_on = not self.known.bell_on
        self.paint()

    def action_lock(self) -> None:
        """Sign out; a PIN is needed to go on."""
        self.disarm("lock")
        self.ask(ToHost.LOCK)
        self.call_next(self.show_page, "sign_in")

    def action_leave(self) -> None:
        """Ask whether to quit; the host refuses while armed."""
        self.open_dialog(QuitDialog())

    async def action_quit(self) -> None:
        """Textual's own way out is none of ours."""
