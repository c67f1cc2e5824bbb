"""What a clinical session is refused for before anybody is asked for a PIN."""

import pytest

from meso_device.cli import clinical
from meso_device.cli.clinical import Words, begin
from protocols.errors import UsageError

RIGHT = {"who": "ab12", "login": "cleo", "pin_file": "", "checks": "", "overrides": [], "reasons": []}


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"who": "Rosa Test"}, "command line"),
        ({"who": "K-17"}, "command line"),
        ({"overrides": ["too_early"]}, "each override takes one"),
        ({"reasons": ["because"]}, "each override takes one"),
        ({"overrides": ["too_early", "too_early"], "reasons": ["a", "b"]}, "twice"),
        ({"overrides": ["allergy"], "reasons": ["a"]}, "nobody may go over"),
        ({"overrides": ["too early"], "reasons": ["a"]}, "too early"),
        ({"overrides": ["second_pass"], "reasons": ["a"]}, "second_pass.AREA"),
        ({"checks": "nowhere.toml"}, "checks file"),
    ],
)
@pytest.mark.hazard("HZ-35")
def test_a_wrong_word_is_refused_before_the_desk_is_opened(monkeypatch, tmp_path, changed, word):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(clinical, "open_desk", lambda *_, **__: pytest.fail("somebody was asked"))
    with pytest.raises(UsageError) as refused:
        begin(Words(**(RIGHT | changed)), tmp_path)
    assert word in str(refused.value)
