"""Charts are well-formed for any values, place them in order and write numbers exactly."""

import random
from xml.etree import ElementTree as ET

import pytest

from meso_device.documents.charts import Axis, Limit, Series, bars, chart, histogram
from meso_device.documents.numbers import MINUS, fixed, percent, ratio, rounded, short, signed

SVG = "{http://www.w3.org/2000/svg}"


def parsed(svg: str) -> ET.Element:
    return ET.fromstring(svg)  # noqa: S314  # our own


@pytest.mark.parametrize("seed", range(40))
def test_marks_stay_inside_and_in_the_order_of_their_values(seed):
    rng = random.Random(seed)
    size = 10 ** rng.randint(0, 12)
    points = tuple((x, rng.randint(-size, size)) for x in range(rng.randint(1, 40)))
    limit = rng.randint(0, size)
    root = parsed(
        chart(Axis(title="x"), Axis(title="y", places=rng.randint(0, 6)), [Series(name="", points=points)],
              [Limit(limit, "limit")])
    )  # fmt: skip
    width, height = (int(side) for side in root.attrib["viewBox"].split()[2:])
    marks = [(int(ring.attrib["cx"]), int(ring.attrib["cy"])) for ring in root.iter(f"{SVG}circle")]
    assert len(marks) == len(points)
    assert all(0 < x < width and 0 < y < height for x, y in marks)
    for (_, value), (_, mark_y) in zip(points, marks, strict=True):
        for (_, other), (_, other_y) in zip(points, marks, strict=True):
            assert value <= other or mark_y <= other_y, "higher values stand higher"


@pytest.mark.parametrize("seed", range(20))
def test_a_histogram_counts_every_value_once(seed):
    rng = random.Random(seed)
    values = [rng.randint(-(10**seed), 10**seed) for _ in range(rng.randint(1, 200))]
    root = parsed(histogram(values, Axis(title="x", places=3)))
    ticks = [text.text for text in root.iter(f"{SVG}text")]
    rects = [int(rect.attrib["height"]) for rect in root.iter(f"{SVG}rect")]
    assert len(rects) <= 21
    assert any(rects)
    assert "count" in ticks


def test_labels_are_the_exact_values():
    root = parsed(chart(Axis(title="x"), Axis(title="y", places=4), [Series(name="", points=((0, -3), (1, 3)))]))
    labels = {text.text for text in root.iter(f"{SVG}text")}
    assert {f"{MINUS}0.0002", "0", "0.0002"} <= labels


def test_bars_need_one_value_a_label():
    with pytest.raises(ValueError, match="one value a label"):
        bars(["a", "b"], [("planned", [1])], Axis(title="y"))


def test_numbers_are_written_without_a_float_between():
    assert fixed(10**24 + 1, 3) == "1000000000000000000000.001"
    assert (fixed(-5, 3), short(1_500, 3), short(2_000, 3), short(20, 0)) == (f"{MINUS}0.005", "1.5", "2", "20")
    assert (signed(12, 1), signed(0, 1), signed(-12, 1)) == ("+1.2", "0.0", f"{MINUS}1.2")
    assert [rounded(value, 10) for value in (5, 15, 25, -5, -15, 14, 16)] == [0, 2, 2, 0, -2, 1, 2]
    assert percent(20_050) == "+2.00 %"
    assert ratio(1, 3, 1_000_000) == 333_333
