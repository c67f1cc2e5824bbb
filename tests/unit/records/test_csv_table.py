"""Spreadsheets get what the log says, and nothing that they would run."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meso_device.records.csv_table import BYTE_ORDER_MARK, csv_lines

COLUMNS = ("text", "number", "yes")
CELLS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=30)


def read(lines):
    text = "".join(lines)
    assert text.startswith(BYTE_ORDER_MARK)
    assert text.encode().startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(text.removeprefix(BYTE_ORDER_MARK), newline="")))


@given(st.lists(st.tuples(CELLS, st.integers(), st.booleans()), max_size=5))
def test_whatever_a_text_is_it_comes_back_as_a_text_and_never_as_a_formula(rows):
    found = read(csv_lines(({"text": text, "number": number, "yes": yes} for text, number, yes in rows), COLUMNS))
    assert found[0] == list(COLUMNS)
    for (text, number, yes), (cell, figure, word) in zip(rows, found[1:], strict=True):
        assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
        assert cell in {text, f"'{text}"}
        assert (int(figure), word) == (number, "true" if yes else "false")


@pytest.mark.parametrize("text", ['=HYPERLINK("http://x")', "+1", "-1+1", "@SUM(A1)", "\t=1", "\r=1", "\n=1"])
def test_a_formula_gets_an_apostrophe(text):
    assert read(csv_lines([{"text": text}], ("text",)))[1] == [f"'{text}"]


def test_a_negative_number_stays_one():
    assert read(csv_lines([{"n": -5}], ("n",)))[1] == ["-5"]
