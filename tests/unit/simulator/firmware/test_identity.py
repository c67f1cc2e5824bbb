"""What a gun says of itself."""

import json
from hashlib import sha256
from importlib.resources import files
from zlib import decompress

import pytest

from protocols.errors import UsageError
from protocols.wire.codes import DESCRIPTOR_HASH8
from protocols.wire.messages import Describe, StatusGet
from simulator.firmware import GunIdentity
from simulator.firmware.draw import NumberSource

UID = bytes(12)


@pytest.mark.parametrize(
    ("wrong", "text"),
    [
        ({"uid": bytes(11)}, "12 bytes"),
        ({"serial": ""}, "serial"),
        ({"serial": "S" * 17}, "16"),
        ({"serial": "S\n"}, "printable"),
        ({"model": "GÜN"}, "ASCII"),
        ({"drift_ppm": 1_001}, "1000 ppm"),
    ],
)
def test_an_identity_that_cannot_be_sent_is_refused(wrong, text):
    with pytest.raises(UsageError, match=text):
        GunIdentity(**{"uid": UID, "serial": "S-1", **wrong})


def test_the_descriptor_is_given_in_pieces_and_is_the_one_that_hello_names(rig):
    assert rig.hello().descriptor_hash8 == DESCRIPTOR_HASH8
    whole = b""
    while data := rig.do(Describe(len(whole), 220)).data:
        whole += data
    assert rig.do(Describe(10**9, 1)).data == b""
    assert rig.do(Describe(0, 1)).total_length == len(whole)
    text = decompress(whole)
    assert sha256(text).digest()[:8] == DESCRIPTOR_HASH8
    assert json.loads(text) == json.loads(files("protocols.wire").joinpath("descriptor.json").read_text())


def test_drawn_numbers_are_never_zero_nor_a_given_one_and_depend_on_what_was_stirred_in():
    first, second = NumberSource(b"1"), NumberSource(b"1")
    drawn = [first.draw_u32() for _ in range(200)]
    assert len(set(drawn)) == 200
    assert 0 not in drawn
    assert second.draw_u32(other_than=(drawn[0],)) == drawn[1]
    second.stir(b"boot 2")
    assert second.draw_u32() not in drawn


def test_the_status_shows_what_is_sensed_and_what_is_left(rig):
    rig.arm(max_shots=4)
    rig.pull()
    status = rig.do(StatusGet())
    assert (status.state, status.grant_kind, status.active_grant_no) == (2, 1, 1)
    assert (status.remaining_shots, status.remaining_nl, status.head_seq, status.trigger_count) == (3, 990_000, 1, 1)
    assert 300 < status.lease_left_ms <= 500
    assert (status.needle_um, status.log_free, status.battery_mv) == (0, 63, 3_900)
    assert status.plunger_um == rig.body.sensors(rig.at).plunger_um
    assert status.flags == 0b1010001
    rig.send(b"\0noise that is no frame\0")
    assert rig.do(StatusGet()).rx_bad_frames == 1
