"""The view socket: what viewers get, and that nothing they do reaches the host."""

import json
import select
import socket
from pathlib import Path

import pytest

from meso_device.audit.pages import Looked, Page
from meso_device.host.home import Home
from meso_device.host.viewers import STALLED_US_MAX, TAIL_LOOK_NO, VIEWERS_MAX, Viewers
from meso_device.screen_messages import Deframer, Message, ToScreen
from meso_device.session.contract import Instant

SNAPSHOT = json.loads((Path(__file__).parents[1] / "console" / "snapshot.json").read_text("utf-8"))


def at(us: int) -> Instant:
    return Instant(us, us)


class Gallery:
    """The viewers of a host, and a loop's turn for them."""

    def __init__(self, root: Path) -> None:
        self.viewers = Viewers(Home(root))
        self.path = Home(root).view_socket
        self.now = at(0)
        self.peers: list[socket.socket] = []

    def connect(self) -> socket.socket:
        peer = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        peer.connect(str(self.path))
        peer.setblocking(False)
        self.peers.append(peer)
        self.turn()
        return peer

    def turn(self) -> None:
        readable, writable, _ = select.select(self.viewers.reads(), self.viewers.writes(), [], 0)
        assert self.viewers.ready(frozenset(readable), frozenset(writable), self.now) == ()

    def close(self) -> None:
        self.viewers.close()
        for peer in self.peers:
            peer.close()


@pytest.fixture
def gallery(tmp_path):
    place = Gallery(tmp_path)
    yield place
    place.close()


def heard(peer: socket.socket) -> list[Message]:
    data = b""
    try:
        while chunk := peer.recv(1 << 20):
            data += chunk
    except (BlockingIOError, ConnectionError):
        pass
    return list(Deframer(ToScreen).feed(data))


def is_closed(peer: socket.socket) -> bool:
    try:
        while peer.recv(1 << 20):
            pass
    except BlockingIOError:
        return False
    except ConnectionError:
        return True
    return True


def test_a_viewer_gets_the_newest_state_and_page_and_no_field_that_is_not_named(gallery):
    snapshot = {**SNAPSHOT, "patient": {"name": "Ada"}, "session": {**SNAPSHOT["session"], "name": "Ada"}}
    peer = gallery.connect()
    gallery.viewers.show(snapshot, gallery.now)
    gallery.viewers.looked(Looked(TAIL_LOOK_NO, Page(rows=({"seq": 1},), next=None, head=1)))
    gallery.turn()
    welcome, state, page = heard(peer)
    assert (welcome.kind, state.kind, page.kind) == (ToScreen.WELCOME, ToScreen.SNAPSHOT, ToScreen.PAGE)
    assert "Ada" not in json.dumps(state.body)
    assert state.body["session"]["alias"] == SNAPSHOT["session"]["alias"]
    assert page.body["rows"] == [{"seq": 1}]
    assert oct(gallery.path.stat().st_mode & 0o777) == "0o600"


def test_a_viewer_that_says_anything_is_let_go_and_so_is_one_that_ends(gallery):
    talker, quiet = gallery.connect(), gallery.connect()
    talker.send(b"\x06\x00\x00\x00\x03\x00\x00\x00\x00{}")  # STOP, as a screen would say it
    gallery.turn()
    assert is_closed(talker)
    assert gallery.viewers.watched
    quiet.close()
    gallery.turn()
    assert not gallery.viewers.watched


def test_viewers_are_bounded_and_the_next_one_is_told(gallery):
    peers = [gallery.connect() for _ in range(VIEWERS_MAX)]
    late = gallery.connect()
    [_, bye] = heard(late)
    assert (bye.kind, bye.body["status"]) == (ToScreen.BYE, 1)
    assert is_closed(late)
    peers[0].close()
    gallery.turn()
    assert [message.kind for message in heard(gallery.connect())] == [ToScreen.WELCOME]


def test_a_viewer_that_takes_nothing_holds_nobody_up_and_is_let_go(gallery):
    _, other = gallery.connect(), gallery.connect()
    for no in range(200):
        gallery.now = at(no * STALLED_US_MAX // 100)
        gallery.viewers.show({**SNAPSHOT, "no": no}, gallery.now)
        gallery.turn()
        assert heard(other)[-1].body["no"] == no
    assert len(gallery.viewers._peers) == 1
