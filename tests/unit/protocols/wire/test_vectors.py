"""The golden vectors, made by a second encoder, against the codec."""

import json
from importlib.resources import files
from zlib import crc32

import pytest

from protocols.wire import frame, hashes, messages, seal
from protocols.wire.replies import unpack_reply

VECTORS = json.loads(files("protocols.wire").joinpath("vectors.json").read_text())
CASES = VECTORS["vectors"]


def ids(case):
    return f"{case['name']}-{case['case']}"


def read(case):
    (got,) = frame.Deframer().feed(bytes.fromhex(case["frame"]))
    if got.type & frame.REPLY:
        return got, unpack_reply(got.type & 0x7F, got.payload)
    kinds = messages.EVENTS if got.type in messages.EVENTS else messages.REQUESTS
    return got, kinds[got.type].unpack(got.payload)


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_every_vector_is_read_field_by_field_and_written_back_byte_by_byte(case):
    got, message = read(case)
    body = getattr(message, "body", message) if got.type & frame.REPLY else message
    for name, value in case["fields"].items():
        field = getattr(body, name)
        assert (field.hex() if isinstance(field, bytes) else field) == value
    written = frame.encode_frame(got.type, got.req_id, got.session, got.aux, message.pack())
    assert written.hex() == case["frame"]


def test_a_refusal_carries_code_and_field_offset():
    (case,) = [c for c in CASES if c["case"] == "refused"]
    _, reply = read(case)
    assert (reply.code, reply.field_offset, reply.body) == (case["code"], case["field_offset"], None)


@pytest.mark.invariant("I-43")
@pytest.mark.hazard("HZ-05")
@pytest.mark.parametrize("case", CASES, ids=ids)
def test_every_single_bit_flip_is_refused(case):
    whole = bytes.fromhex(case["frame"])
    original = frame.Deframer().feed(whole)
    for bit in range(8, 8 * (len(whole) - 1)):
        damaged = bytearray(whole)
        damaged[bit // 8] ^= 1 << bit % 8
        assert frame.Deframer().feed(bytes(damaged)) == []
    assert original


@pytest.mark.parametrize("case", CASES, ids=ids)
def test_every_truncation_is_refused_and_the_next_frame_is_read(case):
    whole = bytes.fromhex(case["frame"])
    for cut in range(1, len(whole) - 1):
        assert len(frame.Deframer().feed(whole[:cut] + b"\0" + whole)) == 1


def test_stop_is_the_frozen_frame_and_is_itself_a_valid_frame():
    assert frame.STOP_FRAME.hex() == VECTORS["stop"]
    (got,) = frame.Deframer().feed(frame.STOP_FRAME)
    assert (got.type, got.req_id, got.session, got.aux, got.payload) == (0x3F, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, b"")


def test_crc_is_the_one_of_the_spec():
    assert f"{crc32(b'123456789'):08x}" == VECTORS["crc32_123456789"]


def test_slot_hashes_are_those_of_the_second_encoder():
    slot = VECTORS["slot"]
    uid, raw, epoch = bytes.fromhex(slot["gun_uid"]), bytes.fromhex(slot["slot"]), slot["log_epoch"]
    assert hashes.chain_seed8(uid, epoch).hex() == slot["chain_seed8"]
    assert hashes.record_hash8(uid, epoch, raw).hex() == slot["record_hash8"]
    assert hashes.slot_is_final(epoch, raw)
    assert not hashes.slot_is_final(epoch + 1, raw)


AUTH = VECTORS["auth"]
SENDERS = {"H": seal.FROM_HOST, "G": seal.FROM_GUN}


def test_the_session_key_is_that_of_the_second_encoder():
    told = {name: bytes.fromhex(AUTH[name]) for name in ("gun_uid", "host_nonce", "gun_nonce")}
    key = seal.session_key(bytes.fromhex(AUTH["link_key"]), session=AUTH["session"], **told)
    assert key.hex() == AUTH["session_key"]


@pytest.mark.invariant("I-60")
@pytest.mark.hazard("HZ-40")
@pytest.mark.parametrize("case", AUTH["frames"], ids=lambda case: case["name"])
def test_tagged_frames_are_opened_sealed_again_byte_by_byte_and_refused_with_any_bit_changed(case):
    key, sender = bytes.fromhex(AUTH["session_key"]), SENDERS[case["sender"]]
    (got,) = frame.Deframer().feed(bytes.fromhex(case["frame"]))
    opened = seal.open_frame(key, sender, got)
    again = seal.seal_frame(key, sender, opened.type, opened.req_id, opened.session, opened.aux, opened.payload)
    assert again.hex() == case["frame"]
    (other,) = {*SENDERS.values()} - {sender}
    assert seal.open_frame(key, other, got) is None
    assert seal.open_frame(key[::-1], sender, got) is None
    for bit in range(8 * len(got.payload)):
        payload = bytearray(got.payload)
        payload[bit // 8] ^= 1 << bit % 8
        changed = frame.Frame(got.ver_flags, got.type, got.req_id, got.session, got.aux, bytes(payload))
        assert seal.open_frame(key, sender, changed) is None
