"""`meso conformance` as a firmware author uses it: a real process, a real port."""

import signal

import pytest
from support.checks import assert_one_clear_line
from support.devices import Mute
from support.frames import STATE_ESTOPPED, STOP_BYTES
from support.gun import ask_hello
from support.processes import wait_for

SOME = ("W-007", "W-029", "W-072", "W-089", "W-100", "W-151")


def named(report):
    return {one["rule"]: one["verdict"] for one in report["rules"]}


def test_rules_named_are_tried_against_the_gun_at_a_port(bench):
    gun = bench.gun(hand="none")
    words = [word for rule in SOME for word in ("--rule", rule)]
    kit = bench.meso("conformance", "--gun", gun.link, "--yes-guard-is-on", "--json", *words).ok()
    report = kit.json()
    assert named(report) == dict.fromkeys(SOME, "passed")
    assert report["gun"]["simulated"]
    assert gun.shots() == 0


@pytest.mark.invariant("I-60")
@pytest.mark.hazard("HZ-40")
def test_a_gun_with_a_link_key_is_tried_with_the_key_of_a_file_alone(bench):
    card = bench.path / "card.key"
    gun = bench.gun(extra=("--auth-key-file", card), hand="none")
    rules = ("W-029", "W-222", "W-224", "W-226")
    words = [word for rule in rules for word in ("--rule", rule)]
    try_it = ("conformance", "--gun", gun.link, "--yes-guard-is-on", "--json", *words)
    kit = bench.meso(*try_it)
    kit.wait()
    assert_one_clear_line(kit, status=1, names=("takes only a host that holds its link key", "--link-key-file"))
    report = bench.meso(*try_it, "--link-key-file", card).ok().json()
    assert named(report) == dict.fromkeys(rules, "passed")
    assert report["gun"]["authenticated"]
    wrong = bench.path / "wrong.key"
    for content, mode, status, said in (
        ("ff" * 16, 0o600, 1, "does not bear the tag of the gun's link key"),
        ("ff" * 16, 0o640, 2, "chmod 600"),
        ("ff" * 15, 0o600, 2, "32 hexadecimal digits"),
    ):
        wrong.write_text(content)
        wrong.chmod(mode)
        kit = bench.meso(*try_it, "--link-key-file", wrong)
        kit.wait()
        assert_one_clear_line(kit, status=status, names=(said,))
    kit = bench.meso(*try_it, "--link-key-file", bench.path / "nowhere")
    kit.wait()
    assert_one_clear_line(kit, status=2, names=("nowhere", "cannot be read"))


def test_without_the_word_about_the_guard_no_credit_is_given(bench):
    gun = bench.gun()  # its hand pulls whenever it is armed
    kit = bench.meso("conformance", "--gun", gun.link, "--rule", "W-100", "--rule", "W-050").ok()
    assert "not run  W-100   gives credit: only with the needle guard on" in kit.out
    assert "passed   W-050" in kit.out
    assert gun.shots() == 0


@pytest.mark.parametrize(("number", "status"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_ended_by_a_signal_it_stops_the_gun(bench, number, status):
    gun = bench.gun(hand="none")
    kit = bench.meso("conformance", "--gun", gun.link, "--yes-guard-is-on")
    wait_for(lambda: "W-002" in kit.out, "the first findings")
    kit.send(number)
    assert kit.wait() == status, kit.describe()
    assert "Traceback" not in kit.err
    hello = ask_hello(gun.link)
    assert hello["state"] == STATE_ESTOPPED
    assert gun.shots() == 0


def test_what_is_no_gun_is_told_in_a_line(bench):
    with Mute(bench.path / "port") as port:
        kit = bench.meso("conformance", "--gun", port.link, "--yes-guard-is-on")
        kit.wait()
        assert STOP_BYTES not in port.heard
    assert_one_clear_line(kit, status=1, names=(str(port.link), "no reply to HELLO"))


def test_asked_for_in_a_wrong_way_it_says_so_in_a_line(bench):
    for words, said in (
        ((), "--gun PORT"),
        (("--simulate", "--gun", "/dev/null"), "--simulate"),
        (("--simulate", "--rule", "W-999"), "W-999"),
        (("--gun", bench.path / "nowhere"), "no such device"),
    ):
        kit = bench.meso("conformance", *words)
        kit.wait()
        assert_one_clear_line(kit, status=2, names=(said,))
