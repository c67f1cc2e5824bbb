"""Whatever bytes come, reading them ends in a message or in one typed refusal."""

import random

import msgspec
import pytest

from meso_device.audit.canonical import BODY_BYTES_MAX
from meso_device.collector import channel
from meso_device.collector.wire import (
    ANSWER,
    ASKED,
    FIRST,
    LENGTH_BYTES,
    RECORDS_MAX,
    VERSION,
    Batch,
    BatchRefused,
    Code,
    Enrol,
    Hello,
    Refused,
    Taken,
    Welcome,
    frame,
    read,
)
from protocols.errors import UsageError

FIRSTS = (Hello(version=VERSION, token=bytes(32)), Enrol(version=VERSION, secret=bytes(10), vkey="k"))
SENT = Batch(first=3, bodies=[b"{}", b"[]"], note="n", proof=[bytes(32)])
ANSWERS = (
    Welcome(size=0, note=""), Taken(size=5, inserted=2, cosignature="c"), Refused(code=Code.FORK, message="m"),
)  # fmt: skip


def test_what_is_written_is_read():
    for decoder, messages in ((FIRST, FIRSTS), (ASKED, (SENT,)), (ANSWER, ANSWERS)):
        for message in messages:
            assert read(decoder, frame(message)[LENGTH_BYTES:]) == message


def test_damaged_frames_are_refused_and_nothing_else_happens():
    rng, refused = random.Random(2), 0
    for decoder, message in ((FIRST, FIRSTS[0]), (ASKED, SENT), (ANSWER, ANSWERS[1])):
        whole = frame(message)[LENGTH_BYTES:]
        for _ in range(500):
            damaged = bytearray(whole[: rng.randrange(len(whole) + 1)] if rng.random() < 0.3 else whole)
            for _ in range(rng.randrange(1, 4)):
                if damaged:
                    damaged[rng.randrange(len(damaged))] = rng.randrange(256)
            try:
                read(decoder, bytes(damaged))
            except BatchRefused:
                refused += 1
    assert refused > 500
    with pytest.raises(BatchRefused):
        read(ASKED, b"\x91" * 100_000)


@pytest.mark.parametrize(
    "changes",
    [
        {"bodies": []},
        {"bodies": [b""]},
        {"bodies": [bytes(BODY_BYTES_MAX + 1)]},
        {"bodies": [b"{}"] * (RECORDS_MAX + 1)},
        {"proof": [bytes(31)]},
        {"proof": [bytes(32)] * 65},
        {"note": "n" * 1_001},
        {"first": -1},
        {"first": 2**53},
    ],
)
def test_what_is_over_a_limit_is_refused(changes):
    with pytest.raises(BatchRefused):
        read(ASKED, msgspec.msgpack.encode(msgspec.structs.replace(SENT, **changes)))


def test_a_refusal_is_never_longer_than_an_answer_may_be():
    answer = Refused.because(BatchRefused(Code.FORK, "ä" * 9_000))
    assert read(ANSWER, frame(answer)[LENGTH_BYTES:]) == answer


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("host:1", ("host", 1)), ("10.0.0.1", ("10.0.0.1", 8743)), ("[::1]:9", ("::1", 9)), ("[::1]", ("::1", 8743)),
        ("", None), (":1", None), ("host:", None), ("host:x", None), ("host:70000", None), ("::1", None),
        ("a/b:1", None), ("a b:1", None), ("host:²", None),
    ],
)  # fmt: skip
def test_an_address_is_host_and_port_or_refused(text, address):
    if address is not None:
        assert channel.parse_address(text) == address
        return
    with pytest.raises(UsageError):
        channel.parse_address(text)
