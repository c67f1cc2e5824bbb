"""SPEC.md: its rules can be cited, its tables are complete, and its worked session is what the codec says."""

import re
from hashlib import sha256
from importlib.resources import files

import pytest

from protocols.wire import codes, frame, generate, hashes, messages
from protocols.wire.replies import unpack_reply

SPEC = files("protocols.wire").joinpath("SPEC.md").read_text()
RULES = re.findall(r"^- \*\*W-(\d{3})\*\* (.*(?:\n  .*)*)", SPEC, re.MULTILINE)
EXAMPLE = SPEC.split("<!-- example session -->")[1].split("<!-- end -->")[0]
BLOCKS = [bytes.fromhex(text) for text in re.findall(r"```\n([0-9A-F \n]+)```", EXAMPLE)]


def the_frames():
    return [got for block in BLOCKS for got in frame.Deframer().feed(block)]


def the_requests():
    return {
        messages.REQUESTS[f.type]: messages.REQUESTS[f.type].unpack(f.payload) for f in the_frames() if f.type < 0x40
    }


def the_slot():
    (slot,) = [block for block in BLOCKS if len(block) == hashes.SLOT_SIZE and block[0]]
    return slot


def test_rules_are_numbered_once_and_each_says_must():
    numbers = [int(number) for number, _ in RULES]
    assert len(numbers) > 150
    assert sorted(numbers) == list(range(1, len(numbers) + 1))
    assert re.findall(r"W-\d+", SPEC) == [f"W-{number}" for number, _ in RULES]
    assert [number for number, text in RULES if not re.search(r"\bMUST\b|\bMAY\b", text)] == []


def test_every_layout_enumeration_and_flag_set_of_the_schema_has_its_table():
    schema = generate.load()
    wanted = {layout.name for layout in schema.layouts() if layout.fields}
    wanted |= {e["name"] for e in (*schema.enums, *schema.flags)}
    assert wanted - set(re.findall(r"<!-- table (\w+) -->", SPEC)) == set()


def test_an_unknown_block_name_stops_the_generator():
    with pytest.raises(KeyError):
        generate.generate_spec.with_tables("<!-- table Nonsense -->\n<!-- end -->", generate.load())


def test_every_frame_of_the_worked_session_is_read_by_the_codec():
    frames = the_frames()
    assert len(frames) == len(BLOCKS) - 1
    asked = {}
    for got in frames:
        if got.type & frame.REPLY:
            assert asked.pop((got.session, got.req_id)) == got.type & 0x7F
            assert unpack_reply(got.type & 0x7F, got.payload).code == codes.Code.OK
        elif got.type >= 0x40:
            messages.EVENTS[got.type].unpack(got.payload)
        else:
            messages.REQUESTS[got.type].unpack(got.payload)
            if got.req_id:
                asked[got.session, got.req_id] = got.type
    assert asked == {}


def test_the_worked_session_grants_what_was_read_back_and_releases_what_was_read():
    requests = the_requests()
    settings = requests[messages.Settings].pack()
    grant = requests[messages.GrantSet]
    slot = messages.Slot.unpack(the_slot())
    assert grant.settings_hash8 == slot.settings_hash8 == sha256(settings).digest()[:8]
    assert (grant.grant_no, grant.area_code) == (slot.grant_no, slot.area_code)
    release = requests[messages.LogRelease]
    uid = bytes(range(12))
    assert hashes.slot_is_final(release.log_epoch, the_slot())
    assert slot.prev_hash8 == hashes.chain_seed8(uid, release.log_epoch)
    assert release.record_hash8 == hashes.record_hash8(uid, release.log_epoch, the_slot())


def test_the_stop_bytes_in_the_text_are_the_frozen_frame():
    assert " ".join(f"{byte:02X}" for byte in frame.STOP_FRAME) in SPEC
