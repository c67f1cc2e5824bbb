"""What is generated is up to date, and the C header is C."""

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from protocols.wire.frame import STOP_FRAME

ROOT = Path(__file__).parents[2]
WIRE = ROOT / "protocols" / "wire"
SCHEMA_FILES = ("codes.py", "messages.py", "meso_wire.h", "descriptor.json", "vectors.json", "SPEC.md")


def run(*command, cwd=ROOT, **more):
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False, timeout=50, **more)


def compiler():
    found = shutil.which("cc") or shutil.which("gcc")
    if found is None:
        pytest.skip("NO C COMPILER: the header meso_wire.h and the C of SPEC.md were not checked")
    return found


@pytest.fixture
def tree(tmp_path):
    """Give a copy of the packages that the generator needs."""
    shutil.copytree(ROOT / "protocols", tmp_path / "protocols", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_generated_files_are_what_the_schema_says():
    done = run(sys.executable, "-m", "protocols.wire.generate", "--check")
    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.parametrize("name", SCHEMA_FILES)
def test_a_generated_file_that_was_edited_by_hand_is_named_and_mended(tree, name):
    edited = tree / "protocols" / "wire" / name
    before = edited.read_text()
    after = before.replace("| 19 | E_GRANT_NO |", "| 19 | E_NUMBER |") if name == "SPEC.md" else before + "\n"
    assert after != before
    edited.write_text(after)
    check = run(sys.executable, "-m", "protocols.wire.generate", "--check", cwd=tree)
    assert check.returncode == 1
    assert f"differs from schema.toml: {name};" in check.stdout
    assert run(sys.executable, "-m", "protocols.wire.generate", cwd=tree).returncode == 0
    assert edited.read_text() == before


def test_the_c_header_compiles_without_a_warning(tmp_path):
    source = tmp_path / "a.c"
    source.write_text('#include "meso_wire.h"\nint main(void) { return sizeof(meso_slot_t) == 72 ? 0 : 1; }\n')
    program = tmp_path / "a"
    options = ("-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{WIRE}")
    built = run(compiler(), *options, "-o", str(program), str(source))
    assert (built.returncode, built.stderr) == (0, "")
    assert run(str(program)).returncode == 0


@pytest.mark.hazard("HZ-12")
def test_the_stop_recogniser_in_the_text_finds_every_stop_and_nothing_else(tmp_path):
    code = (WIRE / "SPEC.md").read_text().split("```c\n")[1].split("```")[0]
    source = tmp_path / "stop.c"
    source.write_text(
        f'#include <stdio.h>\n#include "meso_wire.h"\n{code}\n'
        "int main(void) { int c; long at = 0; while ((c = getchar()) != EOF) { at++; "
        'if (stop_seen((uint8_t)c)) printf("%ld\\n", at); } return 0; }\n'
    )
    program = tmp_path / "stop"
    built = run(compiler(), "-std=c11", "-Wall", "-Wextra", "-Werror", f"-I{WIRE}", "-o", str(program), str(source))
    assert (built.returncode, built.stderr) == (0, "")
    chance = random.Random(7)
    pieces = [STOP_FRAME, STOP_FRAME[1:], STOP_FRAME[:-1], STOP_FRAME[:9], b"\0", b"\xff\x10", chance.randbytes(40)]
    line = b"".join(chance.choice(pieces) for _ in range(3_000))
    found = subprocess.run([program], input=line, capture_output=True, check=True, timeout=20).stdout.split()
    ends = [at for at in range(len(line) + 1) if line[:at].endswith(STOP_FRAME)]
    assert [int(at) for at in found] == ends
    assert len(ends) > 100
