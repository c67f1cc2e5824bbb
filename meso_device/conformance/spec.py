"""The rules of SPEC.md by number, read from the text itself."""

import re
from functools import cache
from importlib.resources import files
from typing import Final

_RULE: Final = re.compile(r"^- \*\*(W-\d{3})\*\* (.*(?:\n  .*)*)", re.MULTILINE)


@cache
def spec_rules() -> dict[str, str]:
    """Return the text of every rule by its number, in the order of the numbers."""
    text = files("protocols.wire").joinpath("SPEC.md").read_text("utf-8")
    found = {number: " ".join(words.split()) for number, words in _RULE.findall(text)}
    return dict(sorted(found.items()))
