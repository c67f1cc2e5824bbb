"""A technician's day: a gun found off, adjusted, signed; its certificate; whom it touches; the lock until then."""

import hashlib
import json

import pytest
from support.calibration import Technician
from support.checks import assert_one_clear_line
from support.clinic import CHART, OTHER, alias_of, copied
from support.printed import pages_of

pytestmark = [
    pytest.mark.usefixtures("warm"),
    pytest.mark.timeout(400),  # a calibration, two sessions and many slow looks at a PIN
]


@pytest.mark.hazard("HZ-20")
def test_a_failed_check_is_certified_names_whom_it_touches_and_locks_until_a_clinician_has_signed(bench, founding):
    clinic = copied(bench, founding)
    technician = Technician(clinic)
    patient, other = alias_of(founding, CHART), alias_of(founding, OTHER)
    clinic.session(patient).ok()
    clinic.clean()
    technician.at_the_bench("--plunger-gain-ppm", "20000")
    words = ("--balance", technician.balance, "--adjust", "--profile", "field", "--readings", "6", "--shots", "4")
    result = technician.calibrate("dose", "--bench", technician.file(), *words).ok(within_s=200).json()
    assert result["as_found"]["verdict"] == "fail"
    run = result["run"]
    clinic.gun.kill()
    clinic.gun.start()

    def refused(*names):
        process = clinic.session(other, checks=clinic.checks(needle="N-2", head="H-2"))
        process.wait()
        assert_one_clear_line(process, status=1, names=names)

    refused("not signed by two people")
    early = bench.meso("calibration", "certificate", run, "--out", "early.pdf")
    early.wait()
    assert_one_clear_line(early, status=2, names=("not signed",))
    technician.sign().ok()

    out = bench.path / "certificate.pdf"
    told = bench.meso("calibration", "certificate", run, "--out", out, "--laboratory", "Bench", "--json").ok().json()
    certificate = out.with_suffix(".json").read_bytes()
    assert hashlib.sha256(certificate).hexdigest() == told["certificate_sha256"]
    assert json.loads(certificate)["simulated"] is True
    pages = pages_of(out)
    assert all(told["number"] in page and "SIMULATED" in page for page in pages)
    assert "as found fail, as left pass" in pages[0]
    assert "B0000001" in "".join(pages)

    touched = bench.meso("calibration", "affected", run, "--json").ok().json()
    assert [(one["alias"], one["shots"]) for one in touched["touched"]] == [(patient, 2), (patient, 2)]
    low, high = touched["error_ppm"]
    assert low < 20_000 < high
    refused("meso calibration affected")
    pins = clinic.pins("cleo")
    bench.meso("calibration", "affected", run, "--sign", "--as", "cleo", "--pin-file", pins).ok()
    clinic.session(other, checks=clinic.checks(needle="N-3", head="H-3")).ok()
    [due] = bench.meso("calibration", "due", "--json").ok().json()["due"]
    assert (due["run"], due["state"], due["verdict"]) == (run, "valid", "pass")
    bench.meso("audit", "verify").ok()
