"""The restore drill: a page of the log destroyed in the middle, and all of it back from a collector with PostgreSQL."""

import shutil

import pytest

from meso_device.audit.database import open_for_reading
from meso_device.audit.verify import verify_home
from meso_device.collector.database import Role, connect
from tests.unit.audit.clinic import stamp
from tests.unit.audit.test_rotation import rotate
from tests.unit.collector.logs import bodies_of, held, key_of, open_log, write_log
from tests.unit.collector.serving import Served

pytestmark = pytest.mark.hazard("HZ-25")
PAGE_BYTES = 4_096
CAPS = (
    "SELECT alias, area_code, product, lot, sum(shots), sum(dose_lo_nl), sum(dose_hi_nl) FROM given GROUP BY 1, 2, 3, 4"
)


@pytest.fixture
def served(tmp_path, database):
    own = Served(tmp_path / "collector", database)
    yield own
    own.close()


def destroy_page_of(home, seq):
    """Write zeros over the page of the file that holds a record."""
    content = bytearray((home / "audit.db").read_bytes())
    at = content.index(b'"seq":%d,' % seq) // PAGE_BYTES * PAGE_BYTES
    content[at : at + PAGE_BYTES] = bytes(PAGE_BYTES)
    (home / "audit.db").write_bytes(content)


def caps_of(home):
    db = open_for_reading(home / "audit.db")
    try:
        return sorted(db.execute(CAPS))
    finally:
        db.close()


def test_a_page_lost_in_the_middle_is_back_from_the_collector_and_the_log_goes_on_as_the_same_one(
    served, tmp_path, database
):
    home = tmp_path / "home"
    clinic = write_log(home, shots=600, closed=False)
    served.enrol(home, "room-1")
    sent = len(bodies_of(home))
    assert f"{sent} new there" in served.meso("audit", "send", home=home)
    write_log(home, shots=100, clinic=clinic)
    whole, caps = bodies_of(home), caps_of(home)

    destroy_page_of(home, 300)
    assert not verify_home(home).ok
    # Without the collector it would be another history, so that is asked for by name.
    served.end()
    assert "--without-collector" in served.meso("audit", "salvage", home=home, status=1)
    alone = shutil.copytree(home, tmp_path / "alone")
    served.start()

    told = served.meso("audit", "salvage", home=home)
    assert f"salvaged: {len(whole)} records" in told
    assert "no signed record is missing" in told
    assert verify_home(home).ok
    assert bodies_of(home)[: len(whole)] == whole
    assert caps_of(home) == caps
    [record] = [body for body in bodies_of(home)[len(whole) :] if b'"log.salvaged"' in body]
    assert b'"refilled_by":"meso-collector/' in record
    assert b'"missing":0,' in record
    assert "gets back" in served.said

    # The log goes on, the same one to the collector.
    write_log(home, 7, shots=30)
    served.meso("audit", "send", home=home)
    assert "0 new there" in served.meso("audit", "send", "--again", home=home)
    with connect(database, Role.OWNER) as db:
        assert held(db, key_of(home).name) == bodies_of(home)
        assert db.execute("SELECT count(*) FROM meso.fork").fetchone() == (0,)

    told = served.meso("audit", "salvage", "--without-collector", home=alone)
    assert "MISSING" in told
    assert len(bodies_of(alone)) < sent
    assert "FORK" in served.meso("audit", "send", home=alone, status=1)


def test_what_another_one_of_the_same_name_sent_is_no_refill(served, tmp_path):
    home, twin = tmp_path / "home", tmp_path / "twin"
    clinic = write_log(home, shots=100, closed=False)
    served.enrol(home, "room-1")
    shutil.copytree(home, twin)
    write_log(home, shots=60, clinic=clinic)
    write_log(twin, 9, shots=90)
    served.meso("audit", "send", home=twin)
    destroy_page_of(home, 40)
    before = (home / "audit.db").read_bytes()
    told = served.meso("audit", "salvage", home=home, status=1)
    assert "another history" in told
    assert (home / "audit.db").read_bytes() == before
    # Nothing is given to whom the collector does not know any more.
    served.meso("collector", "revoke", "room-1")
    assert "needs a new one-time code" in served.meso("audit", "salvage", home=home, status=1)


@pytest.mark.parametrize("sent", ["before", "behind"])
@pytest.mark.parametrize("damaged", [0, 60, 260])
def test_it_comes_back_across_a_change_of_the_key(served, tmp_path, database, sent, damaged):
    """The key is changed between records 60 and 260. Lost is what names the first one, what is before, or behind it."""
    home = tmp_path / "home"
    clinic = write_log(home, shots=150, closed=False)
    served.enrol(home, "room-1")
    old = key_of(home)
    if sent == "before":
        served.meso("audit", "send", home=home)
    store = open_log(home)
    rotate(store, home)
    store.close(stamp())
    write_log(home, shots=150, clinic=clinic, closed=False)
    if sent == "behind":
        served.meso("audit", "send", home=home)
    write_log(home, shots=40, clinic=clinic)
    whole, caps = bodies_of(home), caps_of(home)
    destroy_page_of(home, damaged)
    assert not verify_home(home).ok

    if sent == "before" and damaged == 260:
        # What is lost was never sent, and stays so; the log goes on under the key that it names.
        assert "MISSING" in served.meso("audit", "salvage", home=home)
    else:
        assert "no signed record is missing" in served.meso("audit", "salvage", home=home)
        assert bodies_of(home)[: len(whole)] == whole
        assert caps_of(home) == caps
    for vkey in (old, key_of(home)):
        assert verify_home(home, vkey=str(vkey)).ok
    served.meso("audit", "send", home=home)
    with connect(database, Role.OWNER) as db:
        assert held(db, old.name) == bodies_of(home)[: len(held(db, old.name))]
        assert db.execute("SELECT count(*) FROM meso.fork").fetchone() == (0,)
