import json

import pytest

from meso_device.audit.export import SHOT_COLUMNS, export_shots, rfc3339
from meso_device.audit.store import Store
from protocols.errors import UsageError
from tests.unit.audit.clinic import GUN, SESSION, START_US, commit, stamp

COLUMNS = [
    "gun_uid", "log_epoch", "shot_seq", "session", "area", "area_id", "kind", "depth_um", "planned_depth_um",
    "dose_lo_nl", "dose_hi_nl", "outcome", "at", "simulated", "product", "lot", "log", "seq",
    "lot_amended",
]  # fmt: skip


def test_each_shot_is_one_line_with_the_frozen_columns(home, clinic):
    store = Store.open(home, software="0.1.0", stamp=stamp())
    commit(store, clinic.link_up(), clinic.opened())
    commit(store, clinic.shot(), clinic.shot(9_000, dose_lo_nl=0, phase="INTERRUPTED", shot_kind="PRIME"))
    # A host is running: the store is still open.
    rows = [json.loads(line) for line in export_shots(home)]
    store.close(stamp())
    assert [list(row) for row in rows] == [COLUMNS, COLUMNS]
    assert rows[1] == {
        "gun_uid": GUN.gun_uid,
        "log_epoch": 7,
        "shot_seq": 2,
        "session": SESSION,
        "area": 3,
        "area_id": "forehead",
        "kind": "PRIME",
        "depth_um": 1_490,
        "planned_depth_um": 1_500,
        "dose_lo_nl": 0,
        "dose_hi_nl": 9_000,
        "outcome": "INTERRUPTED",
        "at": "2023-11-14T22:13:20.222000Z",
        "simulated": True,
        "product": "HA mix",
        "lot": "L1",
        "log": rows[1]["log"],
        "seq": 5,
        "lot_amended": "",
    }
    assert list(SHOT_COLUMNS) == COLUMNS


def test_an_empty_log_exports_nothing(home):
    Store.open(home, software="0.1.0", stamp=stamp()).close(stamp())
    assert list(export_shots(home)) == []


def test_a_missing_log_is_refused(home):
    with pytest.raises(UsageError, match="no audit log"):
        list(export_shots(home))


def test_times_are_exact_to_the_microsecond():
    assert rfc3339(START_US + 1) == "2023-11-14T22:13:20.000001Z"
    assert rfc3339(0) == "1970-01-01T00:00:00.000000Z"
    assert rfc3339(-1) == "1969-12-31T23:59:59.999999Z"
