"""Logs of consoles, each with a gun of its own, and their way to a collector without any network."""

import shutil
from hashlib import sha256

from msgspec.structs import replace

from meso_device.audit.database import open_for_reading
from meso_device.audit.keys import VerifyKey
from meso_device.audit.store import Store
from meso_device.audit.verify import stored_vkey
from meso_device.collector import intake
from meso_device.collector.consoles import give_code
from meso_device.collector.outbox import Outbox
from tests.unit.audit.clinic import GUN, Clinic, commit, stamp


def clinic_of(number):
    return Clinic(
        gun=replace(GUN, gun_uid=f"{number:024x}"), session=f"{number + 1:032x}", alias=f"{number + 101:032x}"
    )


def open_log(home):
    return Store.open(home, software="0.1.0", stamp=stamp())


def write_log(home, number=0, shots=600, clinic=None, closed=True):
    """Begin a log, or go on with one, by a session of so many shots; return the clinic that it is of."""
    store = open_log(home)
    if clinic is None:
        clinic = clinic_of(number)
        commit(store, clinic.link_up(), clinic.opened())
    left = shots
    while left:
        commit(store, *(clinic.shot() for _ in range(min(left, 64))))
        left -= min(left, 64)
    if closed:
        commit(store, clinic.closed())
    store.close(stamp())
    return clinic


def copy_of(home, to):
    """The data directory, copied whole: two consoles with one name."""
    return shutil.copytree(home, to)


def bodies_of(home):
    db = open_for_reading(home / "audit.db")
    try:
        return [body for (body,) in db.execute("SELECT body FROM record ORDER BY seq")]
    finally:
        db.close()


def key_of(home):
    return VerifyKey.parse(stored_vkey(home))


class Box:
    """The outbox of a data directory."""

    def __init__(self, home):
        self._db = open_for_reading(home / "audit.db")
        self.outbox = Outbox(self._db, key_of(home))

    def __enter__(self):
        return self.outbox

    def __exit__(self, *_):
        self._db.close()


def enrolled(owner, db, home, name, token=bytes(32)):
    """Enrol the console of a data directory and return it as the collector knows it."""
    secret = name.encode().ljust(10, b".")[:10]
    give_code(owner, name, secret)
    intake.enrol(db, secret, stored_vkey(home).strip(), token)
    return intake.authenticate(db, sha256(token).digest())


def send_all(db, console, home, first=0):
    """Bring everything from a place on to the collector; return how many records were new."""
    inserted = 0
    with Box(home) as outbox:
        while (batch := outbox.batch(first)) is not None:
            inserted += intake.take(db, console, batch).inserted
            first += len(batch.bodies)
    return inserted


def held(db, origin):
    rows = db.execute("SELECT seq, body FROM meso.record WHERE origin = %s ORDER BY seq", (origin,)).fetchall()
    assert [seq for seq, _ in rows] == list(range(len(rows)))
    return [body for _, body in rows]
