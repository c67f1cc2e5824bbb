"""The view from outside: it shows the host, takes no key for the gun, and ends with whatever it hangs on."""

import http.client
import os
import re
import signal
import stat
from contextlib import closing

import pytest
from support.browser import Browser
from support.console import ACKNOWLEDGE, DISARM, F8, QUIT, Console
from support.processes import command_of, marked_processes, wait_for
from support.terminal import Terminal

VIEW = b"meso_device.console.viewing"
ALL_ENDED_S = 1.0
F8_IN_PAGE, ENTER_IN_PAGE = "\ue038", "\ue007"


@pytest.fixture
def watched(bench):
    """A console with an open session on a gun behind a cable whose trigger nobody pulls, and the cable."""
    gun = bench.gun(seed=5, hand="none")
    cable = bench.cable(gun)
    console = Console(bench, str(cable.link)).begin()
    console.open_practice()
    console.do(ACKNOWLEDGE, no=0)
    return console, gun, cable


def views(bench) -> list[int]:
    """Views that run, in a terminal or for a page."""
    return [pid for pid in marked_processes(bench._mark) if VIEW in command_of(pid)]


def wait_on(console, look, what: str, **limits):
    """Wait while the console's screen goes on: what stands still is disarmed."""
    return wait_for(lambda: console.look() and look(), what, **limits)


def assert_untouched(watched, phase: str) -> None:
    """Require that the host goes on as if nobody looked, and that nothing stopped or disarmed its gun."""
    console, _, cable = watched
    after = console.snapshot["no"]
    assert console.until("the next state", lambda shot: shot["no"] > after + 1)["phase"] == phase
    assert cable.stops() == []


def ends(bench, watched) -> None:
    """End the console, and require that the log equals what the gun did."""
    console, gun, _ = watched
    console.type(F8)
    console.phase("estopped")
    console.do(QUIT)
    assert console.wait() == 0
    bench.assert_proven(gun)


@pytest.mark.hazard("HZ-12")
def test_a_view_in_a_terminal_shows_the_host_and_no_key_of_it_reaches_the_gun(bench, watched):
    console, _, _ = watched
    assert stat.S_IMODE((bench.home / "view.sock").stat().st_mode) == 0o600
    second = Console(bench, "none")
    assert second.wait() == 2
    assert "meso view" in second.last_line()
    view = Terminal(bench, "view")
    shown = ("VIEW ONLY", "SIMULATED", f"S-{console.snapshot['session']['id'][:6]}")
    wait_on(console, lambda: view.shows(*shown), "the live screen")
    console.arm()
    wait_on(console, lambda: view.shows("ARMED", "MATCH"), "what is armed")
    for key in (F8, b"a", b" ", b"p", b"\r", b"\x1b", b"k", b"f"):
        view.type(key)
    view.type(b"2")
    wait_on(console, lambda: view.shows("what it means"), "the alarms")
    assert_untouched(watched, "armed")
    console.do(DISARM, cause="pause")
    os.kill(view.pid, signal.SIGTERM)
    assert view.wait() == 143
    view.assert_restored()
    for end in (lambda one: one.type(b"q"), lambda one: one.hang_up(), lambda one: os.kill(one.pid, signal.SIGKILL)):
        view = Terminal(bench, "view", ignore_hangup=True)
        wait_on(console, lambda: view.shows("VIEW ONLY"), "the view")  # noqa: B023  # called before the next one
        end(view)
        wait_on(console, lambda: not views(bench), "the end of the view", within_s=10)
    assert_untouched(watched, "ready")
    view = Terminal(bench, "view")
    wait_on(console, lambda: view.shows("VIEW ONLY"), "the view")
    ends(bench, watched)
    assert view.wait() == 0
    view.assert_restored()
    assert "the host has ended" in view.text()


def serve(bench, port: int = 0):
    """Start the server and return it with its address."""
    server = bench.meso("view", "--web", "--port", port, name="web")
    line = wait_for(lambda: re.search(r"http://127\.0\.0\.1:\d+/", server.out) or not server.running, "the server")
    assert server.running, server.describe()
    return server, line[0]


@pytest.mark.hazard("HZ-12")
def test_a_page_shows_the_host_and_nothing_of_it_outlives_tab_browser_or_server(bench, watched):
    console, _, _ = watched
    server, address = serve(bench)
    browser = Browser(bench)
    browser.open(address)
    wait_on(console, lambda: "VIEW ONLY" in browser.drawn(), "the first frame")
    assert browser.run("return document.body.innerText").startswith("VIEW ONLY: stop at console or gun")
    browser.click(".xterm-screen")
    console.arm()
    wait_on(console, lambda: all(text in browser.drawn() for text in ("ARMED", "MATCH")), "what is armed")
    browser.type(F8_IN_PAGE, "a", " ", "p", "q", "k", "f", ENTER_IN_PAGE, "2")
    wait_on(console, lambda: "what it means" in browser.drawn(), "the alarms, so that the keys before were heard too")
    assert_untouched(watched, "armed")
    console.do(DISARM, cause="pause")
    outside = [url for url in browser.urls if not url.startswith(("data:", "chrome:", address, f"ws{address[4:]}"))]
    assert outside == []
    # Closed, the page takes its process along; so do a browser that stands still and a server that is killed.
    browser.close_tab()
    wait_on(console, lambda: not views(bench), "the end of a closed page's view", within_s=ALL_ENDED_S)
    assert refused(address, Origin="http://example.org")
    assert refused(address, Host="example.org")
    browser.open(address)
    wait_on(console, lambda: views(bench), "a view")
    browser.freeze()
    wait_on(console, lambda: not views(bench), "the end of a half-open page's view", within_s=20)
    browser.kill()
    assert_untouched(watched, "ready")
    Browser(bench, "third").open(address)
    wait_on(console, lambda: views(bench), "a view")
    server.send(signal.SIGKILL)
    wait_on(console, lambda: not views(bench), "the end of the views of a killed server", within_s=ALL_ENDED_S)
    assert_untouched(watched, "ready")
    ends(bench, watched)


def refused(address: str, **headers: str) -> bool:
    """Whether a request with these headers gets nothing."""
    with closing(http.client.HTTPConnection(address.split("/")[2], timeout=5)) as connection:
        connection.request("GET", "/", headers=headers)
        return connection.getresponse().status == 403


def test_what_cannot_be_looked_at_is_one_clear_line(bench):
    view = Terminal(bench, "view")
    assert view.wait() == 2
    bench.home.mkdir(mode=0o700)
    for words, status, said in (
        (("view", "--web"), 1, "no running host"),
        (("view",), 2, "meso view --web"),
        (("view", "--port", "1"), 2, "--web"),
    ):
        process = bench.meso(*words)
        assert process.wait() == status, process.describe()
        assert process.err.count("\n") == 1
        assert said in process.err
    for terminal, said in (({"term": "dumb"}, "TERM=dumb"), ({"columns": 79}, "79x24")):
        view = Terminal(bench, "view", **terminal)
        assert view.wait() == 2
        assert said in view.text()
        assert "\x1b" not in view.text()
