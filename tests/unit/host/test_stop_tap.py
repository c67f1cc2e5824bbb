"""STOP is found in every form, at every split and inside everything else; what is no STOP key never is."""

import random
from itertools import pairwise

import pytest

from meso_device.host.stop_tap import PARAMETER_BYTES_MAX, StopTap

pytestmark = pytest.mark.hazard("HZ-12")

MODIFIERS = [1 + bits for bits in range(256)]
F8 = [b"\x1b[19~", b"\x9b19~", b"\x1b[19^", b"\x1b[19$", b"\x1b[19@", b"\x9b19^"]
F8 += [b"\x1b[19;%d~" % m for m in MODIFIERS] + [b"\x1b[19;%d:%d~" % (m, e) for m in (1, 2, 5, 65) for e in (1, 2, 3)]
CTRL_C = [b"\x03"]
CTRL_C += [b"\x1b[%d;%du" % (c, m) for c in (99, 67, 1089, 1057) for m in MODIFIERS if (m - 1) & 4]
CTRL_C += [b"\x1b[27;%d;%d~" % (m, c) for c in (99, 67) for m in (5, 6, 69, 133)]
CTRL_C += [b"\x1b[99:67;5:1;99u", b"\x9b99;5u", b"\x1b[1089::99;5u"]
OTHERS = [
    b"\x1b[18~",
    b"\x1b[20~",
    b"\x1b[119~",
    b"\x1b[19A",
    b"\x1b[19;2;3~",
    b"\x1bO19~",
    b"[19~",
    b"19~",
    b"\x1b19~",
]
OTHERS += [
    b"\x1b[99;1u",
    b"\x1b[100;5u",
    b"\x1b[27;5;100~",
    b"\x1b[27;1;99~",
    b"\x1b[;u",
    b"\x1b[99;u",
    b"\x1b[u",
    b"c",
]


def stops(data, *, armed, at=()):
    tap, edges = StopTap(), [0, *at, len(data)]
    return sum(tap.feed(data[a:b], armed=armed) for a, b in pairwise(edges))


@pytest.mark.parametrize("armed", [False, True])
def test_f8_counts_at_any_time_however_its_bytes_are_cut(armed):
    for key in F8:
        assert all(stops(key, armed=armed, at=(cut,)) == 1 for cut in range(len(key) + 1)), key
        assert stops(key, armed=armed, at=range(1, len(key))) == 1, key


def test_control_c_counts_while_armed_and_only_then():
    for key in CTRL_C:
        assert all(stops(key, armed=True, at=(cut,)) == 1 for cut in range(len(key) + 1)), key
        assert stops(key, armed=False) == 0, key


@pytest.mark.parametrize("key", OTHERS, ids=repr)
def test_other_keys_do_not_count(key):
    assert stops(key, armed=True) == 0


@pytest.mark.parametrize(
    "before",
    [b"\x1b", b"\x1b[", b"\x1b[1", b"\x9b19", b"\x1b[200~pasted ", b"\x1b]0;title", b"\x1bP" + b"q" * 99, b"\xc3",
     b"\x1b[" + b"9" * (PARAMETER_BYTES_MAX + 1), b"\x1b[<0;12;7M", b"\x00\xff", b"\x1b[19"],
    ids=repr,
)  # fmt: skip
@pytest.mark.parametrize("key", [b"\x1b[19~", b"\x1b[19;5:1~", b"\x03"], ids=repr)
def test_nothing_that_came_before_hides_a_stop(before, key):
    data = before + key
    assert all(stops(data, armed=True, at=(cut,)) == 1 for cut in range(len(data) + 1))


def test_no_stop_is_lost_in_random_bytes_and_none_is_there_without_its_key():
    rng = random.Random(12)
    for _ in range(3_000):
        noise = bytes(rng.choice(b"\x1b[0123456789;:~u^cM\x9b\xc3qwe\x00") for _ in range(rng.randrange(40)))
        key = rng.choice(F8)
        tail = bytes(rng.choice(b"abc \n") for _ in range(rng.randrange(9)))
        cuts = sorted(rng.randrange(len(noise) + len(key) + 1) for _ in range(4))
        assert stops(noise + key + tail, armed=False, at=cuts) >= 1
    text = bytes(rng.choice(b"abcdefghij 0123456789~\n") for _ in range(200_000))
    assert stops(text, armed=True) == 0


@pytest.mark.parametrize("key", [b"\x1b[24~", b"\x1b[24;5~", b"\x1b[24^", b"\x9b3~", b"\x1b[19~"], ids=repr)
def test_keys_that_were_added_stop_beside_the_one_that_stays(key):
    for cut in range(len(key)):
        tap = StopTap(more=(24, 3))
        assert tap.feed(key[:cut], armed=False) | tap.feed(key[cut:], armed=False)
    assert not StopTap(more=(24, 3)).feed(b"\x1b[23~\x1b[2~\x03", armed=False)


def test_the_state_that_is_kept_is_bounded():
    tap = StopTap()
    tap.feed(b"\x1b[" + b"1" * 1_000_000, armed=True)
    assert len(tap._parameters) <= PARAMETER_BYTES_MAX
