"""The decoder of both ends: whatever the line does to bytes, only what was sent comes out, and nothing grows."""

import random
import tracemalloc

import pytest

from drivers.link import LinkEngine
from protocols.wire import frame as wire
from protocols.wire.frame import ENCODED_SIZE_MAX, STOP_FRAME, Deframer, encode_frame
from simulator.firmware.nvm import NVM_SIZE, MemoryStore
from simulator.gun import SimulatedGun
from tests.fuzz import stream

SEED = 20_261
INPUTS = 400_000
BLOCK_BYTES_MAX = 251  # the wire protocol's longest block, said once more: the code's own bound is what is tested
GOOD = encode_frame(0x01, 1, 2, 3, b"good")


@pytest.mark.invariant("I-43")
@pytest.mark.hazard("HZ-05")
@pytest.mark.hazard("HZ-03")
def test_damaged_streams_give_only_what_was_sent():
    tally = stream.run(SEED, INPUTS)
    assert tally.inputs >= INPUTS
    assert tally.damaged >= INPUTS // 3


@pytest.mark.invariant("I-43")
def test_every_bit_flip_of_every_message_gives_nothing_and_every_cut_nothing_and_the_next_is_whole():
    for raw in {*stream.VECTORS, STOP_FRAME}:
        (sent,) = Deframer().feed(raw)
        (good,) = Deframer().feed(GOOD)
        for bit in range(8 * len(raw)):
            damaged = bytearray(raw)
            damaged[bit // 8] ^= 1 << bit % 8
            assert Deframer().feed(bytes(damaged) + b"\0" + GOOD) == [good]
        for cut in range(len(raw)):
            assert Deframer().feed(raw[:cut] + b"\0" + GOOD) == ([sent, good] if cut == len(raw) - 1 else [good])
            assert Deframer().feed(raw[cut:] + GOOD) == ([sent, good] if cut <= 1 else [good])


def test_no_two_bytes_before_a_frame_keep_it_from_being_read():
    (good,) = Deframer().feed(GOOD)
    for value in range(1 << 16):
        assert Deframer().feed(value.to_bytes(2) + GOOD) == [good]


@pytest.mark.parametrize("size", [BLOCK_BYTES_MAX + 1, 4_096, 65_536])
@pytest.mark.parametrize("step", [1, 7, 65_536])
def test_bytes_without_a_delimiter_are_not_kept_and_the_next_frame_is_read(size, step):
    noise = bytes(1 + n % 255 for n in range(size))
    deframer = Deframer()
    for at in range(0, size, step):
        assert deframer.feed(noise[at : at + step]) == []
        assert len(deframer._block) <= BLOCK_BYTES_MAX
    assert deframer.bad_blocks == 1
    assert len(deframer.feed(GOOD)) == 1


def test_memory_of_both_ends_is_bounded_for_a_megabyte_of_anything():
    chance = random.Random(5)
    noise = [chance.randbytes(4_096) for _ in range(64)] + [b"\x55" * 4_096] * 64 + [bytes(4_096)] * 64
    link, gun = LinkEngine(bytes(16)), new_gun()
    link.opened(0)
    for end in (lambda data: link.received(0, data), lambda data: gun.firmware.receive(0, data)):
        end(noise[0])
        tracemalloc.start()
        for data in noise:
            end(data)
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert kept < 20_000


@pytest.mark.invariant("I-43")
@pytest.mark.invariant("I-50")
def test_noise_and_damaged_requests_change_nothing_in_a_gun():
    """The firmware's own way in: the recogniser of STOP runs over the same bytes."""
    chance = random.Random(SEED)
    gun = new_gun()
    memory = bytes(gun._store.data)
    for raw in [vector for vector in stream.VECTORS for _ in range(40)]:
        damaged = bytearray(raw)
        damaged[chance.randrange(1, len(raw) - 1)] ^= 1 << chance.randrange(8)
        gun.firmware.receive(0, bytes(damaged) + chance.randbytes(chance.randrange(9)))
    assert gun.firmware.transmit(0) == b""
    assert bytes(gun._store.data) == memory
    assert gun.truth == []


def new_gun():
    truth, store = [], MemoryStore(NVM_SIZE)
    gun = SimulatedGun(name="fuzz", seed="fuzz", store=store, on_injection=truth.append)
    while gun.firmware.transmit(0):
        pass
    gun._store, gun.truth = store, truth
    return gun


# The check itself can fail.


def crc_ignored(block):
    decoded = wire.cobs.decode(block) if 16 < len(block) <= ENCODED_SIZE_MAX else b""
    size = len(decoded) - 4
    return wire.Frame(*wire.HEADER.unpack_from(decoded), decoded[12:size]) if size >= 12 else None


def only_half_the_crc(block):
    decoded = wire.cobs.decode(block) if 16 < len(block) <= ENCODED_SIZE_MAX else b""
    size = len(decoded) - 4
    if size < 12 or wire.crc32(decoded[:size]) & 0xFF != decoded[size]:
        return None
    return wire.Frame(*wire.HEADER.unpack_from(decoded), decoded[12:size])


class TakesThreeForDelimiter(Deframer):
    def feed(self, data):
        return super().feed(data.replace(b"\x03", b"\0"))


class ForgetsWhatCameInPieces(Deframer):
    def feed(self, data):
        self._block = b""
        return super().feed(data)


class RepeatsTheLast(Deframer):
    def feed(self, data):
        out = super().feed(data)
        return out + out[-1:]


@pytest.mark.parametrize("planted", [crc_ignored, only_half_the_crc])
def test_a_decoder_that_does_not_look_at_the_whole_crc_is_found(monkeypatch, planted):
    def lenient(block):
        try:
            return planted(block)
        except wire.cobs.DecodeError:
            return None

    monkeypatch.setattr(wire, "decode_block", lenient)
    with pytest.raises(stream.Broken, match="never sent"):
        stream.run(1, 50_000)


@pytest.mark.parametrize("planted", [TakesThreeForDelimiter, ForgetsWhatCameInPieces, RepeatsTheLast])
def test_a_decoder_that_loses_or_doubles_frames_is_found(monkeypatch, planted):
    monkeypatch.setattr(stream, "Deframer", planted)
    with pytest.raises(stream.Broken):
        stream.run(1, 50_000)
