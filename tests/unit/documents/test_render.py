"""A document is the same bytes for the same data, marked and numbered on each page, and reads nothing as markup."""

import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pypdfium2
import pytest

from meso_device.documents.blocks import SIMULATED, Document, Text
from meso_device.documents.html import render_html
from meso_device.documents.pdf import RenderError, render_pages, render_pdf
from tests.unit.documents.sample import HOSTILE, sample

HERE = Path(__file__).parent


def pages_of(pdf: bytes) -> list[str]:
    """Return the text of each page as a reader of others sees it."""
    return [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(pdf)]


def squeezed(text: str) -> str:
    return re.sub(r"\s+", "", text)


def test_two_processes_with_other_hash_seeds_and_clocks_write_the_same_bytes():
    outputs = set()
    for seed, zone in (("0", "UTC"), ("4711", "Asia/Kolkata")):
        run = subprocess.run(
            [sys.executable, HERE / "sample.py"],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "SOURCE_DATE_EPOCH": seed},
            capture_output=True,
            check=True,
        )
        outputs.add(run.stdout)
    assert outputs == {render_pdf(sample()) + render_html(sample())}


def test_each_page_has_number_mark_and_its_place_and_the_last_one_the_end():
    pages = pages_of(render_pdf(sample(rows=140)))
    assert len(pages) > 2
    for no, page in enumerate(pages, start=1):
        assert "No. X-0001" in page
        assert f"page {no} of {len(pages)}" in page
        assert page.count(SIMULATED) == 2, "in the foot and across the page"
    assert ["End of the document" in page for page in pages] == [False] * (len(pages) - 1) + [True]


def test_a_document_of_a_real_gun_bears_no_mark():
    assert not any(SIMULATED in page for page in pages_of(render_pdf(sample(mark=""))))
    assert SIMULATED not in render_html(sample(mark="")).decode()


@pytest.mark.parametrize("rows", [1, 45, 58, 100, 300])
def test_a_table_of_any_length_is_whole_under_the_mark(rows):
    """The compiler once found a table torn that went on over a page with the mark."""
    text = squeezed("".join(pages_of(render_pdf(sample(rows=rows, text="word")))))
    assert f"{rows - 1}cell" in text or rows <= 4


def test_the_standards_are_claimed_and_every_picture_says_what_it_shows():
    pdf = render_pdf(sample())
    assert re.search(rb"pdfuaid:part[^0-9]{1,3}1", pdf)
    assert re.search(rb"pdfaid:part[^0-9]{1,3}2", pdf)
    assert re.search(rb"pdfaid:conformance[^A-Z]{1,3}A", pdf)
    with pytest.raises(RenderError, match=r"\.html"):
        render_pdf(sample(text="\N{CJK UNIFIED IDEOGRAPH-4E00}"))  # no font of the package has it


def test_nothing_that_was_typed_is_read_as_markup():
    assert squeezed(HOSTILE) in squeezed("".join(pages_of(render_pdf(sample()))))
    seen = Seen()
    seen.feed(render_html(sample()).decode())
    seen.close()
    assert "script" not in seen.tags
    assert HOSTILE in seen.text
    assert not seen.loads, "a page that loads nothing"


def test_every_page_can_be_looked_at():
    document = Document(title="T", number="N", author="A", date=(2026, 1, 2), mark="", blocks=(Text("word"),))
    [picture] = render_pages(document)
    assert picture.startswith(b"\x89PNG")


class Seen(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self):
        super().__init__()
        self.tags, self.text, self.loads, self.alt = set(), "", [], []

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.loads += [value for name, value in attributes if name in {"src", "href", "onload"}]

    def handle_data(self, data):
        self.text += data
