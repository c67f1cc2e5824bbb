"""What tests of the host share: views, made from one that has nothing in it."""

from collections.abc import Callable
from typing import Any

import pytest

from meso_device.session.contract import LinkState, Phase, View

EMPTY: dict[str, Any] = dict.fromkeys(View.__struct_fields__, 0) | {
    "link": LinkState.DOWN,
    "phase": Phase.NO_SESSION,
    "session": "",
    "simulated": False,
    "gun_uid": "",
    "serial": "",
    "plan": None,
    "file": None,
    "skipped": {},
    "cells": {},
    "area_id": "",
    "given": (),
    "findings": (),
    "blocked": (),
    "stop_unheard": False,
    "write_failed": "",
    "log_state": "SYNCED",
    "bench": None,
}


@pytest.fixture
def make_view() -> Callable[..., View]:
    """Make a view: a simulated gun that is up and ready, but for what is given."""

    def make(**fields: Any) -> View:
        up = {"link": LinkState.UP, "phase": Phase.READY, "simulated": True, "gun_uid": "aa", "session": "5e"}
        return View(**EMPTY | up | fields)

    return make
