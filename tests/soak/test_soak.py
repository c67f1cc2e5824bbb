"""The soak in seconds, and the proof that it sees a leak: of memory, an entry a grant, a descriptor a treatment."""

import os
import random
import subprocess
import sys
import threading
from collections import Counter

import pytest

from drivers.ports import open_port
from meso_device.accounting.book import GunBook
from meso_device.audit.records import Stamp
from meso_device.audit.store import Store
from meso_device.audit.writer import Writer
from meso_device.session.contract import Instant
from tests.soak import real
from tests.soak.census import census
from tests.soak.clinic import BRIEF, Clinic, live
from tests.soak.memory import PLAIN
from tests.soak.month import compare
from tests.soak.report import HELD, MIB, RSS, RSS_REAL, gate_of, highest, leaks
from tests.soak.slope import CONSTANT, Gate, Samples, fit

SHOTS = 30


def noisy(growth_per_shot, noise, count=200, step=50):
    rng = random.Random(1)
    xs = [no * step for no in range(count)]
    return fit("x", xs, [50 * MIB + growth_per_shot * x + rng.uniform(-noise, noise) for x in xs])


def test_a_leak_of_two_kib_per_thousand_shots_is_seen_through_noise_and_noise_alone_is_none():
    assert noisy(2.0, 4096).leaks(RSS)
    assert not noisy(0.0, 4096).leaks(RSS)
    assert not noisy(0.5, 4096).leaks(RSS)


def test_what_is_held_tells_objects_small_and_large_and_one_kept_for_each_treatment_is_a_leak():
    program = (
        "from tests.soak.memory import memory\n"
        "kept = [b''] * 11_000\n"
        "for begin, count, size in ((0, 0, 0), (0, 10_000, 100), (10_000, 1_000, 4_000)):\n"
        "    kept[begin : begin + count] = [bytes([no % 256]) * size for no in range(count)]\n"
        "    print(memory()['held B'])\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], env={**os.environ, **PLAIN}, capture_output=True, text=True, check=True
    ).stdout
    nothing, small, large = map(int, told.split())
    assert 1_330_000 < small - nothing < 1_600_000
    assert 4_000_000 < large - small < 4_100_000
    treatments = range(240)
    shots = [300.0 * no for no in treatments]
    assert fit("held B", shots, [11_000_000.0 + (small - nothing) / 10_000 * no for no in treatments]).leaks(HELD)


def test_growth_by_leaps_is_seen_by_its_total_however_uncertain_its_slope():
    xs = list(range(100))
    stairs = [0.0] * 95 + [60 * MIB] * 5
    assert fit("x", xs, stairs).leaks(Gate(per_thousand=1e12, in_all=5 * MIB))


def test_what_grew_before_the_first_third_was_warm_up():
    xs = list(range(90))
    assert not fit("x", xs, [min(x, 29) * MIB for x in xs]).leaks(RSS)


def test_a_constant_may_not_change_once_not_even_back():
    xs = list(range(90))
    assert not fit("x", xs, [8.0] * 90).leaks(CONSTANT)
    assert fit("x", xs, [8.0] * 70 + [9.0] + [8.0] * 19).leaks(CONSTANT)


def test_too_few_samples_are_no_proof():
    with pytest.raises(ValueError, match="cannot tell"):
        fit("x", [1, 2, 3], [1, 1, 1])


def test_the_census_finds_a_container_inside_a_flow_and_a_closure():
    inner = GunBook.__new__(GunBook)
    inner.grants = dict.fromkeys(range(5))

    def flow(held):
        yield held

    running = flow(inner)
    next(running)
    assert census(running)["GunBook.grants"] == 5
    assert census(lambda: inner)["GunBook.grants"] == 5


def test_nothing_grows_in_a_few_days_of_a_clinic_and_its_log_is_what_happened(tmp_path):
    clinic, samples = live(tmp_path / "home", BRIEF, restarts=False)
    assert leaks(samples.fits().values(), short=True) == []
    assert highest([samples.values["ring backlog"]]) == 0
    assert clinic.count.shots == BRIEF.days * BRIEF.treatments * (BRIEF.dry_shots + 15)
    compare(tmp_path / "home", clinic.count)


def test_the_soak_sees_a_grant_kept_for_ever_and_a_descriptor_left_open(tmp_path, monkeypatch):
    opened = []

    def keep(book, grant):
        book.grants[grant.grant_no] = grant

    def leave_open(clinic):
        opened.append(os.open(os.devnull, os.O_RDONLY))
        return counted(clinic)

    counted = Clinic.figures
    monkeypatch.setattr(GunBook, "reserve", keep)
    monkeypatch.setattr(Clinic, "figures", leave_open)
    # Grants are of one connection, so the leak shows within a day.
    pattern = type(BRIEF)(1, treatments=10, dry_shots=10, idle_us=1, lunch_us=1, marathon=0)
    try:
        _, samples = live(tmp_path / "home", pattern, restarts=False)
    finally:
        for number in opened:
            os.close(number)
    named = Counter(line.split(":")[0] for line in leaks(samples.fits().values(), short=True))
    assert named["GunBook.grants"] == 1
    assert named["objects of GrantAccount"] == 1
    assert named["descriptors"] == 1


def test_real_processes_hold_descriptors_threads_and_memory_and_keep_up(tmp_path):
    (samples,), figures = real.soak(tmp_path, shots=SHOTS, pairs=1, every_s=0.25, log=lambda _: None)
    assert isinstance(samples, Samples)
    assert leaks(samples.fits().values(), short=True) == []
    assert figures["shots"] == SHOTS
    assert highest([samples.values["lag of the log"]]) <= real.RATE_PER_S


def test_a_thousand_openings_of_a_port_and_twenty_of_a_log_leave_nothing_open(tmp_path):
    master, slave = os.openpty()
    name = os.ttyname(slave)
    stamp = Stamp(ts_us=1, mono_us=1, boot="soak", clock="synced")
    now = Instant(1, 1)
    before = None
    threads = threading.active_count()
    try:
        for no in range(1_000):
            open_port(name).close()
            if no % 50 == 0:
                store = Store.open(tmp_path / "home", software="soak", stamp=stamp)
                Writer(store, boot="soak", clock="synced").close(now)
            if before is None:
                before = real.of_process(os.getpid())
        after = real.of_process(os.getpid())
    finally:
        os.close(master)
        os.close(slave)
    assert after["descriptors"] == before["descriptors"]
    assert threading.active_count() == threads
    assert after["rss B"] - before["rss B"] < 5 * MIB


def test_memory_of_the_month_is_judged_by_the_strict_gate_and_that_of_real_processes_until_malloc_settles():
    assert gate_of("held B", short=False) is HELD
    assert gate_of("rss B", short=False) is RSS
    assert gate_of("host rss B", short=False) is RSS_REAL
    assert gate_of("gun threads", short=False) is CONSTANT


def test_sampling_itself_takes_no_memory_after_the_first_sample():
    samples = Samples(200)
    figures = {f"figure {no}": 0 for no in range(150)}
    samples.add(0, figures)
    before = sys.getallocatedblocks()
    for no in range(1, 200):
        samples.add(no, figures)
    assert abs(sys.getallocatedblocks() - before) < 20
    assert samples.values["figure 7"] == [0] * 200
