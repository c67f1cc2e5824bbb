"""The records of a treated session, as the log holds them: two areas, a range of volume, a stop, a late reaction."""

from msgspec.structs import replace

from meso_device.audit import canonical
from meso_device.audit.session_records import records_of
from tests.unit.audit.clinic import SESSION, Clinic, commit

AREAS = [
    {"area": "forehead", "area_code": 3, "depth_um": 1_500, "dose_nl": 20_000, "points": 4, "passes": 1,
     "technique": "intradermal"},
    {"area": "cheek_left", "area_code": 4, "depth_um": 2_000, "dose_nl": 20_000, "points": 2, "passes": 1,
     "technique": "nappage"},
]  # fmt: skip


def treat(store, *, closed=True, shots=4):
    """Write the session to a store and return its records."""
    clinic = Clinic()
    opened = replace(
        clinic.opened(), payload={"plan": {"areas": AREAS}, "title": "Face", "gun_uid": clinic.gun.gun_uid}
    )
    commit(store, clinic.link_up(), opened)
    commit(store, clinic.entry("checklist", "checklist/1", {"item": "pregnancy", "answer": "no", "note_hash": ""}))
    commit(store, *(clinic.shot(19_990) for _ in range(shots)))
    commit(store, clinic.entry("stop", "stop/1", {"stop_no": 1, "heard": True}))
    clinic.lot = "L2"
    left = {"area_code": 4, "area": "cheek_left"}
    commit(store, clinic.shot(20_000, 0, phase="INTERRUPTED", **left), clinic.shot(0, phase="ABORTED", **left))
    commit(store, clinic.shot(5_000, shot_kind="PRIME"))
    if closed:
        commit(store, clinic.closed())
        event = {
            "code": "nodule", "severity": "life_threatening", "onset_day": 20, "reporter": "patient",
            "event": "e1" * 16, "areas": ["forehead"], "gun_uids": [clinic.gun.gun_uid],
            "lots": [{"product": "HA mix", "lot": "L1"}],
        }  # fmt: skip
        commit(store, clinic.entry("adverse_event", "adverse_event/1", event, gun=None, protocol_digest=""))
    return [canonical.decode(body) for body in records_of(store._db, SESSION).values()]
