"""A technician's service of a gun: registered, updated, accepted by two, and a part that wears out."""

import pytest
from support.checks import assert_one_clear_line
from support.clinic import CHART, OTHER, alias_of, copied

pytestmark = [pytest.mark.usefixtures("warm"), pytest.mark.timeout(300)]  # sessions and many slow looks at a PIN


@pytest.mark.hazard("HZ-19")
@pytest.mark.hazard("HZ-21")
@pytest.mark.hazard("HZ-32")
@pytest.mark.hazard("HZ-35")
def test_a_changed_gun_and_a_worn_one_treat_nobody_until_service_is_done(bench, founding):
    clinic = copied(bench, founding)
    port = ("--gun", clinic.gun.link)

    def service(*words, by="tom", pins=("tom",)):
        return bench.meso("service", *words, "--as", by, "--pin-file", clinic.pins(*pins))

    def refused(process, *names, status=1):
        process.wait()
        assert_one_clear_line(process, status=status, names=names)

    refused(service("check", *port, by="cleo", pins=("cleo",)), "cleo", "may not service")
    seen = service("check", *port, "--json").ok().json()
    assert (seen["registered"], seen["simulated"], seen["findings"]) == (True, True, [])
    clinic.session(alias_of(founding, CHART)).ok()
    again = service("check", *port, "--json").ok().json()
    assert (again["registered"], again["waiting"], again["difference_nl"]) == (False, 0, 0)
    assert again["strokes"] == clinic.gun.shots()

    clinic.clean()
    clinic.gun.kill()
    clinic.gun.start("--firmware", "1.0.1")
    other = alias_of(founding, OTHER)

    def session(no):
        return clinic.session(other, checks=clinic.checks(needle=f"N-{no}", head=f"H-{no}"))

    refused(session(2), "locked: identity", "meso service check")
    told = service("check", *port, "--json")
    refused(told, "another than was registered", "firmware 1.0.0 -> 1.0.1", "meso service accept")
    assert [one["code"] for one in told.json()["findings"]] == ["identity"]
    accept = ("accept", *port, "--reason", "firmware_update")
    refused(service(*accept, "--second", "tom", pins=("tom", "tom")), "two different people")
    refused(service(*accept, "--second", "cleo", pins=("tom", "cleo")), "cleo", "may not be the second person")
    assert "registered now" in service(*accept, "--second", "ada", pins=("tom", "ada")).ok().out
    refused(service(*accept, "--second", "ada", pins=("tom", "ada")), "nothing to accept")

    fit = ("fit", "seal", "S-1", *port, "--limit", "20", "--before", "18")
    refused(service(*fit, "--second", "cleo", pins=("tom", "cleo")), "may not be the second person")
    fitted = service(*fit, "--second", "ada", "--json", pins=("tom", "ada")).ok().json()
    assert (fitted["strokes"], fitted["strokes_max"], fitted["state"]) == (18, 20, "soon")
    service("record", "lead_screw_greased", *port).ok()
    [soon] = bench.meso("calibration", "due", "--json").ok().json()["parts"]
    assert (soon["serial"], soon["state"]) == ("S-1", "soon")
    # The rule is judged before each grant, and the first one is of two points: the rest has to wait for a new seal.
    refused(session(3), "seal 'S-1' of this gun has made 20 strokes, 20 are allowed", "meso service fit")
    service("fit", "seal", "S-2", *port).ok()
    bench.resume(clinic.gun.link, "--operator", "cleo", "--pin-file", clinic.pins("cleo")).ok()
    [gun] = bench.meso("service", "list", "--json").ok().json()["guns"]
    assert (gun["identity"]["firmware"], gun["findings"]) == ("1.0.1", [])
    assert [(one["serial"], one["strokes"] < 20) for one in gun["parts"]] == [("S-2", True)]
    assert [one["serial"] for one in gun["of_patients"]] == ["N-3", "H-3"]
    assert [one["act"] for one in gun["acts"]] == ["lead_screw_greased"]
    shown = bench.meso("service", "list").ok().out
    assert "seal S-2" in shown
    assert "firmware 1.0.1" in shown
    bench.meso("audit", "verify").ok()
