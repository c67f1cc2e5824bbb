"""A gun with a link key, paired by a technician, and what a cable that lies comes to."""

import secrets

import pytest
from support.checks import assert_one_clear_line
from support.clinic import CHART, alias_of, copied
from support.records import read_bodies

pytestmark = [
    pytest.mark.usefixtures("warm"),
    pytest.mark.timeout(300),
    pytest.mark.invariant("I-60"),
    pytest.mark.hazard("HZ-40"),
]


def test_a_paired_gun_treats_under_tags_and_one_without_its_key_is_asked_nothing(bench, founding):
    clinic = copied(bench, founding)
    card, wrong = bench.path / "card", clinic.file(".key", secrets.token_hex(16))
    patient = alias_of(founding, CHART)

    def link(*words, by="tom"):
        return bench.meso("link", *words, "--as", by, "--pin-file", clinic.pins(by))

    def refused(process, *names, status=1):
        process.wait()
        assert_one_clear_line(process, status=status, names=names)

    port = ("--gun", clinic.gun.link)
    refused(link("pair", *port, "--key-file", wrong), "holds no link key")
    clinic.gun.kill()
    clinic.gun.start("--auth-key-file", card)
    assert card.stat().st_mode & 0o777 == 0o600
    key = card.read_text().strip()
    refused(clinic.session(patient), "takes only a host that holds its key", "meso link pair")
    assert clinic.gun.shots() == 0

    refused(link("pair", *port, "--key-file", wrong), "another key", "nothing was kept")
    refused(link("pair", *port, "--key-file", card, by="cleo"), "cleo", "may not service")
    card.chmod(0o644)
    refused(link("pair", *port, "--key-file", card), "chmod 600", status=2)
    card.chmod(0o600)
    assert not (bench.home / "link.keys").exists()
    assert "paired" in link("pair", *port, "--key-file", card).ok().out
    assert (bench.home / "link.keys").stat().st_mode & 0o777 == 0o600
    clinic.session(patient).ok()
    assert clinic.gun.shots() > 0
    ups = [body["authenticated"] for body in read_bodies(bench.home, "link.up")]
    assert ups[-1] is True
    [act] = read_bodies(bench.home, "service.act")
    assert (act["act"], act["role"]) == ("link_paired", "technician")
    assert [body["op"] for body in read_bodies(bench.home, "sign")][-1] == act["op"]

    kit = bench.meso("conformance", *port, "--rule", "W-221", "--rule", "W-203").ok()
    assert "link authenticated" in kit.out
    assert "passed   W-221" in kit.out

    # Somebody in the middle lets the gun seem to be one without a key: nothing is asked of it.
    cable = bench.cable(clinic.gun)
    cable.order("keyless")
    shots = clinic.gun.shots()
    refused(bench.run_session(cable.link), "answers without its key")
    check = ("service", "check", "--gun", cable.link, "--as", "tom", "--pin-file", clinic.pins("tom"))
    refused(bench.meso(*check), "answers without its key", status=2)
    for words in (
        ("stock", "waste", "--volume", "0.1 mL", "--reason", "dropped"),
        ("reprocess", "--agent", "Steri", "--lot", "S-1", "--medium", "sterile_water"),
        ("service", "settle", "--reason", "x"),
        ("link", "forget"),
    ):
        told = len(read_bodies(bench.home, "login"))
        refused(bench.meso(*words, "--gun", cable.link, "--as", "cleo"), "answers without its key", status=2)
        assert len(read_bodies(bench.home, "login")) == told
    assert clinic.gun.shots() == shots
    assert len(read_bodies(bench.home, "link.up")) == len(ups)
    cable.process.kill()

    (bench.home / "link.keys").chmod(0o640)
    refused(bench.run_session(clinic.gun.link), "chmod 600", status=2)
    (bench.home / "link.keys").chmod(0o600)
    told = [path for path in bench.path.rglob("*") if path.is_file() and path not in {card, bench.home / "link.keys"}]
    secret = (key.encode(), bytes.fromhex(key))
    assert [path.name for path in told if any(one in path.read_bytes() for one in secret)] == [clinic.gun.nvm.name]

    assert "forgotten" in link("forget", *port).ok().out
    assert (bench.home / "link.keys").read_text() == ""
    acts = [body["act"] for body in read_bodies(bench.home, "service.act")]
    assert acts == ["link_paired", "link_forgotten"]
    refused(link("forget", *port), "nothing to forget")
    bench.meso("audit", "verify").ok()
