import json
import random
import struct

import pytest

from meso_device.screen_messages import (
    DEPTH_MAX,
    INTEGER_MAX,
    TO_HOST_BYTES_MAX,
    TO_SCREEN_BYTES_MAX,
    BrokenPeer,
    Deframer,
    Message,
    ToHost,
    ToScreen,
    encode,
)


def raw(body: bytes, kind: int = ToHost.ALIVE, number: int = 0) -> bytes:
    return struct.pack("<IBI", 5 + len(body), kind, number) + body


def broken(data: bytes, kinds=ToHost) -> str:
    with pytest.raises(BrokenPeer) as caught:
        list(Deframer(kinds).feed(data))
    return str(caught.value)


@pytest.mark.parametrize("seed", range(20))
def test_messages_pass_whole_at_any_split(seed):
    chance = random.Random(seed)
    sent = [
        Message(chance.choice(list(ToHost)), n, {"a": chance.randrange(10**9), "ü": ["x", None, True, {"b": -1}]})
        for n in range(30)
    ]
    data = b"".join(encode(message) for message in sent)
    deframer, heard = Deframer(ToHost), []
    while data:
        cut = chance.randrange(1, 40)
        heard += deframer.feed(data[:cut])
        data = data[cut:]
    assert heard == sent


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'{"a":1.0}', "integer"),
        (b'{"a":1e3}', "integer"),
        (b'{"a":NaN}', "integer"),
        (b'{"a":Infinity}', "integer"),
        (b'{"a":1,"a":2}', "twice"),
        (b'{"a":{"b":1,"b":1}}', "twice"),
        (b"[1]", "object"),
        (b"1", "object"),
        (b"", "strict JSON"),
        (b'{"a":1', "strict JSON"),
        (b'{"a":1}x', "strict JSON"),
        (b"\xff", "strict JSON"),
        (json.dumps({"a": 2**53}).encode(), "2\\^53|outside"),
        (b'{"a":' * (DEPTH_MAX + 1) + b"1" + b"}" * (DEPTH_MAX + 1), "nested"),
        (b'{"a":' * 600 + b"1" + b"}" * 600, "strict JSON|nested"),
    ],
)
def test_whatever_is_not_strict_json_breaks_the_peer(body, why):
    assert any(word in broken(raw(body)) for word in why.replace("\\", "").split("|"))


def test_unknown_kinds_and_lengths_break_the_peer_before_more_is_kept():
    assert "kind" in broken(raw(b"{}", kind=250))
    assert "kind" in broken(raw(b"{}", kind=ToScreen.SNAPSHOT))
    assert "bytes" in broken(struct.pack("<IBI", 5 + TO_HOST_BYTES_MAX + 1, 2, 0))
    assert "bytes" in broken(struct.pack("<IBI", 4, 2, 0))
    assert "bytes" in broken(struct.pack("<IBI", 2**32 - 1, 2, 0))


def test_what_the_host_may_not_send_is_refused_before_it_is_sent():
    for body in ({"a": 1.5}, {1: 2}, {"a": b"x"}, {"a": 2**60}, {"a": "x" * (TO_SCREEN_BYTES_MAX + 1)}):
        with pytest.raises(ValueError, match=r"."):
            encode(Message(ToScreen.SNAPSHOT, 0, body))
    with pytest.raises(ValueError, match="bytes"):
        encode(Message(ToHost.PAGE, 0, {"a": "x" * TO_HOST_BYTES_MAX}))
    assert encode(Message(ToScreen.SNAPSHOT, 0, {"a": INTEGER_MAX}))


@pytest.mark.parametrize("seed", range(5))
def test_damage_is_a_broken_peer_or_another_message_never_anything_else(seed):
    chance = random.Random(seed)
    good = encode(Message(ToHost.ARM_CONFIRM, 7, {"token": "ab", "typed": "FH"}))
    for _ in range(2_000):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 4)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            heard = list(Deframer(ToHost).feed(bytes(data)))
        except BrokenPeer:
            continue
        assert all(isinstance(message.kind, ToHost) and isinstance(message.body, dict) for message in heard)
