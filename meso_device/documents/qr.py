"""A text as a QR code, such as the checkpoint of the log."""

from io import BytesIO
from typing import Final

import segno

from meso_device.documents.blocks import Figure

_WIDTH_MM: Final = 42
_CAPTION: Final = (
    "Signed checkpoint of the log that this document was made from. Kept outside of the computer, it proves later that "
    "nothing in the log before it was changed: scan it into a file, then run: meso audit verify --checkpoint FILE"
)


def qr_svg(text: str) -> str:
    """Return the code as SVG, with its quiet zone; error correction M."""
    out = BytesIO()
    segno.make(text, error="m", boost_error=False).save(
        out, kind="svg", xmldecl=False, svgns=True, scale=4, border=4, light="#ffffff", nl=False
    )
    return out.getvalue().decode()


def checkpoint_figure(note: str) -> Figure:
    """Return the signed checkpoint as a code to be scanned, with what it is for."""
    return Figure(qr_svg(note), "QR code with the text of the signed checkpoint", _CAPTION, _WIDTH_MM)
