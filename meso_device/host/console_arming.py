"""Arming in two steps: what the dialog shows, and that what is confirmed is what was shown."""

from meso_device.host.console_facts import ConsoleFacts
from meso_device.host.screen_answers import Refuse
from meso_device.host.snapshot import Treatment
from meso_device.host.two_steps import VALID_US, Bound, TwoSteps
from meso_device.screen_messages import Body
from meso_device.session.contract import Instant, View
from meso_device.session.settings import settings_for
from protocols.treatment.plan import AreaPlan
from protocols.wire.hashes import hash8


class Arming:
    """Both steps for one area of the session under way.

    Args:
        steps: Gives and takes the tokens.
        facts: What was heard of the gun.
    """

    def __init__(self, steps: TwoSteps, facts: ConsoleFacts) -> None:
        self._steps = steps
        self._facts = facts

    def open(self, area_id: str, treatment: Treatment | None, view: View, now: Instant) -> Body:
        """Return what the dialog shows, with its token.

        Raises:
            Refuse: no such area, or no gun.
        """
        area = next((one for one in _areas(treatment) if one.area == area_id), None)
        if area is None:
            raise Refuse("area", "that area is not in this treatment")
        token = self._steps.open(self._bound(area, treatment, view), now.mono_us)
        given = next((one.shots for one in view.given if one.area_code == area.area_code), 0)
        left = max(0, area.shots - given)
        warnings = [] if left else [f"all {area.shots} points of {area.short} are given: this would be a second pass"]
        return {
            "token": token,
            "expires_ms": VALID_US // 1_000,
            "area": area.area,
            "short": area.short,
            "typed": area.short,
            "depth_um": area.depth_um,
            "dose_nl": area.dose_nl,
            "shots": left,
            "nl": left * area.dose_nl,
            "given": given,
            "planned": area.shots,
            "warnings": warnings,
        }

    def confirm(self, body: Body, treatment: Treatment | None, view: View, now: Instant) -> AreaPlan:
        """Use the token up and return the area that was confirmed by its code.

        Raises:
            Refuse: another code, or anything that is not as it was when the dialog was opened.
        """
        area = next((one for one in _areas(treatment) if one.short == body["typed"]), None)
        if area is None:
            self._steps.forget()
            raise Refuse("typed", "begin again: that is not the code of the area")
        why = self._steps.take(body["token"], self._bound(area, treatment, view), body["typed"], now.mono_us)
        if why:
            raise Refuse("step", why)
        return area

    def _bound(self, area: AreaPlan, treatment: Treatment | None, view: View) -> Bound:
        """Return what an arming is bound to: the area, everything that would be set, session, gun and its boot."""
        hello = self._facts.hello
        if hello is None or treatment is None:
            raise Refuse("not_now", "no gun is connected")
        settings8 = hash8(settings_for(treatment.plan, area, hello).pack()).hex()
        return Bound("arm", area.short, (area.area, settings8, view.gun_uid, view.boot_id, view.session))


def _areas(treatment: Treatment | None) -> tuple[AreaPlan, ...]:
    return treatment.plan.areas if treatment is not None else ()
