"""What stands on the pages of a PDF, told by a program that nobody here wrote."""

import re
import subprocess
import sys
from pathlib import Path


def pages_of(path: Path) -> list[str]:
    """Return the text of each page."""
    reader = Path(sys.executable).with_name("pypdfium2")
    told = subprocess.run([reader, "extract-text", path], check=True, capture_output=True, text=True).stdout
    return re.split(r"(?m)^# Page \d+\s*$", told)[1:]
