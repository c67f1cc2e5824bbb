"""The kit finds nothing in a gun that keeps the rules, and names the rule that each broken gun breaks."""

from pathlib import Path

import pytest

from meso_device.conformance.bench import Bench
from meso_device.conformance.findings import CHECKED, Broken
from meso_device.conformance.line import Hands
from meso_device.conformance.person import PersonHands
from meso_device.conformance.report import document, gun_line, sum_line, untested_lines
from meso_device.conformance.simulated import simulated_gun
from meso_device.conformance.spec import spec_rules
from meso_device.conformance.untestable import WHY_NOT
from meso_device.conformance.verdicts import Verdict, chosen_numbers, judge
from protocols.errors import MesoError, UsageError
from protocols.wire.codes import State
from protocols.wire.messages import GrantSet, ServiceMove
from protocols.wire.seal import TAGGED
from tests.unit.conformance.broken_guns import BROKEN

ROOT = Path(__file__).parents[3]
HOST_ID = bytes(range(16))
KEY = bytes(range(0x40, 0x50))
KEYED = {number for number, rule in CHECKED.items() if rule.keyed}


def bench_of(*, hands=True, guarded=True, gun_key=None, key=None):
    line, simulated_hands = simulated_gun("conformance", link_key=gun_key)
    return Bench(
        line,
        host_id=HOST_ID,
        hands=simulated_hands if hands else None,
        guarded=guarded,
        link_key_of=lambda _: key,
    )


def keyed_bench(**given):
    return bench_of(gun_key=KEY, key=KEY, **given)


def untried(findings, verdict):
    return {one.number: one.seen for one in findings if one.verdict is verdict}


def failed(findings):
    return {one.number: one.seen for one in findings if one.verdict is Verdict.FAILED}


def test_every_rule_of_the_text_is_checked_or_said_to_be_out_of_reach():
    assert sorted([*CHECKED, *WHY_NOT]) == list(spec_rules())
    assert len(spec_rules()) >= 214


def test_the_document_tells_the_share_of_rules_that_is_tried():
    text = " ".join((ROOT / "docs/conformance.md").read_text().split())
    hosts = sum(why == "binds the host" for why in WHY_NOT.values())
    assert f"Of the {len(spec_rules())} rules, {hosts} bind the host" in text
    assert f"the kit tries {len(CHECKED)};" in text


def test_a_gun_that_keeps_the_rules_breaks_none():
    findings = [*judge(bench_of(), chosen_numbers([]))]
    assert failed(findings) == {}
    assert untried(findings, Verdict.NOT_RUN) == {"W-141": "this gun has an encoder"}
    assert untried(findings, Verdict.NOT_OFFERED) == dict.fromkeys(KEYED, "this gun holds no link key")
    assert sum(one.verdict is Verdict.PASSED for one in findings) == len(CHECKED) - 1 - len(KEYED)
    told = " ".join(untested_lines(findings))
    assert f"not offered by this gun:   this gun holds no link key: {' '.join(sorted(KEYED))}" in " ".join(
        told.split(" ")
    )
    assert f"{len(KEYED)} not offered by this gun" in sum_line(findings)


@pytest.mark.invariant("I-60")
@pytest.mark.hazard("HZ-40")
def test_a_gun_with_a_link_key_is_tried_under_tags_and_breaks_no_rule_either():
    bench = keyed_bench()
    sent = []
    send = bench.line.send
    bench.line.send = lambda data: (sent.append(data), send(data))
    findings = [*judge(bench, chosen_numbers([]))]
    assert failed(findings) == {}
    not_run = untried(findings, Verdict.NOT_RUN)
    assert not_run == {"W-141": "this gun has an encoder", "W-203": "this gun holds a link key"}
    assert untried(findings, Verdict.NOT_OFFERED) == {}
    assert {f"W-{number}" for number in range(215, 227)} == KEYED
    assert ", link authenticated" in gun_line(bench.hello)
    assert document(bench.hello, findings)["gun"]["authenticated"] is True
    tagged = sum(data[2:3] == bytes([TAGGED]) for data in sent)
    assert tagged > len(sent) // 2
    assert KEY not in b"".join(sent)


def test_a_gun_with_a_link_key_is_not_touched_without_it_nor_under_another_nor_one_that_lost_it():
    for gun_key, key, error, said in (
        (KEY, None, MesoError, "--link-key-file"),
        (KEY, KEY[::-1], Broken, "does not bear the tag of the gun's link key"),
        (None, KEY, MesoError, "answers without one"),
    ):
        bench = bench_of(gun_key=gun_key, key=key)
        before = bench.standing()
        with pytest.raises(error, match=said) as raised:
            bench.settle()
        bench.link_key = b""
        assert bench.standing() == before
        assert KEY.hex() not in str(raised.value)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.hazard(row) for row in gun.hazards])
        for name, gun in sorted(BROKEN.items())
    ],
)
def test_a_broken_gun_is_found_by_the_number_of_the_rule(name, monkeypatch):
    gun = BROKEN[name]
    gun.breaks(monkeypatch)
    findings = [*judge(keyed_bench() if set(gun.rules) <= KEYED else bench_of(), gun.rules)]
    assert set(failed(findings)) == set(gun.rules), [(one.number, one.verdict, one.seen) for one in findings]


def test_the_same_rules_pass_on_the_whole_gun():
    rules = {rule for gun in BROKEN.values() for rule in gun.rules}
    assert len(BROKEN) >= 15
    assert rules >= KEYED
    assert rules <= CHECKED.keys()


def test_without_the_word_about_the_needle_guard_nothing_that_moves_is_sent():
    bench = bench_of(guarded=False)
    sent = []
    send = bench.line.send
    bench.line.send = lambda data: (sent.append(data), send(data))
    findings = [*judge(bench, chosen_numbers([]))]
    assert failed(findings) == {}
    moving = {bytes([GrantSet.TYPE]), bytes([ServiceMove.TYPE])}
    assert not [data for data in sent if len(data) > 16 and data[3:4] in moving]
    assert bench.status().trigger_count == 0
    assert bench.look().head_seq == 0


def test_without_hands_the_rest_is_tried_all_the_same():
    findings = [*judge(bench_of(hands=False), chosen_numbers([]))]
    assert failed(findings) == {}
    passed = {one.number for one in findings if one.verdict is Verdict.PASSED}
    assert passed >= {number for number, rule in CHECKED.items() if not rule.hands} - KEYED


def test_a_gun_with_records_that_no_host_has_taken_over_is_left_alone():
    bench = bench_of()
    bench.settle()
    bench.arm(shots=1)
    bench.touch()
    bench.shoot()
    bench.stop()
    before = bench.standing()
    other = Bench(bench.line, host_id=HOST_ID[::-1], hands=bench.hands, guarded=True)
    with pytest.raises(MesoError, match="1 records that no host has taken over"):
        other.settle()
    assert bench.standing() == before


def test_a_latch_that_was_there_before_is_cleared_only_with_the_guard_on():
    bench = bench_of(guarded=False)
    bench.settle()
    bench.stop()
    before = bench.standing()
    other = Bench(bench.line, host_id=HOST_ID[::-1], hands=bench.hands, guarded=False)
    with pytest.raises(MesoError, match="needle guard on"):
        other.settle()
    assert bench.standing() == before
    other.guarded = True
    other.settle()
    assert other.status().estop_latch_id == 0


def test_the_gun_is_left_safe_and_silent():
    bench = bench_of()
    bench.settle()
    bench.arm(shots=3)
    bench.leave()
    mark = bench.mark()
    bench.listen(1_000_000)
    assert bench.line.gun.firmware.state is State.SAFE
    assert bench.line.gun.firmware.credit is None
    assert len(bench.since(mark)) <= 11  # the reader's session still gets its STATUS


class Person:
    """Reads what `PersonHands` tells and does it at the simulated gun; the kit sees it at the gun alone."""

    def __init__(self, hands):
        self._does = {
            "put the head on the test pad": lambda: hands.contact(True),
            "lift the head off the test pad": lambda: hands.contact(False),
            "press the trigger and hold it": lambda: hands.trigger(True),
            "let the trigger go": lambda: hands.trigger(False),
            "press the gun's service button once": hands.press_service_button,
            "press the gun's own stop button": hands.press_stop_button,
            "switch the gun off, and on again": lambda: (hands.power(False), hands.power(True)),
            "take the cartridge out and put a full one of its kind in": hands.change_cartridge,
        }
        self.told = []

    def reads(self, line):
        self.told.append(line)
        self._does[line]()


def test_a_person_who_does_what_the_lines_say_is_hands_enough():
    line, simulated_hands = simulated_gun("person")
    person = Person(simulated_hands)
    bench = Bench(line, host_id=HOST_ID, hands=PersonHands(person.reads), guarded=True)
    findings = [*judge(bench, chosen_numbers([]), quick=True)]
    assert failed(findings) == {}
    passed = {one.number for one in findings if one.verdict is Verdict.PASSED}
    assert {"W-062", "W-079", "W-083", "W-102", "W-104", "W-154", "W-172"} <= passed
    assert set(person.told) == set(person._does)
    exact = "needs a fixture that presses to the millisecond"
    assert {one.seen for one in findings if one.verdict is Verdict.NOT_RUN} <= {
        exact,
        "needs a fixture that switches the power",
        "takes longer than five seconds",
        "this gun has an encoder",
    }


def test_hands_that_never_come_are_no_fault_of_the_gun():
    line, _ = simulated_gun("alone")
    bench = Bench(line, host_id=HOST_ID, hands=PersonHands(lambda _: None), guarded=True)
    findings = [*judge(bench, ["W-053", "W-079", "W-083", "W-102", "W-175"])]
    assert {one.verdict for one in findings} == {Verdict.NOT_RUN}, findings


def test_a_rule_that_the_text_has_not_is_refused():
    with pytest.raises(UsageError, match="no rule 'W-999'"):
        chosen_numbers(["W-999"])


def test_hands_of_the_simulated_gun_are_whole():
    _, hands = simulated_gun()
    assert {name for name in vars(Hands) if not name.startswith("_")} <= {*dir(hands)}
