"""What the sign-in screen says of the days before: read from the log, names from the register."""

import pytest

from meso_device.audit.records import Stamp
from meso_device.audit.store import Store
from meso_device.host.console_before import SHOWN_MAX, before
from meso_device.host.due import commit_due
from meso_device.host.home import open_home
from meso_device.people.lockout import Moment
from meso_device.people.office import Office
from meso_device.people.pins import Cost
from meso_device.people.register import Purpose
from meso_device.people.roles import Role

STAMP = Stamp(ts_us=1_795_350_000_000_000, mono_us=1, boot="b0" * 16, clock="synced")
NOW = Moment(boot="b0" * 16, mono_us=1, utc_us=STAMP.ts_us)
CHEAP = Cost(passes=1, memory_kib=8, lanes=1)


@pytest.fixture
def home(tmp_path):
    return open_home(tmp_path / "home")


def store_of(home):
    return Store.open(home.root, software="test", stamp=STAMP)


def test_a_new_data_directory_knows_nobody_and_no_gun(home):
    store_of(home).close(STAMP)
    begun = 3  # its key, its first opening, its end
    assert before(home) == {"logins": [], "guns": [], "outside": {"at_us": 0, "since": begun}}


def test_the_newest_sign_ins_are_named_and_signatures_are_none(home):
    store = store_of(home)
    with Office.open(home.root, cost=CHEAP) as office:
        office.register.enrol_first(login="ada", name="Ada", roles={Role.ADMINISTRATOR}, pin="482615", now=NOW)
        for purpose in (Purpose.SIGN_IN, Purpose.SIGNATURE) * 8:
            office.register.check("ada", "482615", NOW, purpose=purpose)
        for _ in range(4):
            commit_due(store, office, STAMP)
    store.close(STAMP)
    found = before(home)
    assert {row["login"] for row in found["logins"]} == {"ada"}
    assert len(found["logins"]) == SHOWN_MAX
    assert found["logins"][0]["at_us"] == STAMP.ts_us
