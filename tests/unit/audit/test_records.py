import json
from base64 import b64decode
from hashlib import sha256

import pytest
from msgspec.structs import replace

from meso_device.accounting.entries import Entry
from meso_device.audit import records
from tests.unit.audit.clinic import ALIAS, GUN, SESSION, stamp

ENTRY = Entry(
    kind="stop",
    key="stop/1",
    payload={"source": "key", "stop_no": 1, "heard": False},
    gun=GUN,
    session=SESSION,
    alias=ALIAS,
)


def build(entry=ENTRY, seq=3):
    return records.build(
        entry, seq=seq, prev=b"\x01" * 32, stamp=stamp(), nonce=b"\x02" * 16, origin="meso/test", software="0.1.0"
    )


def test_a_record_holds_the_envelope_and_the_payload():
    body = json.loads(build().body)
    assert body["v"] == 1
    assert (body["kind"], body["key"], body["seq"], body["log"], body["sw"]) == (
        "stop",
        "stop/1",
        3,
        "meso/test",
        "0.1.0",
    )
    assert (body["sess"], body["alias"], body["op"], body["role"]) == (SESSION, ALIAS, "system", "system")
    assert body["gun"] == {"gun_uid": GUN.gun_uid, "log_epoch": 7, "boot_id": 3, "fw": "1.2.3", "cal_id": 5}
    assert body["simulated"] is True
    assert b64decode(body["prev"]) == b"\x01" * 32
    assert len(b64decode(body["nonce"])) == 16
    assert body["source"] == "key"


def test_the_leaf_is_the_rfc_6962_leaf_hash_of_the_stored_bytes():
    record = build()
    assert record.leaf == sha256(b"\x00" + record.body).digest()


def test_outside_a_session_there_are_no_session_fields():
    body = json.loads(build(replace(ENTRY, session="", alias="", gun=None)).body)
    assert not {"sess", "alias", "gun", "simulated", "protocol"} & body.keys()


def test_the_same_input_gives_the_same_bytes():
    assert build().body == build().body


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "Stop"},
        {"kind": "stop..x"},
        {"key": "a b"},
        {"key": ""},
        {"key": "x" * 201},
        {"session": "short"},
        {"alias": SESSION.upper()},
        {"payload": {"seq": 1}},
        {"payload": {"prev": "x"}},
        {"payload": {"simulated": False}},
        {"payload": {"dose_ml": 0.5}},
        {"payload": {"text": "x" * 17_000}},
        {"op": None},
    ],
)
def test_what_cannot_be_a_record_is_refused(change):
    with pytest.raises(ValueError):
        build(replace(ENTRY, **change))


def test_a_payload_may_repeat_that_the_gun_is_simulated():
    assert json.loads(build(replace(ENTRY, payload={"simulated": True})).body)["simulated"] is True
