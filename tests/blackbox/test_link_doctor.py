"""`meso link doctor` on real ports: a good link, a damaged one, and what is no gun."""

import pytest
from support import frames
from support.cable import HOST_TO_GUN
from support.checks import assert_one_clear_line
from support.devices import Babbler, Mute

TIME_PING, DESCRIBE = 0x03, 0x02


def test_a_good_link_is_called_good_and_only_reads_are_sent(bench):
    gun = bench.gun(hand="none")
    cable = bench.cable(gun)
    doctor = bench.meso("link", "doctor", "--gun", cable.link, "--seconds", "1", "--ascii")
    doctor.wait()
    lines = doctor.out.splitlines()
    assert doctor.status == 0, doctor.describe()
    assert "SIMULATED" in lines[0]
    assert any("#" * 50 in line for line in lines)
    assert lines[-1].startswith(("good: ", "note: ")), doctor.describe()
    sent = {frame.type for _, frame in cable.frames(HOST_TO_GUN)}
    assert sent == {frames.HELLO, frames.STATUS_GET, TIME_PING, DESCRIBE}


def test_a_damaged_line_is_named_with_its_share_of_frames(bench):
    scenario = bench.path / "noise.toml"
    scenario.write_text('[[fault]]\nname = "flip"\nat_ms = 0\nstrength = 3000\n')
    gun = bench.gun(hand="none", extra=("--scenario", str(scenario)))
    doctor = bench.meso("link", "doctor", "--gun", gun.link, "--seconds", "2", "--json")
    doctor.wait()
    report = doctor.json()
    assert doctor.status == 1, doctor.describe()
    assert report["level"] == "bad"
    assert "damaged" in report["verdict"]
    assert max(report["damaged_to_gun_ppm"], report["damaged_to_host_ppm"]) > 10_000
    assert report["stats"]["retransmits"] > 0


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("", "no bytes from the gun"),
        ("lines", "bytes come that are no frames"),
        ("echo", "what is sent comes back"),
    ],
)
def test_what_is_no_gun_is_told_in_the_last_line(bench, kind, said):
    link = bench.path / "port"
    with Babbler(link, seed=1, kind=kind) if kind else Mute(link) as port:
        doctor = bench.meso("link", "doctor", "--gun", port.link, "--seconds", "1")
        doctor.wait()
    assert doctor.status == 1, doctor.describe()
    assert said in doctor.out.splitlines()[-1], doctor.describe()


def test_a_port_that_is_not_there_is_a_wrong_question(bench):
    doctor = bench.meso("link", "doctor", "--gun", bench.path / "nowhere")
    doctor.wait()
    assert_one_clear_line(doctor, status=2, names=("no such device",))
