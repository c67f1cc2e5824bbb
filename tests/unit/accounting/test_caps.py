"""The caps of an area."""

from meso_device.accounting.caps import session_caps
from protocols.treatment.library import load_library


def test_points_area_and_session_each_have_a_cap():
    plan = load_library("practice").plan()
    area = plan.areas[0]
    points, of_area, of_session = session_caps(plan, area, "ab")
    assert (points.limit_shots, points.area_code, points.session) == (area.shots, area.area_code, "ab")
    assert (of_area.limit_nl, of_area.area_code) == (area.cap_nl, area.area_code)
    assert (of_session.limit_nl, of_session.area_code) == (plan.session_cap_nl, 0)
