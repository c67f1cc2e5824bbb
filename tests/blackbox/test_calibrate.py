"""A technician's run at the bench: real processes, a balance on a port of its own, killed and taken up again."""

import select
import signal

import pytest
from support.calibration import GRAMS_SHOWN_PER_NL, Emulator, Technician
from support.checks import assert_one_clear_line
from support.clinic import copied
from support.extent import LONG
from support.processes import wait_for

pytestmark = pytest.mark.usefixtures("warm")


@pytest.fixture
def technician(bench, founding):
    return Technician(copied(bench, founding))


@pytest.mark.timeout(300)
def test_a_planted_error_is_found_corrected_and_signed_though_the_host_is_killed(technician):
    technician.at_the_bench("--plunger-gain-ppm", "20000")
    words = ("--balance", technician.balance, "--adjust")
    # Four shots a reading: by the spread of single ones the verdict is now and then another.
    plan = ("--profile", "field", "--readings", "6", "--shots", "4")
    run = technician.calibrate("dose", "--bench", technician.file(), *plan, *words)
    wait_for(lambda: technician.logged("calibration.reading") >= 4, "some readings", within_s=60)
    run.send(signal.SIGKILL)
    run.wait()
    another = technician.calibrate("dose", "--bench", technician.file(), *words)
    another.wait()
    assert_one_clear_line(another, status=2, names=("is open", "meso calibrate resume"))
    pins = ("--reason", "table_bumped", "--as", "tom", "--pin-file", technician.clinic.pins("tom"))
    assert "does not count" in technician.bench.meso("calibrate", "exclude", "3", *pins).ok().out
    unknown = technician.bench.meso("calibrate", "exclude", "30", *pins)
    unknown.wait()
    assert_one_clear_line(unknown, status=2, names=("no counted reading 30",))
    resumed = technician.calibrate("resume", *words).ok(within_s=170).json()
    assert (resumed["state"], resumed["verdict"], resumed["simulated"]) == ("SIGN", "pass", True)
    assert resumed["as_found"]["verdict"] == "fail"
    assert abs(resumed["as_found"]["gain_error_ppm"] - 20_000) < 6_000
    assert abs(resumed["as_left"]["gain_error_ppm"]) < 6_000
    assert [len(point["volumes_pl"]) for point in resumed["as_left"]["points"]] == [6]
    # Reading 3 is the first dose, and the second one began from it.
    assert [len(point["volumes_pl"]) for point in resumed["as_found"]["points"]] == [4]
    assert "signed by tom and ada" in technician.sign().ok().out
    again = technician.sign()
    again.wait()
    assert_one_clear_line(again, status=2, names=("signed already",))
    technician.bench.meso("audit", "verify").ok()


@pytest.mark.skipif(not LONG, reason="two minutes of settling: in the long form")
def test_a_whole_pooled_run_weighs_on_a_balance_that_nobody_here_wrote(technician):
    """The drops of the simulated gun are put on the pan of ``mt-sics-emulator`` by hand, as they fall."""
    pytest.importorskip("mtsics", reason="mt-sics-emulator is not installed")
    technician.at_the_bench()
    with Emulator(technician.bench.path) as balance:
        balance.load(20)
        words = ("--profile", "field", "--shots", "10", "--readings", "5", "--balance", balance.port_name)
        run = technician.calibrate("dose", "--bench", technician.file("B0000001", balance.serial), *words)
        while run.running:
            shots = [truth for truth in technician.clinic.gun.truth() if truth.kind == "BENCH"]
            balance.load(20 + sum(shot.dose_nl for shot in shots) * GRAMS_SHOWN_PER_NL)
            select.select([], [], [], 0.2)
    result = run.json()
    assert (result["state"], result["verdict"]) == ("SIGN", "pass"), run.describe()
    [point] = result["as_found"]["points"]
    assert len(point["volumes_pl"]) == 5
    given = [truth.dose_nl for truth in technician.clinic.gun.truth() if truth.kind == "BENCH"][-50:]
    assert abs(point["mean_pl"] - sum(given) * 20) < point["expanded_pl"] < point["limit_pl"]
    assert point["tolerance_k_ppm"] == 0


def test_sensors_and_what_is_refused_before_anything_moves(technician):
    technician.at_the_bench()
    result = technician.calibrate("sensors", "--bench", technician.file()).ok().json()
    assert (result["state"], result["verdict"], result["readings"]) == ("SIGN", "pass", 30)
    for words, status, names in (
        (("dose", "--bench", technician.file("due = 2099", "due = 2020")), 1, ("REFERENCE_EXPIRED", "B0000001")),
        (("dose", "--bench", technician.file("u_ug = 10", "u_ug = 0")), 2, ("balance.u_ug",)),
        (("dose", "--bench", technician.file(), "--syringe", "bd_1ml"), 1, ("WRONG_SYRINGE",)),
        (("dose", "--bench", technician.file(), "--balance", "/dev/nowhere"), 2, ("no such device",)),
        (("dose", "--bench", technician.bench.path / "none.toml"), 2, ("bench file",)),
        (("resume", "--balance", technician.balance), 0, ()),
    ):
        refused = technician.calibrate(*words)
        assert refused.wait() == status, refused.describe()
        assert all(name in refused.err + refused.out for name in names), refused.describe()
        assert len(refused.err.splitlines()) <= 1, refused.describe()
    assert technician.logged("calibration.reading") == 30
    assert not any(truth.kind == "BENCH" for truth in technician.clinic.gun.truth())


def test_a_run_whose_gun_and_balance_are_gone_is_given_up_by_a_technician_alone(technician):
    technician.at_the_bench()
    run = technician.calibrate("dose", "--bench", technician.file(), "--balance", technician.balance)
    wait_for(lambda: technician.logged("calibration.reading") >= 2, "some readings", within_s=60)
    technician.clinic.gun.kill()
    technician.balance.unlink(missing_ok=True)
    assert run.wait(within_s=60) == 1, run.describe()
    assert "meso calibrate resume" in run.err
    refused = technician.bench.meso(
        "calibrate", "abandon", "--reason", "gun_broken", "--as", "dora", "--pin-file", technician.clinic.pins("dora")
    )
    refused.wait()
    assert_one_clear_line(refused, status=1, names=("may not calibrate",))
    technician.bench.meso(
        "calibrate", "abandon", "--reason", "gun_broken", "--as", "tom", "--pin-file", technician.clinic.pins("tom")
    ).ok()
    assert technician.logged("calibration.ended") == 1


@pytest.mark.hazard("HZ-45")
@pytest.mark.timeout(300)
def test_a_syringe_is_measured_through_all_its_thirds_its_row_written_and_weighed_again_when_filled(technician):
    technician.at_the_bench("--syringe", "bd_1ml", "--plunger-gain-ppm", "50000")
    words = ("--balance", technician.balance, "--adjust")
    file = technician.file("[room]", "[limits]\nmean_permille = 20\nsingle_permille = 100\n\n[room]")
    plan = ("--syringe-lot", "B-7", "--dose", "0.015 mL", "--readings", "3")
    refused = technician.calibrate("syringe", "--bench", file, *plan, *words)
    refused.wait()
    assert_one_clear_line(refused, status=2, names=("LIMITS_NOT_RELEASED", "meso calibration limits"))
    two = ("--as", "ada", "--second", "cleo", "--pin-file", technician.clinic.pins("ada", "cleo"))
    technician.bench.meso("calibration", "limits", file, "--release", "--reason", "small_syringe", *two).ok()
    run = technician.calibrate("syringe", "--bench", file, "--thermometer", *plan, *words, says="20.1 degC\n")
    run.wait(within_s=200)
    assert_one_clear_line(run, status=1, names=("SYRINGE_USED", "fill the syringe", "meso calibrate resume"))
    # The technician at the gun fills what is two thirds empty.
    done = technician.calibrate("resume", *words, says="20.2 degC\n").ok(within_s=200).json()
    found, left = done["as_found"], done["as_left"]
    assert (done["what"], found["verdict"], left["verdict"]) == ("syringe", "fail", "pass")
    assert [zone for zone, _ in found["zone_pl_per_um"]] == [1, 2, 3]
    old, new = done["adjusted"]["old"], done["adjusted"]["new"]
    assert abs(new["pl_per_um"] / old["pl_per_um"] - 1.05) < 0.01
    assert abs(left["pl_per_um"] / old["pl_per_um"] - 1.05) < 0.01
    assert new["dose_gain_ppm"] == old["dose_gain_ppm"]
    technician.sign().ok()
    shown = technician.bench.meso("calibration", "show", done["run"]).ok().out
    assert "lot B-7" in shown
    assert f"pl_per_um {old['pl_per_um']} -> {new['pl_per_um']}" in shown
    assert f"geometry: {left['pl_per_um']} pL a um" in shown
    page = technician.bench.path / "certificate.html"
    technician.bench.meso("calibration", "certificate", done["run"], "--out", page).ok()
    assert "Geometry of the syringe as left" in page.read_text()
    assert "at the start alone" not in page.read_text()
    [due] = technician.bench.meso("calibration", "due", "--json").ok().json()["due"]
    assert (due["what"], due["verdict"]) == ("syringe", "pass")
