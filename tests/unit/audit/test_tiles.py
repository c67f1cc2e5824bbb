"""A copy of the whole log in files: what others check, and what a log that was rewritten cannot write over."""

import os
import shutil
import subprocess
import sys
from contextlib import closing

import pytest

from meso_device.audit import standalone
from meso_device.audit.database import open_for_reading
from meso_device.audit.keys import VerifyKey
from meso_device.audit.standalone import Tile, Wrong, check_file, tile_path, tiles_of
from meso_device.audit.store import Store
from meso_device.audit.tiles import VERIFIER_NAME, write_copy
from protocols.errors import MesoError, UsageError
from tests.unit.audit.clinic import Clinic, commit, stamp
from tests.unit.audit.test_attacks import CUT, EDITED, HELD, RECHAINED, RECORDS, attacked, make_original


def key_of(home):
    return VerifyKey.parse((home / "audit.vkey").read_text())


def copied(home, to):
    to.mkdir(exist_ok=True)
    with closing(open_for_reading(home / "audit.db")) as db:
        return write_copy(db, key_of(home), to)


def everything(place):
    return {path.relative_to(place).as_posix(): path.read_bytes() for path in place.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    return make_original(tmp_path_factory.mktemp("log") / "home")


@pytest.fixture
def long_log(made_long, tmp_path):
    """A log of more than one tile of each kind, and the copy that was made when it had less than one."""
    home, stick, size = made_long
    return home, shutil.copytree(stick, tmp_path / "stick"), size


@pytest.fixture(scope="module")
def made_long(tmp_path_factory):
    return make_long(tmp_path_factory.mktemp("long"))


def make_long(at):
    """Make a log of more than one tile of each kind; returns it, and a copy of its first records and how many."""
    home, stick = at / "home", at / "stick"
    store = Store.open(home, software="0.1.0", stamp=stamp())
    clinic = Clinic()
    commit(store, clinic.link_up(), clinic.opened())
    for _ in range(3):
        commit(store, *(clinic.shot() for _ in range(50)))
    store.close(stamp())
    first = copied(home, stick)
    store = Store.open(home, software="0.1.0", stamp=stamp())
    for _ in range(9):
        commit(store, *(clinic.shot() for _ in range(50)))
    commit(store, clinic.closed())
    store.close(stamp())
    return home, stick, first.checkpoint.size


@pytest.mark.parametrize(
    ("tile", "name"),
    [
        (Tile("0", 0, 256), "tile/0/000"),
        (Tile("0", 1_234_067, 256), "tile/0/x001/x234/067"),
        (Tile("entries", 1_000, 7), "tile/entries/x001/000.p/7"),
        (Tile("2", 999, 1), "tile/2/999.p/1"),
    ],
)
def test_tiles_have_the_names_of_the_specification(tile, name):
    assert tile_path(tile) == name


@pytest.mark.parametrize("size", [0, 1, 255, 256, 257, 512, 65_535, 65_536, 70_000])
def test_each_level_has_as_many_hashes_as_there_are_whole_tiles_below_it(size):
    held = {}
    for tile in tiles_of(size):
        held[tile.level] = held.get(tile.level, 0) + tile.width
    counts = [size >> 8 * level for level in range(4)]
    assert held == {
        level: count for level, count in zip(("entries", "0", "1", "2"), (size, *counts), strict=False) if count
    }


@pytest.mark.hazard("HZ-25")
def test_a_copy_is_brought_up_to_date_and_checked_by_python_alone_in_an_empty_directory(long_log, tmp_path):
    home, to, older = long_log
    [place] = to.iterdir()
    before = everything(place)
    made = copied(home, to)
    now = everything(place)
    assert (made.older, made.place) == (older, place)
    assert made.checkpoint.size > 600
    assert {"tile/0/000", "tile/0/001", "tile/entries/001", "tile/1/000.p/2", "checkpoint", VERIFIER_NAME} <= now.keys()
    assert not {name for name in before if ".p/" in name} & now.keys(), "a tile that has grown is gone"
    assert everything(copied(home, to).place) == now
    empty = tmp_path / "empty"
    empty.mkdir()
    done = subprocess.run(
        [sys.executable, "-I", made.place / VERIFIER_NAME, made.place, "--key", (home / "audit.vkey").read_text()],
        cwd=empty, env={"PATH": os.defpath}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert f"{made.checkpoint.size} records, 600 injections" in done.stdout


def test_a_byte_changed_in_any_file_of_a_copy_is_told(long_log, tmp_path):
    home, to, _ = long_log
    place = shutil.copytree(copied(home, to).place, tmp_path / "copy")
    key = (home / "audit.vkey").read_text()
    for name, content in everything(place).items():
        if not name.startswith(("tile/", "checkpoint")):
            continue
        at = len(content) // 2
        flipped = content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]
        # What stands behind a signature may be another's, which is none of ours.
        for damaged in (flipped, content[:-1], content + b"\0") if name != "checkpoint" else (flipped, content[:at]):
            (place / name).write_bytes(damaged)
            with pytest.raises(Wrong):
                check_file(place, key)
        (place / name).write_bytes(content)
    assert check_file(place, key)["records_in_log"] > 600


@pytest.mark.hazard("HZ-25")
@pytest.mark.parametrize("attack", [*EDITED, *RECHAINED, *CUT])
def test_no_attacked_log_writes_over_the_copy_that_was_carried_away(original, tmp_path, attack):
    """All ten, by somebody who has the key and all the time there is."""
    kept = copied(original, tmp_path / "stick").place
    before = everything(kept)
    home = attacked(shutil.copytree(original, tmp_path / "home"), attack, with_key=True, rolled_back=attack in CUT)
    with pytest.raises(MesoError, match=r"REWRITTEN|CUT"):
        copied(home, tmp_path / "stick")
    assert everything(kept) == before


def test_the_checkpoint_of_a_copy_made_earlier_convicts_a_copy_of_another_history(original, tmp_path):
    key = (original / "audit.vkey").read_text()
    place = copied(original, tmp_path / "stick").place
    assert check_file(place, key, original / "held")["outside"] == HELD
    home = attacked(shutil.copytree(original, tmp_path / "home"), RECHAINED[0], with_key=True)
    other = copied(home, tmp_path / "other").place
    assert check_file(other, key)["records_in_log"] == RECORDS, "whoever has the key writes a history that holds"
    with pytest.raises(Wrong, match="rewritten"):
        check_file(other, key, original / "held")


def test_a_damaged_copy_is_mended_and_what_is_no_copy_is_left_alone(original, tmp_path):
    place = copied(original, tmp_path / "stick").place
    before = everything(place)
    tile = next(place.glob("tile/0/000.p/*"))
    tile.write_bytes(b"")
    copied(original, tmp_path / "stick")
    assert everything(place) == before
    (place / "checkpoint").write_text("of somebody else\n")
    with pytest.raises(UsageError, match="something else"):
        copied(original, tmp_path / "stick")
    with closing(open_for_reading(original / "audit.db")) as db, pytest.raises(UsageError, match="not a directory"):
        write_copy(db, key_of(original), tmp_path / "none")


def test_a_copy_without_its_key_asks_for_it(original, tmp_path):
    place = copied(original, tmp_path / "stick").place
    assert "file's own" in "\n".join(standalone.lines_of(check_file(place)))
    (place / "log.vkey").unlink()
    with pytest.raises(standalone.Unreadable):
        check_file(place)
