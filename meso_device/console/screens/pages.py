"""All screens by name. Each is imported when it is first shown: the first paint needs one of them."""
# ruff: noqa: PLC0415  # see above

from typing import Final

from meso_device.console.screens.base import Page

NAMES: Final = (
    *("help", "gun", "bench", "session", "patient", "plan", "live", "alarms", "history", "settings"),
    *("sign_in", "summary"),
)


def page_class(name: str) -> type[Page]:  # noqa: PLR0911, PLR0912, C901  # a table, in the form that imports late
    """Return the screen of a name; KeyError for a name that is not in `NAMES`."""
    match name:
        case "help":
            from meso_device.console.screens.quiet import HelpScreen

            return HelpScreen
        case "gun":
            from meso_device.console.screens.gun import GunScreen

            return GunScreen
        case "bench":
            from meso_device.console.screens.bench import BenchScreen

            return BenchScreen
        case "session":
            from meso_device.console.screens.session import SessionScreen

            return SessionScreen
        case "patient":
            from meso_device.console.screens.patient import PatientScreen

            return PatientScreen
        case "plan":
            from meso_device.console.screens.plan import PlanScreen

            return PlanScreen
        case "live":
            from meso_device.console.screens.live import LiveScreen

            return LiveScreen
        case "alarms":
            from meso_device.console.screens.alarms import AlarmsScreen

            return AlarmsScreen
        case "history":
            from meso_device.console.screens.history import HistoryScreen

            return HistoryScreen
        case "settings":
            from meso_device.console.screens.settings import SettingsScreen

            return SettingsScreen
        case "sign_in":
            from meso_device.console.screens.sign_in import SignInScreen

            return SignInScreen
        case "summary":
            from meso_device.console.screens.quiet import SummaryScreen

            return SummaryScreen
        case _:
            raise KeyError(name)


def make_page(name: str) -> Page:
    """Return a new screen of a name."""
    return page_class(name)()
