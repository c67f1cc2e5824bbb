"""All screens by name."""

from collections.abc import Mapping
from typing import Final

from meso_device.console.screens.alarms import AlarmsScreen
from meso_device.console.screens.base import Page
from meso_device.console.screens.gun import GunScreen
from meso_device.console.screens.history import HistoryScreen
from meso_device.console.screens.live import LiveScreen
from meso_device.console.screens.patient import PatientScreen
from meso_device.console.screens.plan import PlanScreen
from meso_device.console.screens.quiet import HelpScreen, SummaryScreen
from meso_device.console.screens.session import SessionScreen
from meso_device.console.screens.settings import SettingsScreen
from meso_device.console.screens.sign_in import SignInScreen

PAGES: Final[Mapping[str, type[Page]]] = {
    page.PAGE: page
    for page in (
        HelpScreen,
        GunScreen,
        SessionScreen,
        PatientScreen,
        PlanScreen,
        LiveScreen,
        AlarmsScreen,
        HistoryScreen,
        SettingsScreen,
        SignInScreen,
        SummaryScreen,
    )
}
