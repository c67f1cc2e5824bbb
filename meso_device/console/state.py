"""What the screen keeps of what the host told it: the newest snapshot, and what has scrolled out of it. Pure."""

from collections import deque
from collections.abc import Mapping
from typing import Any, Final

from meso_device.console.keys import Keymap

Body = Mapping[str, Any]
SHOTS_KEPT: Final = 20
TRACE_KEPT: Final = 160
QUIET_MS: Final = 1_500
"""Snapshots come ten times a second while anything changes, and once a second at the least."""


class Known:
    """All that the screens are made from.

    Attributes:
        welcome: The host's first words; empty until then.
        keys: Which key does what here.
        bell_on: The terminal's bell rings for alarms.
        self_test_until_ms: The looks of the alarms are shown until then, while there is none.
        snapshot: The newest state; empty until one came.
        received_ms: When it came, on the screen's monotonic clock.
        chosen: Area that the operator is about to treat; empty for none.
        shots: The newest shots, newest first, more than a snapshot holds.
        came_from: Screen that was shown before this one; empty for none.
        said: The host's last refusal of something asked for here; empty once another key was pressed.
        needle_um, force_dn: What the gun said of itself lately, oldest first.
    """

    def __init__(self) -> None:
        self.welcome: Body = {}
        self.keys = Keymap()
        self.bell_on = True
        self.self_test_until_ms = 0
        self.snapshot: Body = {}
        self.received_ms = 0
        self.chosen = ""
        self.shots: list[Body] = []
        self.said = ""
        self.came_from = ""
        self.needle_um: deque[int] = deque(maxlen=TRACE_KEPT)
        self.force_dn: deque[int] = deque(maxlen=TRACE_KEPT)

    def greet(self, welcome: Body) -> None:
        """Keep the host's first words."""
        self.welcome, self.keys = welcome, Keymap(welcome.get("settings", {}).get("keys"))

    @property
    def armed(self) -> bool:
        """Whether the gun may fire as far as is known here; arming counts as armed."""
        return str(self.snapshot.get("phase")) in {"armed", "arming"}

    @property
    def area(self) -> str:
        """Id of the area that is armed, or else chosen here; empty for none."""
        armed = self.snapshot.get("area") if self.armed else None
        return armed["id"] if armed else self.chosen

    def silent_ms(self, now_ms: int) -> int:
        """Return for how long the host has said nothing, 0 while that is as it should be."""
        silent_ms = now_ms - self.received_ms
        return silent_ms if self.snapshot and silent_ms > QUIET_MS else 0

    def take(self, snapshot: Body, now_ms: int) -> None:
        """Keep a new snapshot."""
        before = self.snapshot.get("session")
        self.snapshot, self.received_ms = snapshot, now_ms
        session = snapshot["session"]
        if session is None or before is None or session["id"] != before["id"]:
            self.shots = []
        newest = self.shots[0]["shot_seq"] if self.shots else 0
        fresh = [shot for shot in snapshot["tail"] if shot["shot_seq"] > newest]
        self.shots = [*fresh, *self.shots][:SHOTS_KEPT]
        gun = snapshot["gun"]
        if gun is not None:
            for kept, value in ((self.needle_um, gun["needle_um"]), (self.force_dn, gun["plunger_force_dn"])):
                if value is not None:
                    kept.append(value)
        self._keep_choice(snapshot)

    def _keep_choice(self, snapshot: Body) -> None:
        """Point at the first area that is not done, unless the operator chose one of this plan."""
        areas = snapshot["areas"]
        if snapshot["area"] is not None:
            self.chosen = snapshot["area"]["id"] if self.armed else self.chosen
        if any(area["id"] == self.chosen for area in areas):
            return
        rest = [area for area in areas if not is_done(area)]
        self.chosen = (rest or [*areas, {"id": ""}])[0]["id"]

    def next_area(self) -> None:
        """Choose the next area of the plan that is not done; the first one after the last."""
        areas = self.snapshot.get("areas", [])
        at = next((no for no, area in enumerate(areas) if area["id"] == self.chosen), -1)
        order = [*areas[at + 1 :], *areas[: max(at, 0)]]
        rest = [area for area in order if not is_done(area)] or order
        if rest:
            self.chosen = rest[0]["id"]


def may(snapshot: Body, command: str) -> bool:
    """Return whether the host would take a command now."""
    return bool(snapshot.get("can", {}).get(command, "-") == "")


def why_not(snapshot: Body, command: str) -> str:
    """Return why the host would not take a command now; empty where it would."""
    return str(snapshot.get("can", {}).get(command, "the host has not said yet"))


def area_of(snapshot: Body, area: str) -> Body | None:
    """Return an area of the plan by its id."""
    return next((row for row in snapshot.get("areas", ()) if row["id"] == area), None)


def is_done(area: Body) -> bool:
    """Return whether every planned point of an area is behind: given or skipped."""
    return bool(area["given"] + area["skipped"] >= area["planned"])


def next_cell(area: Body) -> int | None:
    """Return the cell that follows the one chosen and is not full; None without cells or when the others are full."""
    count = len(area["cells"])
    order = [(area["cell"] + step) % count for step in range(1, count)] if count else []
    return next((no for no in order if area["cells"][no]["done"] < area["cells"][no]["planned"]), None)
