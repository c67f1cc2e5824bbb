"""A document with a block of each kind; run as a program it writes the bytes of both its forms to standard output."""

import sys

from meso_device.documents.blocks import (
    SIMULATED,
    Column,
    Document,
    Facts,
    Figure,
    Heading,
    Items,
    NewPage,
    Notice,
    Table,
    Text,
)
from meso_device.documents.charts import Axis, Limit, Mark, Series, bars, chart, histogram
from meso_device.documents.html import render_html
from meso_device.documents.pdf import render_pdf
from meso_device.documents.qr import qr_svg

HOSTILE = "#panic() ]$x$ <script>alert(1)</script> & \"'\\u{0} *bold* @ref ~ 0.02 µL"


def sample(*, rows: int = 70, mark: str = SIMULATED, text: str = HOSTILE) -> Document:
    lines = chart(
        Axis(title="shots in a row", ticks=((0, "1"), (1, "2"), (2, "5"))),
        Axis(title="error, %", places=4),
        [
            Series(name="largest", points=((0, 20_000), (1, 9_000), (2, 1_000)), joined=True),
            Series(name="smallest", points=((0, -18_000), (1, -7_000), (2, -900)), mark=Mark.RING, dashed=True),
        ],
        [Limit(25_000, "limit"), Limit(-25_000, "limit")],
    )
    return Document(
        title="A document",
        number="X-0001",
        author="somebody",
        date=(2026, 1, 2),
        mark=mark,
        blocks=(
            Notice(text),
            Heading(text),
            Text(text),
            Items((text, "second")),
            Facts(((text, text), ("serial", "S-1"))),
            Figure(lines, text, text),
            Figure(bars(["F1", text], [("planned", [2, 3]), (text, [2, 1])], Axis(title="count")), "bars"),
            Figure(histogram([1, 5, 5, 9, 40], Axis(title=text, places=1)), "how often"),
            NewPage(),
            Table(
                (Column("no", number=True), Column(text, wide=True)),
                tuple((str(row), text if row == 3 else "cell") for row in range(rows)),
            ),
            Figure(qr_svg(f"log\n1\n{text}"), "code", width_mm=40),
        ),
    )


if __name__ == "__main__":
    sys.stdout.buffer.write(render_pdf(sample()) + render_html(sample()))
