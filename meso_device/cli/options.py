"""Options that several commands share."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

HomeOption: TypeAlias = Annotated[
    Path | None,
    typer.Option("--home", help="Data directory; else MESO_HOME, else the platform's.", show_default=False),
]
JsonOption: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON document as the last line.")]
OutOption: TypeAlias = Annotated[
    Path | None, typer.Option("--out", help="File to write; else standard output.", show_default=False)
]
GunOption: TypeAlias = Annotated[
    str, typer.Option("--gun", metavar="PORT", help="Port of the gun: a device, a link to one, or socket://HOST:PORT.")
]
