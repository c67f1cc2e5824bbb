"""What is shipped: the wheel, built without a network, holds the code and the data that it needs."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("meso_device", "drivers", "simulator", "protocols")
BUILD = (
    "import sys; from hatchling.build import build_wheel; "
    "sys.stdout.write('WHEEL ' + build_wheel(sys.argv[1]) + chr(10))"
)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    target = tmp_path_factory.mktemp("wheel")
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(target)], cwd=ROOT, capture_output=True, text=True, check=False, timeout=50
    )
    assert done.returncode == 0, done.stderr
    (built,) = target.glob("*.whl")
    with zipfile.ZipFile(built) as opened:
        yield opened


def tracked(pattern):
    listed = subprocess.run(
        ["git", "ls-files", pattern], cwd=ROOT, capture_output=True, text=True, check=False, timeout=20
    )
    if listed.returncode:
        pytest.skip("NOT A GIT CHECKOUT: what is tracked cannot be compared with what is shipped")
    return set(listed.stdout.split())


def test_texts_and_data_of_the_packages_are_in_the_wheel(wheel):
    names = set(wheel.namelist())
    for name in ("SPEC.md", "vectors.json", "schema.toml", "descriptor.json", "meso_wire.h"):
        assert f"protocols/wire/{name}" in names
    library = tracked("protocols/treatment/library/*.toml")
    assert library
    assert library <= names


def test_every_tracked_file_of_the_four_packages_is_in_the_wheel(wheel):
    for package in PACKAGES:
        files = {name for name in tracked(package) if (ROOT / name).exists()}
        assert files - set(wheel.namelist()) == set()


def test_nothing_but_the_four_packages_and_their_metadata_is_in_the_wheel(wheel):
    roots = {name.split("/")[0] for name in wheel.namelist()}
    assert {root for root in roots if not root.endswith(".dist-info")} == set(PACKAGES)
    assert not [name for name in wheel.namelist() if "__pycache__" in name or "/tests/" in name]


def test_each_package_says_that_it_is_typed(wheel):
    assert {f"{package}/py.typed" for package in PACKAGES} <= set(wheel.namelist())


def test_the_wheel_installs_the_meso_command(wheel):
    (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    assert "meso = meso_device.cli.main:main" in wheel.read(name).decode()
