"""The picture of the round trips."""

from hypothesis import given
from hypothesis import strategies as st

from meso_device.cli.link_text import EDGES_US, histogram

SAMPLES = [90] * 40 + [150] * 5 + [1_500] + [2_000_000]


def test_bars_are_drawn_in_eighths_from_the_first_to_the_last_class():
    drawn = histogram(SAMPLES, only_ascii=False)
    assert drawn[1] == "  under 100 us      40  " + "█" * 50
    assert drawn[2] == "  under 200 us       5  " + "█" * 6 + "▎"
    assert drawn[3] == "  under 500 us       0"
    assert drawn[-1] == "      over 1 s       1  █▎"


def test_the_ascii_set_is_ascii():
    drawn = histogram(SAMPLES, only_ascii=True)
    assert all(line.isascii() for line in drawn)
    assert drawn[1] == "  under 100 us      40  " + "#" * 50


@given(st.lists(st.integers(0, 3_000_000), min_size=1, max_size=300), st.booleans())
def test_each_sample_is_in_one_bar_and_no_bar_is_wider_than_the_widest(samples, only_ascii):
    drawn = histogram(samples, only_ascii=only_ascii)[1:]
    assert sum(int(line[14:24]) for line in drawn) == len(samples)
    assert len(drawn) <= len(EDGES_US) + 1
    assert max(len(line) for line in drawn) == 24 + 50
