"""A log with two sessions of two guns, shot by shot in turns, and records after the end of one of them."""

from msgspec.structs import replace

from meso_device.accounting.entries import Entry
from meso_device.accounting.signature import signature
from meso_device.audit.disclose import disclosure, find, pack
from meso_device.audit.keys import VerifyKey
from meso_device.audit.store import Store
from tests.unit.audit.clinic import GUN, Clinic, commit, stamp

OTHER_SESSION, OTHER_ALIAS = "0f" * 16, "b2" * 16


def clinics():
    """Return the two rooms of the clinic."""
    other = Clinic(gun=replace(GUN, gun_uid="ff" * 12), session=OTHER_SESSION, alias=OTHER_ALIAS, lot="L-OTHER")
    return Clinic(), other


def write_sessions(store, shots=12):
    """Write both sessions, closed, and what came after the end of the first."""
    one, other = clinics()
    commit(store, one.link_up(), other.link_up())
    commit(store, one.opened(), other.opened())
    for _ in range(shots):
        commit(store, one.shot(19_000), other.shot(5_000))
        commit(store, one.shot(20_000, 0, phase="INTERRUPTED"))
    commit(store, other.closed())
    commit(store, one.closed())
    event = one.entry("adverse_event", "adverse_event/1", {"code": "bruise"}, gun=None, protocol_digest="")
    commit(store, event, other.entry("adverse_event", "adverse_event/2", {"code": "nodule"}))
    totals = Entry(kind="session.closed", key=f"session/{one.session}/closed")
    commit(store, signature(totals, meaning="performed", op="op", role="clinician", payload={}))
    return one, other


def make_log(home, shots=12):
    """Make such a log in a directory, and the record that the first session is disclosed."""
    store = Store.open(home, software="0.1.0", stamp=stamp())
    one, other = write_sessions(store, shots)
    commit(store, disclosure(store._db, one.session, key="disclosure/1", op="auditor", role="auditor"))
    store.close(stamp())
    return one, other


def disclosed(db, session, vkey):
    """Return the file of a session."""
    key = VerifyKey.parse(vkey)
    return pack(db, find(db, session, key), key)
