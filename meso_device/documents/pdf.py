"""A document as PDF: tagged for screen readers (PDF/UA-1) and made to be kept (PDF/A-2a).

The claim of both is the compiler's own. The fonts are those inside the compiler's package; none of this computer's.
"""

from functools import cache
from importlib.resources import files
from typing import Any, Final

import msgspec

from meso_device.documents.blocks import Document
from protocols.errors import MesoError

STANDARDS: Final = ("ua-1", "a-2a")


class RenderError(MesoError):
    """The PDF could not be made, and nothing was written."""


def render_pdf(document: Document) -> bytes:
    """Return the document as PDF; the same document gives the same bytes.

    Raises:
        RenderError: says why, and that HTML can be had instead.
    """
    made: bytes = _compile(document, format="pdf", pdf_standards=list(STANDARDS))
    return made


def render_pages(document: Document, ppi: int = 110) -> list[bytes]:
    """Return each page as a PNG picture, to be looked at.

    Raises:
        RenderError: as for `render_pdf`.
    """
    made: bytes | list[bytes] = _compile(document, format="png", ppi=float(ppi))
    return made if isinstance(made, list) else [made]


def _compile(document: Document, **options: Any) -> Any:
    import typst  # noqa: PLC0415  # 20 MB of compiler, for those alone who make a document

    try:
        return typst.compile(
            _template(),
            font_paths=[],
            ignore_system_fonts=True,
            sys_inputs={"document": msgspec.json.encode(document).decode()},
            # Nothing of a document is told by the time of its making.
            timestamp=0,
            **options,
        )
    except typst.TypstError as error:
        raise RenderError(
            f"the PDF could not be made ({error.message.splitlines()[0][:160]}): name a file that ends in .html instead"
        ) from error


@cache
def _template() -> bytes:
    return (files(__package__) / "page.typ").read_bytes()
