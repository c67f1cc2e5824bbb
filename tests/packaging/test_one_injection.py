"""docs/one-injection.md names files, functions and classes that exist."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/one-injection.md").read_text()
NAMES = sorted(set(re.findall(r"`([^`\n]+)`", TEXT)))
PATHS = [name for name in NAMES if "/" in name and " " not in name]
DOTTED = [name for name in NAMES if re.fullmatch(r"[A-Z][A-Za-z]+\.\w+", name)]
PLAIN = [name for name in NAMES if re.fullmatch(r"_?[a-z][a-z0-9]*(_[a-z0-9]+)+|[A-Z][a-z]+[A-Za-z]*", name)]
SOURCES = "\n".join(
    path.read_text()
    for package in ("meso_device", "drivers", "simulator", "protocols")
    for path in (ROOT / package).rglob("*.py")
)


def test_the_walk_names_enough_to_be_checked():
    assert len(PATHS) > 20
    assert len(DOTTED) > 15
    assert len(PLAIN) > 15


@pytest.mark.parametrize("path", PATHS)
def test_every_file_exists(path):
    assert (ROOT / path).exists()


@pytest.mark.parametrize("name", DOTTED)
def test_every_method_exists_in_its_class(name):
    owner, method = name.split(".")
    body = re.search(rf"^class {owner}\b.*?(?=^\S|\Z)", SOURCES, re.DOTALL | re.MULTILINE)
    assert body
    assert re.search(rf"def {method}\(", body[0])


@pytest.mark.parametrize("name", PLAIN)
def test_every_function_class_or_constant_exists(name):
    assert re.search(rf"(def|class) {name}\b|^{name}\b|\"{name}\"", SOURCES, re.MULTILINE)
