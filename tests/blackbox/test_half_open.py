"""Those who look and stop listening: half-open, they take nothing, answer nothing and close nothing.

A page whose computer vanished without a FIN is to its server what these are: a connection without an answer.
"""

import re
import secrets
import select
import socket
from base64 import b64encode

import pytest
from support import frames
from support.cable import HOST_TO_GUN
from support.console import F8, QUIT, Console
from support.gun import assert_gun_disarmed
from support.processes import command_of, marked_processes, wait_for

LITTLE = 4_096
"""Room of a receiver, so that it is full soon."""
LET_GO_S = 60
"""Limit for the test; the server asks a page every 4 s, and the host takes 10 s without a byte for the end."""


def listens_never(bench) -> socket.socket:
    """Connect to the host's view socket and read nothing."""
    viewer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    viewer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LITTLE)
    viewer.connect(str(bench.home / "view.sock"))
    return viewer


def views(bench) -> list[int]:
    """Views that run for a page."""
    view = b"meso_device.console.viewing"
    return [pid for pid in marked_processes(bench._mark) if view in command_of(pid)]


def page(address: str) -> socket.socket:
    """Open a page's WebSocket as a browser does, and read no further than the server's consent."""
    host, _, port = address.removeprefix("http://").strip("/").partition(":")
    opened = socket.socket()
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, LITTLE)
    opened.settimeout(20)
    opened.connect((host, int(port)))
    asked = (
        "GET /ws?width=80&height=24 HTTP/1.1", f"Host: {host}:{port}", f"Origin: http://{host}:{port}",
        "Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {b64encode(secrets.token_bytes(16)).decode()}",
    )  # fmt: skip
    opened.sendall("\r\n".join((*asked, "", "")).encode())
    answered = b""
    while not answered.endswith(b"\r\n\r\n"):
        answered += opened.recv(1)
    assert answered.startswith(b"HTTP/1.1 101 "), answered
    return opened


def is_let_go(connection: socket.socket) -> bool:
    """Whether the host has closed it; nothing is read for that."""
    poll = select.poll()
    poll.register(connection, select.POLLRDHUP)
    return bool(poll.poll(0))


@pytest.mark.timeout(150)
@pytest.mark.hazard("HZ-12")
@pytest.mark.hazard("HZ-37")
def test_a_page_and_a_viewer_that_take_nothing_delay_nobody_and_are_let_go(bench):
    gun = bench.gun(seed=5)
    cable = bench.cable(gun)
    console = Console(bench, str(cable.link)).begin()
    console.open_practice()
    server = bench.meso("view", "--web", "--port", "0", name="web")

    def look_for(look, what: str, **limits):
        return wait_for(lambda: console.look() and look(), what, **limits)

    address = look_for(lambda: re.search(r"http://127\.0\.0\.1:\d+/", server.out), "the server")[0]
    viewer, silent = listens_never(bench), page(address)
    [shows_to_silent] = look_for(lambda: views(bench), "the silent page's view")
    # Area after area is treated while they take nothing: every injection is in the log when it was made.
    areas = [one["id"] for one in console.snapshot["areas"]]
    for area in areas[:2]:
        console.arm(area)
        console.until(
            area,
            lambda shot, area=area: (
                shot["phase"] == "ready"
                and all(one["given"] == one["planned"] for one in shot["areas"] if one["id"] == area)
            ),
        )
    given = gun.shots()
    console.arm(areas[2])
    bench.wait_shots(gun, given + 1)
    pressed_ns = console.type(F8)
    stop_ns = look_for(lambda: first_stop(cable, pressed_ns), "STOP on the wire", within_s=1)
    assert stop_ns - pressed_ns < 0.1e9
    assert not is_let_go(viewer)
    console.phase("estopped")
    # Both are let go in their time; another page is served before and after.
    heard = b""
    with page(address) as other:
        other.setblocking(False)

        def hears() -> bool:
            nonlocal heard
            if select.select([other], [], [], 0)[0]:
                heard += other.recv(65_536)
            return b"VIEW ONLY" in heard

        look_for(hears, "the other page's first frame")
    look_for(lambda: shows_to_silent not in views(bench), "the end of the silent page", within_s=LET_GO_S)
    look_for(lambda: is_let_go(viewer), "the end of the silent viewer", within_s=LET_GO_S)
    page(address).close()
    assert server.running, server.describe()
    console.do(QUIT)
    assert console.wait() == 0
    assert_gun_disarmed(cable.link)
    bench.assert_proven(gun)
    viewer.close()
    silent.close()


def first_stop(cable, since_ns: int) -> int | None:
    """When STOP went to the gun first since then."""
    return next((at for at, one in cable.frames(HOST_TO_GUN) if at >= since_ns and one.type == frames.ESTOP), None)
