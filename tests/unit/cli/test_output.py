"""Files that a command writes: whole or not at all, and in no other thing's place."""

import os
import stat

import pytest

from meso_device.cli.issuing import issue
from meso_device.cli.output import write_whole
from meso_device.host.home import Home
from protocols.errors import UsageError


def test_a_file_is_written_whole_in_place_of_an_older_one(tmp_path):
    path = tmp_path / "out"
    path.write_bytes(b"older and longer")
    write_whole(path, b"new")
    assert path.read_bytes() == b"new"
    assert [one.name for one in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir], ids=["pipe", "directory"])
def test_what_is_no_file_stays_what_it_is(tmp_path, make):
    path = tmp_path / "out"
    make(path)
    before = stat.S_IFMT(path.stat().st_mode)
    with pytest.raises(UsageError, match="is not a file; give another with --out"):
        write_whole(path, b"new")
    with pytest.raises(UsageError, match="is not a file; give another with --out"):
        issue(
            Home(tmp_path / "home"),
            {path: ("pdf", b"new")},
            document="d",
            number="1",
            key="d/1",
            simulated=True,
            about={},
        )
    assert stat.S_IFMT(path.stat().st_mode) == before
    assert [one.name for one in tmp_path.iterdir()] == ["out"]
