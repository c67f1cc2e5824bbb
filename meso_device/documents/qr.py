"""A text as a QR code, such as the checkpoint of the log: kept on paper, it proves later that nothing was changed."""

from io import BytesIO

import segno


def qr_svg(text: str) -> str:
    """Return the code as SVG, with its quiet zone; error correction M."""
    out = BytesIO()
    segno.make(text, error="m", boost_error=False).save(
        out, kind="svg", xmldecl=False, svgns=True, scale=4, border=4, light="#ffffff", nl=False
    )
    return out.getvalue().decode()
