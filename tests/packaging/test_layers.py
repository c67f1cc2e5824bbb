"""The house keeps its layers, and what decides cannot reach the world."""

import ast
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PURE = (
    "protocols.units",
    "protocols.errors",
    "protocols.wire",
    "drivers.link",
    "drivers.outcome",
    "drivers.link_events",
    "meso_device.accounting",
    "meso_device.session",
    "simulator.firmware",
    "simulator.physics",
)
TOOLS = ("protocols.wire.generate",)  # build tools that lie beside the schema
POISON = """
import importlib, sys
MODULES = sys.argv[1].split(",")
# What the standard library, msgspec and cobs need is loaded first; only our own modules meet the poison.
import ast, bisect, collections.abc, dataclasses, enum, functools, hashlib, heapq, itertools, json, math, re
import struct, types, typing, zlib, base64, binascii, tomllib, contextlib, secrets, tempfile
import cobs.cobs, msgspec, rfc8785
class Poison:
    def __init__(self, name): self.name = name
    def __getattr__(self, what): raise ImportError(f"{self.name}.{what} is not for pure code")
for name in ("time", "random", "os", "socket", "select", "threading", "asyncio", "logging", "serial", "apsw"):
    sys.modules[name] = Poison(name)
for name in MODULES:
    importlib.import_module(name)
"""
HELP = """
import contextlib, io
from meso_device.cli.main import run
with contextlib.redirect_stdout(io.StringIO()):
    run(["--help"])
"""
AWAY = ("os", "time", "random", "socket", "select", "threading", "asyncio", "logging", "serial", "apsw", "sqlite3")


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def pure_files():
    for name in PURE:
        path = ROOT / name.replace(".", "/")
        yield from [path.with_suffix(".py")] if path.with_suffix(".py").exists() else sorted(path.rglob("*.py"))


def is_tool(path):
    return module_name(path).startswith(TOOLS)


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def python(code, *arguments):
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], cwd=ROOT, capture_output=True, text=True, check=False, timeout=50
    )


def test_the_contracts_of_the_layers_hold():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=55,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3_000:]


def test_a_planted_break_of_the_layers_is_caught(tmp_path):
    for name in ("meso_device", "drivers", "simulator", "protocols"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "protocols" / "units_again.py").write_text("from drivers.outcome import Done as Done\n")
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=tmp_path, capture_output=True, text=True, check=False, timeout=55, env={"PYTHONPATH": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 1
    assert "protocols.units_again -> drivers.outcome" in done.stdout


def test_pure_modules_are_imported_with_clock_chance_and_system_poisoned():
    names = sorted({module_name(path) for path in pure_files() if not is_tool(path)})
    assert len(names) > 30
    done = python(POISON, ",".join(names))
    assert done.returncode == 0, done.stderr[-2_000:]


def test_the_poison_is_felt():
    assert "is not for pure code" in python(POISON + "\nimport os\nos.getcwd()", "protocols.units").stderr


def test_pure_modules_name_nothing_that_touches_the_world():
    found = {
        f"{module_name(path)} imports {name}"
        for path in pure_files()
        if not is_tool(path)
        for name in imported(path)
        if name.split(".")[0] in AWAY
    }
    assert found == set()


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import meso_device", {"textual", "typer", "pydantic", "structlog", "typst", "apsw", "serial", "simulator"}),
        (
            HELP,
            {"textual", "pydantic", "structlog", "typst", "apsw", "serial", "cryptography", "simulator", "drivers"},
        ),
        (
            "import meso_device.host.run, meso_device.technical_log",
            {"textual", "rich", "pygments", "typer", "pydantic", "asyncio", "ssl"},
        ),
    ],
    ids=["import", "help", "run"],
)
def test_a_start_loads_only_what_it_uses(code, heavy):
    done = python(f"{code}\nimport sys\nprint('LOADED', *sorted({{name.split('.')[0] for name in sys.modules}}))")
    assert done.returncode == 0, done.stderr
    loaded = set(done.stdout.split("LOADED")[1].split())
    assert loaded & heavy == set()
