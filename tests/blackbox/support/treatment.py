"""Treatment protocol files for the scenarios."""

from collections.abc import Sequence
from pathlib import Path

# Area, number of points; two areas make every session change its settings once.
TWO_AREAS = (("forehead", 14), ("cheek_left", 14))

_TEXT = """\
[treatment]
id = "blackbox"
title = "Black box"
version = "1.0"
author = "tests"
status = "example, unapproved"
course = "general"
indications = ["test on a simulated gun"]
sources = ["invented"]

[[product]]
name = "Water"
volume = "4 mL"
viscosity = "1 mPas"

[equipment]
syringe = "bd_5ml"
needle = "30g_4mm"
head = "single"

[defaults]
depth = "{depth}"
dose = "{dose}"
spacing = "10 mm"
rate = "{rate}"
mode = "{mode}"
flow = "{flow}"
"""


def treatment_text(
    areas: Sequence[tuple[str, int]] = TWO_AREAS,
    *,
    depth: str = "1.5 mm",
    dose: str = "0.01 mL",
    rate: str = "9 /s",
    flow: str = "0.4 mL/s",
    mode: str = "continuous",
) -> str:
    """A file with these areas, all alike but for the number of points."""
    head = _TEXT.format(depth=depth, dose=dose, rate=rate, flow=flow, mode=mode)
    return head + "".join(f'\n[[area]]\nid = "{area}"\npoints = {points}\n' for area, points in areas)


def write_treatment(path: Path, text: str) -> Path:
    """Write a treatment file and return where it is."""
    path.write_text(text, encoding="utf-8")
    return path
