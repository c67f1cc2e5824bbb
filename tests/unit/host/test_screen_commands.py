import pytest

from meso_device.host.screen_commands import TEXT_MAX, checked
from meso_device.screen_messages import BrokenPeer, Message, ToHost

GOOD = {
    ToHost.SIGN_IN: {"login": "ada", "pin": "482615"},
    ToHost.ENROL: {"login": "ada", "name": "Ada", "pin": "482615", "roles": ["clinician"]},
    ToHost.ARM_CONFIRM: {"token": "00", "typed": "FH"},
    ToHost.PAGE: {
        "cursor": None,
        "limit": 3,
        "session": None,
        "area": "forehead",
        "deviations": False,
        "alias": None,
        "lot": "V-7",
        "since_us": 3,
        "until_us": None,
        "every_kind": False,
    },
    ToHost.AMEND: {
        "seq": 7,
        "field": "answer",
        "new": "yes",
        "reason": "misheard",
        "pin": "1",
        "login2": "",
        "pin2": "",
    },
    ToHost.LOCK: {},
}


@pytest.mark.parametrize("kind", GOOD, ids=lambda kind: kind.name)
def test_every_field_must_be_there_and_no_other(kind):
    body = GOOD[kind]
    assert checked(Message(kind, 1, body)) == (kind, body)
    with pytest.raises(BrokenPeer):
        checked(Message(kind, 1, {**body, "more": 1}))
    for name in body:
        with pytest.raises(BrokenPeer):
            checked(Message(kind, 1, {other: value for other, value in body.items() if other != name}))


@pytest.mark.parametrize(
    "changed",
    [
        {"limit": "3"},
        {"limit": True},
        {"limit": -1},
        {"limit": None},
        {"cursor": "x"},
        {"deviations": 1},
        {"area": "x" * (TEXT_MAX + 1)},
        {"area": "a\x1bb"},
        {"area": "a\nb"},
    ],
    ids=str,
)
def test_a_field_of_another_type_or_with_control_characters_breaks_the_screen(changed):
    with pytest.raises(BrokenPeer):
        checked(Message(ToHost.PAGE, 1, {**GOOD[ToHost.PAGE], **changed}))


def test_lists_are_short_and_of_text():
    for roles in (["a"] * 9, [1], [["a"]], "clinician"):
        with pytest.raises(BrokenPeer):
            checked(Message(ToHost.ENROL, 1, {**GOOD[ToHost.ENROL], "roles": roles}))


def test_every_command_has_its_form():
    for kind in ToHost:
        with pytest.raises(BrokenPeer, match="fields"):
            checked(Message(kind, 1, {"nobody": 1}))
