"""The gun's commands at the host: who may, what is waited for, and which port is taken."""

from types import SimpleNamespace

import pytest

from drivers.discovery import FoundGun
from meso_device.accounting.entries import Batch, Committed, Entry
from meso_device.host.console_facts import ConsoleFacts
from meso_device.host.console_gun import ConsoleGun
from meso_device.host.console_may import Seen, why_not
from meso_device.host.screen_answers import ScreenAnswers
from meso_device.host.two_steps import TwoSteps
from meso_device.people.refusals import NotAllowed
from meso_device.people.roles import Person, Role
from meso_device.session.contract import (
    Commit,
    DropLink,
    HomeNeedle,
    Instant,
    LeaveGun,
    LinkState,
    Phase,
    PortOpened,
    SelfTestGun,
    Tick,
)
from protocols.errors import UsageError

NOW = Instant(10_000_000, 10_000_000)
NAMES = ("connect", "disconnect", "self_test", "home")


class Screen:
    """Somebody who asks, and what was answered."""

    def __init__(self):
        self.said, self.plugged = [], []
        self.facts = ConsoleFacts()
        self.answers = ScreenAnswers(lambda _kind, number, body: self.said.append((number, body["outcome"])))
        self.gun = ConsoleGun(
            facts=self.facts, steps=TwoSteps(bytes), answers=self.answers, errands=SimpleNamespace(send=self.send),
            plug=self.plug,
        )  # fmt: skip

    def send(self, _number, job, then, now):
        then(job(), now)

    def plug(self, name):
        if name == "taken":
            raise UsageError("taken: in use")
        self.plugged.append(name)

    def record(self, kind):
        entry = Entry(kind=kind, key=kind, payload={"failed": [], "by": "lee"})
        self.facts.stepped(Tick(), [Commit(Batch(no=1, entries=(entry,)))], NOW)
        self.facts.stepped(Committed(no=1, appended=1), [], NOW)


@pytest.fixture
def screen():
    return Screen()


def person(*roles):
    return Person(op="lee", login="lee", name="Lee", roles=frozenset(roles))


@pytest.mark.parametrize(
    ("ask", "command", "kind"),
    [("self_test", SelfTestGun(op="lee"), "gun.self_test"), ("home", HomeNeedle(op="lee"), "gun.homed")],
)
def test_done_is_said_when_the_record_is_durable(screen, make_view, ask, command, kind):
    more = (None,) if ask == "home" else ()
    assert getattr(screen.gun, ask)(1, "lee", *more, NOW) == (command,)
    screen.answers.seen(make_view(), NOW)
    assert screen.said == []
    screen.record(kind)
    screen.answers.seen(make_view(), NOW)
    assert screen.said == [(1, "done")]


def test_homing_is_service_and_takes_who_does_service(screen):
    with pytest.raises(NotAllowed):
        screen.gun.home(1, "lee", person(Role.CLINICIAN), NOW)
    assert screen.gun.home(1, "lee", person(Role.TECHNICIAN), NOW)


def test_after_a_leave_nothing_is_looked_for_until_a_port_is_named(screen, make_view):
    assert screen.gun.disconnect(1, "lee", NOW) == (LeaveGun(op="lee"),)
    screen.facts.stepped(Tick(), [DropLink("left", rest=True)], NOW)
    assert screen.facts.is_resting
    screen.answers.seen(make_view(link=LinkState.DOWN), NOW)
    assert screen.said == [(1, "done")]
    with pytest.raises(UsageError):
        screen.gun.connect(2, {"port": "taken"})
    screen.gun.connect(3, {"port": "/dev/gun"})
    assert screen.plugged == ["/dev/gun"]
    screen.facts.stepped(PortOpened("/dev/gun", bytes(16)), [], NOW)
    assert (screen.facts.is_resting, screen.facts.port) == (False, "/dev/gun")


def test_the_ports_come_with_what_answers_on_them(screen, monkeypatch):
    monkeypatch.setattr(
        "meso_device.host.console_gun.discover", lambda names, _id: [FoundGun(name, None, "no gun") for name in names]
    )
    monkeypatch.setattr("meso_device.host.console_gun.candidate_ports", lambda names: [*names, "/dev/ttyS0"])
    screen.facts.port = "/run/gun"
    bodies = []
    screen.answers.done = lambda _number, **body: bodies.append(body)
    screen.gun.ports(1, NOW)
    assert [port["port"] for port in bodies[0]["ports"]] == ["/run/gun", "/dev/ttyS0"]
    assert bodies[0]["ports"][0]["problem"] == "no gun"


@pytest.mark.hazard("HZ-10")
@pytest.mark.parametrize(
    ("fields", "allowed"),
    [
        ({}, "disconnect self_test home"),
        ({"phase": Phase.ARMED}, ""),
        ({"phase": Phase.ARMING}, ""),
        ({"phase": Phase.ESTOPPED}, "disconnect"),
        ({"phase": Phase.FAULT}, "disconnect self_test"),
        ({"log_state": "BEHIND 3"}, "disconnect self_test"),
        ({"link": LinkState.DOWN}, "connect"),
        ({"link": LinkState.CONNECTING}, "connect"),
        ({"link": LinkState.RECONCILING}, ""),
    ],
    ids=str,
)
def test_what_may_be_asked_of_the_gun_in_each_state(make_view, fields, allowed):
    def may(**more):
        given = {"signed_in": False, "enrolled": False, "locked": False, "session": True, "left_open": None}
        seen = Seen(view=make_view(**fields), facts=ConsoleFacts(), **{**given, **more})
        return {name for name in NAMES if not why_not(seen)[name]}

    assert may() == set(allowed.split())
    assert may(locked=True) == set()
