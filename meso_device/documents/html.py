"""A document as one HTML page that loads nothing from anywhere."""

from html import escape
from typing import Final

from meso_device.documents.blocks import (
    Block,
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

_STYLE: Final = """
body { font: 11pt/1.4 "Libertinus Serif", Georgia, serif; color: #1a1a1a; background: #fff; max-width: 180mm;
  margin: 10mm auto; padding: 0 5mm; }
header, footer { display: flex; justify-content: space-between; border-bottom: 1px solid; font-size: 9pt; }
footer { border: 0; border-top: 1px solid; margin-top: 2em; }
h1 { font-size: 19pt; } h2 { font-size: 13pt; margin: 1.6em 0 .5em; }
.notice { border: 2px solid; padding: .6em .8em; font-weight: bold; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; margin: .6em 0; font-size: 10pt; }
.data { width: 100%; border-top: 1.5px solid; border-bottom: 1.5px solid; }
.data thead { border-bottom: 1px solid; }
th, td { text-align: left; padding: .18em .6em; vertical-align: top; }
.facts th { font-weight: normal; color: #4d4d4d; width: 46mm; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 1em 0; text-align: center; } figure svg { max-width: 100%; height: auto; }
figcaption { font-size: 9.5pt; }
.end { text-align: center; margin-top: 2em; }
.mark { position: fixed; top: 45%; left: 0; width: 100%; text-align: center; font-size: 14vmin; font-weight: bold;
  color: rgba(160, 20, 20, .1); transform: rotate(-40deg); pointer-events: none; }
.page { break-before: page; }
figure, .notice, tr { break-inside: avoid; } h2 { break-after: avoid; }
@page { size: A4; margin: 20mm; @bottom-right { content: "page " counter(page) " of " counter(pages); } }
"""


def render_html(document: Document) -> bytes:
    """Return the document as an HTML page in UTF-8; the same document gives the same bytes."""
    title, number, author, mark = (
        escape(text) for text in (document.title, document.number, document.author, document.mark)
    )
    parts = [
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n',
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n",
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n',
        f'<meta name="author" content="{author}">\n<meta name="date" content="{document.date_text}">\n',
        f"<title>{title} {number}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n",
        f'<div class="mark" aria-hidden="true">{mark}</div>\n' if mark else "",
        f"<header><span>{title}</span><strong>{mark}</strong><span>No. {number}</span></header>\n",
        f"<main>\n<h1>{title}</h1>\n",
        *(f"{_block(block)}\n" for block in document.blocks),
        f'</main>\n<p class="end">— {escape(document.end)} —</p>\n',
        f"<footer><span>{author}</span><strong>{mark}</strong><span>No. {number}</span></footer>\n</body>\n</html>\n",
    ]
    return "".join(parts).encode()


def _block(block: Block) -> str:  # one line a kind of block
    match block:
        case Heading(text=text):
            return f"<h2>{escape(text)}</h2>"
        case Text(text=text):
            return f"<p>{escape(text)}</p>"
        case Notice(text=text):
            return f'<p class="notice">{escape(text)}</p>'
        case Items(items=items):
            return f"<ul>{''.join(f'<li>{escape(item)}</li>' for item in items)}</ul>"
        case Facts(rows=rows):
            pairs = "".join(
                f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>' for name, value in rows
            )
            return f'<table class="facts">{pairs}</table>'
        case Table():
            return _table(block)
        case Figure():
            return _figure(block)
        case NewPage():
            return '<div class="page"></div>'


def _table(table: Table) -> str:
    kinds = [' class="number"' if column.number else "" for column in table.columns]
    head = "".join(
        f'<th scope="col"{kind}>{escape(column.title)}</th>' for column, kind in zip(table.columns, kinds, strict=True)
    )
    rows = "".join(
        f"<tr>{''.join(f'<td{kind}>{escape(cell)}</td>' for cell, kind in zip(row, kinds, strict=True))}</tr>"
        for row in table.rows
    )
    return f'<div class="wide"><table class="data"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _figure(figure: Figure) -> str:
    svg = figure.svg.replace("<svg ", f'<svg role="img" aria-label="{escape(figure.alt)}" ', 1)
    caption = f"<figcaption>{escape(figure.caption)}</figcaption>" if figure.caption else ""
    return f'<figure style="max-width: {figure.width_mm}mm; margin: 1em auto">{svg}{caption}</figure>'
