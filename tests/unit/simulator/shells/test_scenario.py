import pytest

from protocols.errors import UsageError
from simulator.shells.scenario import PlannedFault, Player
from simulator.shells.scenario_file import load_scenario, parse_scenario

GOOD = """
[[fault]]
name = "gun_reset"
at_shot = 5
delay_ms = 30
for_ms = 400

[[fault]]
name = "flip"
at_ms = 0
strength = 10000
direction = "to_host"

[[fault]]
name = "nvm_after_intent"
at_message = "GRANT_SET"
count = 2
"""


def test_good_file_is_read():
    assert parse_scenario(GOOD, "s.toml") == (
        PlannedFault(name="gun_reset", at_shot=5, delay_ms=30, for_ms=400),
        PlannedFault(name="flip", at_ms=0, strength=10_000, direction="to_host"),
        PlannedFault(name="nvm_after_intent", at_message="GRANT_SET", count=2),
    )
    assert parse_scenario("", "empty") == ()


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ('x = 1\n[[fault]]\nname = "leak"\nat_ms = 1', 1, "unknown key 'x'"),
        ('[[fault]]\nname = "leak"\nat_ms = 1\nstrenght = 3', 4, "unknown key 'strenght'"),
        ('[[fault]]\nname = "leak"\nat_ms = 1\n\n[[fault]]\nname = "leek"\nat_ms = 1', 6, "unknown fault 'leek'"),
        ('[[fault]]\nname = "leak"', 2, "exactly one of at_ms, at_shot, at_message"),
        ('[[fault]]\nname = "leak"\nat_ms = 1\nat_shot = 2', 2, "exactly one of"),
        ('[[fault]]\nname = "leak"\nat_ms = -1', 3, "at_ms takes a whole number, 0 to"),
        ('[[fault]]\nname = "leak"\nat_ms = 1.5', 3, "whole number"),
        ('[[fault]]\nname = "leak"\nat_ms = true', 3, "whole number"),
        ("[[fault]]\nname = 3\nat_ms = 1", 2, "text in quotes"),
        ("[[fault]]\nat_ms = 1", 1, "needs a name"),
        ('[[fault]]\nname = "leak"\nat_ms = 1\nstrength = 0', 4, "strength of leak is 1 to 1000000"),
        ('[[fault]]\nname = "flip"\nat_ms = 1\nstrength = 0', 4, "strength of flip is 1 to"),
        ('[[fault]]\nname = "torn_outcome"\nat_ms = 1\nstrength = 20', 4, "strength of torn_outcome is 0 to 19"),
        ('[[fault]]\nname = "unplug"\nat_ms = 1\nstrength = 1', 4, "has no strength"),
        ('[[fault]]\nname = "leak"\nat_ms = 1\ndirection = "to_host"', 4, "faults of the wire only"),
        ('[[fault]]\nname = "flip"\nat_ms = 1\ndirection = "up"', 4, "'to_gun' or 'to_host'"),
        ('[[fault]]\nname = "leak"\nat_message = "NO_SUCH"', 3, "unknown message"),
        ('[[fault]]\nname = "leak"\nat_ms = 1\ncount = 2', 4, "belongs to at_message"),
        ('[[fault]]\nname = "leak"\nat_ms = 1\nfor_ms = 2\nfor_shots = 2', 5, "not both"),
        ('[fault]\nname = "leak"\nat_ms = 1', 1, "[[fault]]"),
        ('[[fault]]\nname = "leak', 2, "line 2"),
    ],
)  # fmt: skip
def test_mistake_is_refused_with_its_line(text, line, what):
    with pytest.raises(UsageError) as refused:
        parse_scenario(text, "s.toml")
    message = str(refused.value)
    assert f"line {line}" in message
    assert what in message
    assert "\n" not in message


def test_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        load_scenario(tmp_path / "none")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    with pytest.raises(UsageError, match="UTF-8"):
        load_scenario(tmp_path / "binary")
    (tmp_path / "huge").write_bytes(b"#" * 1_000_001)
    with pytest.raises(UsageError, match="longer than"):
        load_scenario(tmp_path / "huge")
    (tmp_path / "good").write_text(GOOD)
    assert len(load_scenario(tmp_path / "good")) == 3


def names(switches):
    return [(switch.fault.name, switch.on) for switch in switches]


def test_fault_at_a_time_goes_on_and_off_then():
    player = Player((PlannedFault(name="leak", at_ms=100, delay_ms=50, for_ms=30),), now_us=1_000_000)
    assert player.next_us() == 1_100_000
    assert player.step(1_099_999, 0) == []
    assert player.step(1_100_000, 0) == []
    assert player.next_us() == 1_150_000
    assert names(player.step(1_150_000, 0)) == [("leak", True)]
    assert player.step(1_179_999, 0) == []
    assert names(player.step(1_180_000, 0)) == [("leak", False)]
    assert player.next_us() is None


def test_fault_at_a_stroke_lasts_as_many_strokes_as_it_says():
    player = Player((PlannedFault(name="clog", at_shot=3, for_shots=2),), now_us=0)
    told = {shots: names(player.step(shots, shots)) for shots in range(1, 8)}
    assert told == {1: [], 2: [], 3: [("clog", True)], 4: [], 5: [("clog", False)], 6: [], 7: []}


def test_fault_at_a_message_waits_for_its_count():
    player = Player((PlannedFault(name="unplug", at_message="GRANT_SET", count=2),), now_us=0)
    assert player.reads_messages
    player.message(0x0A)
    player.message(0x08)
    assert player.step(1, 0) == []
    player.message(0x0A)
    assert names(player.step(2, 0)) == [("unplug", True)]
    assert not player.reads_messages
    assert names(player.step(1_000_002, 0)) == [("unplug", False)], "a cable comes back by itself"


def test_fault_without_an_end_stays():
    player = Player((PlannedFault(name="leak", at_ms=0),), now_us=0)
    assert names(player.step(0, 0)) == [("leak", True)]
    assert player.step(10**12, 10**6) == []
