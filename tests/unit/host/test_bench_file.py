"""The bench file: what stands there and what is allowed, or one line that says what is wrong with it."""

import os

import pytest

from meso_device.calibration.record import Limits
from meso_device.host.bench_file import BYTES_MAX, load_bench
from protocols.errors import UsageError

TEXT = """
place = "bench 1"
interval_days = 180

[balance]
serial = "B0000001"
certificate = "M-2026-114"
due = 2030-03-31
u_ug = 10

[thermometer]
serial = "T-7"
certificate = "T-2026-020"
due = 2030-03-31
u_mk = 100

[room]
water_mdegc = 20000
air_mdegc = 20500
pressure_pa = 101325
humidity_permille = 500

[limits]
mean_permille = 8
"""


def read(tmp_path, text):
    path = tmp_path / "bench.toml"
    path.write_text(text)
    return load_bench(str(path))


def test_a_bench_is_read_as_it_is_written(tmp_path):
    bench = read(tmp_path, TEXT)
    assert (bench.place, bench.interval_days) == ("bench 1", 180)
    assert [(one.what, one.serial, one.u, one.unit) for one in bench.references] == [
        ("balance", "B0000001", 10, "ug"), ("thermometer", "T-7", 100, "mk")
    ]  # fmt: skip
    assert bench.references[0].due_day == 22_004
    assert bench.conditions.air_mdegc == 20_500
    assert bench.limits == Limits(mean_permille=8)


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("u_ug = 10", "u_ug = 10.5", "u_ug"),
        ("u_ug = 10", 'u_ug = "10 ug"', "u_ug"),
        ("u_ug = 10", "u_ug = 0", "no instrument is exact"),
        ("u_ug = 10", "", "u_ug"),
        ("u_ug = 10", "u_mg = 10", "u_mg"),
        ("due = 2030-03-31\nu_ug", 'due = "31.3.2030"\nu_ug', "due"),
        ('serial = "B0000001"', 'serial = ""', "balance.serial"),
        ("air_mdegc = 20500", "air_mdegc = 40000", "15 to 30 degC"),
        ("mean_permille = 8", "mean_permille = 0", "limits.mean_permille"),
        ("mean_permille = 8", 'rule = "kind"', "rule"),
        ("mean_permille = 8", "mean_permil = 8", "mean_permil"),
        ("interval_days = 180", "interval_days = 0", "interval_days"),
        ('place = "bench 1"', "place = bench", "refused"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, old, new, named):
    assert old in TEXT
    with pytest.raises(UsageError, match=r"refused|15 to 30") as caught:
        read(tmp_path, TEXT.replace(old, new, 1))
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_nothing_but_a_plain_file_of_reasonable_length_is_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "long").write_bytes(b"#" * (BYTES_MAX + 1))
    for name in ("none", "pipe", "long", ".", "a\0b"):
        with pytest.raises(UsageError, match="bench file"):
            load_bench(str(tmp_path / name))
