"""The gun's screen: what may be asked of a gun between injections, what is said where it may not, and which gun."""

import copy

import pytest

from meso_device.screen_messages import ToHost

PORTS = [
    {"port": "/run/gun", "serial": "MG-0042", "model": "Sim", "simulated": True, "problem": ""},
    {"port": "/dev/ttyS0", "serial": "", "model": "", "simulated": False, "problem": "/dev/ttyS0: no answer"},
]


@pytest.fixture
def at_rest(ready):
    body = copy.deepcopy(ready)
    body["can"].update(connect="disconnect first", disconnect="", self_test="", home="")
    return body


@pytest.fixture
def away(at_rest):
    body = copy.deepcopy(at_rest)
    body.update(gun=None, link="down", resting=True)
    body["can"].update(connect="", disconnect="no gun is connected", self_test="no gun is connected")
    return body


@pytest.mark.parametrize(
    ("key", "kind", "said"),
    [
        ("t", ToHost.SELF_TEST, "done and recorded"),
        ("h", ToHost.HOME, "needle is home"),
        ("x", ToHost.DISCONNECT, ""),
    ],
    ids=str,
)
def test_each_act_is_asked_for_once_and_its_end_is_said_in_a_line(play, at_rest, key, kind, said):
    async def script(stage):
        await stage.press("f2", key)
        asked = await stage.asked(kind)
        assert asked.body == {}
        await stage.shows("asked; wait")
        stage.host.answer(asked)
        await stage.shows(said)
        await stage.press(key)
        stage.host.answer(await stage.asked(kind), "refused", "press the service button at the gun")
        await stage.shows("press the service button at the gun")

    play(script, at_rest)


@pytest.mark.hazard("HZ-10")
@pytest.mark.parametrize("key", ["t", "h", "x", "enter"])
def test_what_may_not_be_asked_is_not_asked_and_says_why(play, at_rest, key):
    at_rest["can"].update(disconnect="why so", self_test="why so", home="why so", connect="why so")

    async def script(stage):
        await stage.press("f2")
        await stage.shows("MG-0042")
        assert "[H]" not in stage.text()
        await stage.press(key)
        await stage.shows("why so")
        assert not {ToHost.SELF_TEST, ToHost.HOME, ToHost.DISCONNECT, ToHost.PORTS} & set(stage.host.kinds())

    play(script, at_rest)


def test_a_gun_is_chosen_among_the_ports_and_what_answers_on_them(play, away):
    async def script(stage):
        await stage.press("f2")
        await stage.shows("The gun is disconnected", "[Enter] connect")
        await stage.press("enter")
        await stage.shows("asking every port")
        stage.host.answer(await stage.asked(ToHost.PORTS), ports=PORTS)
        await stage.shows("> 1  /run/gun  Sim MG-0042  SIMULATED", "2  /dev/ttyS0  no answer")
        await stage.press("down", "enter")
        asked = await stage.asked(ToHost.CONNECT)
        assert asked.body == {"port": "/dev/ttyS0"}
        stage.host.answer(asked, "refused", "/dev/ttyS0: is in use")
        await stage.shows("/dev/ttyS0: is in use")
        await stage.press("1", "enter")
        stage.host.answer(await stage.asked(ToHost.CONNECT))
        await stage.shows("The gun is disconnected", "Gun")
        assert "Which gun?" not in stage.text()

    play(script, away)


def test_no_port_is_said_and_looked_for_again(play, away):
    async def script(stage):
        await stage.press("f2", "enter")
        stage.host.answer(await stage.asked(ToHost.PORTS), ports=[])
        await stage.shows("No port on this computer")
        await stage.press("enter", "a")
        stage.host.answer(await stage.asked(ToHost.PORTS), "refused", "disconnect first")
        await stage.shows("disconnect first")
        await stage.press("escape")
        assert ToHost.CONNECT not in stage.host.kinds()

    play(script, away)


def test_items_that_did_not_pass_are_named(play, at_rest):
    at_rest["gun"]["self_test"] = {"failed": ["PRESSURE", "MOTORS"], "by": "lee"}

    async def script(stage):
        await stage.press("f2")
        await stage.shows("NOT PASSED: PRESSURE, MOTORS")

    play(script, at_rest)
