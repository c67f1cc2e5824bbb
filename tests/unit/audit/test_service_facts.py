"""What the log says of service: how worn a part is, and who a gun was last registered as."""

import random

import pytest
from msgspec.structs import replace

from meso_device.accounting.findings import FindingCode, another_identity
from meso_device.accounting.identity import Identity
from meso_device.accounting.materials import Actor
from meso_device.accounting.service import (
    STROKES_MAX,
    WearingPart,
    finding_closed,
    found_in_service,
    identity_registered,
    part_renewed,
)
from meso_device.audit.queries import load_gun
from meso_device.audit.service_facts import gun_of_serial, guns_in_service, open_identity_findings, wear_of
from protocols.errors import UsageError
from tests.unit.audit.clinic import GUN, Clinic, commit, stamp

OTHER = replace(GUN, gun_uid="ff" * 12)
SEAL = WearingPart.SEAL
WHO = Identity(serial="SIM-1", model="SIM-GUN", hw_rev=1, firmware="1.0.0", fw_hash8="11" * 8)


def by(utc_us):
    return Actor(op="0a" * 16, role="technician", utc_us=utc_us)


@pytest.mark.hazard("HZ-21")
@pytest.mark.parametrize("seed", range(4))
def test_a_part_counts_every_stroke_of_its_gun_since_it_was_fitted_and_no_other(store, seed):
    """Any order of fittings and shots of two guns, beside a count kept by hand; a new part begins anew."""
    chance = random.Random(seed)
    clinics = {GUN.gun_uid: Clinic(), OTHER.gun_uid: Clinic(gun=OTHER, session="5f" * 16, alias="a2" * 16)}
    for clinic in clinics.values():
        commit(store, clinic.link_up(), clinic.opened())
        store.commit([clinic.grant(max_shots=50, max_nl=50 * 20_000)], stamp())
    counted: dict[tuple[str, str], list[int]] = {}
    for step in range(40):
        uid = chance.choice(list(clinics))
        if chance.random() < 0.2:
            part, before = chance.choice(list(WearingPart)), chance.randrange(100)
            commit(store, part_renewed(uid, part, f"P-{step}", by(step + 1), strokes_before=before))
            counted[uid, part.value] = [before, STROKES_MAX[part]]
        else:
            commit(store, clinics[uid].shot())
            for (gun_uid, _), count in counted.items():
                count[0] += gun_uid == uid
    for uid in clinics:
        assert {one.part: [one.strokes, one.strokes_max] for one in wear_of(store._db, uid)} == {
            part: count for (gun_uid, part), count in counted.items() if gun_uid == uid
        }


@pytest.mark.hazard("HZ-21")
@pytest.mark.parametrize(("limit", "before"), [(-1, 0), (100_000_001, 0), (10, 10), (0, STROKES_MAX[SEAL]), (0, -1)])
def test_a_part_that_is_worn_when_fitted_or_never_wears_is_refused(limit, before):
    with pytest.raises(UsageError):
        part_renewed(GUN.gun_uid, SEAL, "S-1", by(1), strokes_max=limit, strokes_before=before)


@pytest.mark.hazard("HZ-19")
def test_the_ledger_has_the_newest_identity_and_its_finding_until_that_is_closed(store):
    commit(store, Clinic().link_up())
    assert load_gun(store._db, GUN.gun_uid, simulated=True).identity is None
    commit(store, identity_registered(WHO, GUN, by(1), reason="first_seen"))
    commit(store, found_in_service(another_identity("firmware 1.0.0 -> 1.0.1"), GUN, by(2)))
    ledger = load_gun(store._db, GUN.gun_uid, simulated=True)
    assert (ledger.identity, ledger.findings) == (WHO, (FindingCode.IDENTITY.value,))
    newer = replace(WHO, firmware="1.0.1")
    [key] = open_identity_findings(store._db, GUN.gun_uid)
    commit(
        store,
        finding_closed(key, GUN, by(3), reason="firmware_update"),
        identity_registered(newer, GUN, by(3), reason="firmware_update"),
    )
    ledger = load_gun(store._db, GUN.gun_uid, simulated=True)
    assert (ledger.identity, ledger.findings) == (newer, ())


@pytest.mark.hazard("HZ-19")
def test_a_serial_number_that_is_registered_for_another_board_is_known(store):
    for gun in (GUN, OTHER):
        assert gun_of_serial(store._db, WHO.serial, OTHER.gun_uid) in {"", GUN.gun_uid}
        commit(store, Clinic(gun=gun).link_up())
        serial = WHO.serial if gun is GUN else "SIM-2"
        commit(store, identity_registered(replace(WHO, serial=serial), gun, by(1), reason="first_seen"))
    assert guns_in_service(store._db) == (GUN.gun_uid, OTHER.gun_uid)
    assert gun_of_serial(store._db, WHO.serial, OTHER.gun_uid) == GUN.gun_uid
    assert gun_of_serial(store._db, WHO.serial, GUN.gun_uid) == ""
    assert gun_of_serial(store._db, "SIM-3", GUN.gun_uid) == ""
