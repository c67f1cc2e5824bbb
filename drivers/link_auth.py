"""The host's part of link authentication: what is asked of a gun whose key this host holds, and what proves it.

After the reply to HELLO, which anybody can make, the gun is asked for its nonce; the tag of that reply proves the gun,
and HELLO said again with a tag proves this host. SPEC.md, section 21.
"""

from typing import Final

from msgspec import Struct

from drivers.link_call import Call
from protocols.errors import UsageError
from protocols.wire.codes import Capability, Code
from protocols.wire.errors import WireLengthError
from protocols.wire.frame import REPLY, Frame, encode_frame
from protocols.wire.messages import EVENTS, Auth, AuthReply, Hello, HelloReply
from protocols.wire.replies import unpack_reply
from protocols.wire.seal import (
    FROM_GUN,
    FROM_HOST,
    LINK_KEY_SIZE,
    TAG_SIZE,
    TAGGED,
    open_frame,
    seal_frame,
    session_key,
)

# The first requests of the session.
AUTH_ID: Final = 1
HELLO_AGAIN_ID: Final = 2
_E_SESSION: Final = bytes([Code.E_SESSION])


def parse_link_key(text: str) -> bytes:
    """Return a link key as it is written on a gun's card: 32 hexadecimal digits, spaces allowed.

    Raises:
        UsageError: it is something else; never quotes it.
    """
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) != LINK_KEY_SIZE:
        raise UsageError(f"link key refused: {2 * LINK_KEY_SIZE} hexadecimal digits, as on the card of the gun")
    return key


class Seal:
    """The tags of one authenticated session, and the events of it that were heard.

    Args:
        key: Of the session.
    """

    __slots__ = ("_event_no", "key")

    def __init__(self, key: bytes) -> None:
        self.key = key
        self._event_no = 0

    def frame(self, type_code: int, req_id: int, session: int, aux: int, payload: bytes) -> bytes:
        """Return a whole frame of this host with its tag."""
        return seal_frame(self.key, FROM_HOST, type_code, req_id, session, aux, payload)

    def open(self, frame: Frame) -> Frame | None:
        """Return a frame without its tag; None if it is not the gun's, or an event that is not new."""
        opened = open_frame(self.key, FROM_GUN, frame)
        if opened is None or opened.type not in EVENTS:
            return opened
        if opened.session <= self._event_no:
            return None
        self._event_no = opened.session
        return opened


class Greeting(Struct):
    """A HELLO that was answered by a gun whose key this host holds, until both have proven it.

    Attributes:
        link_key: The gun's, as it was paired.
        gun_uid: As HELLO said.
        session: As HELLO said.
        seal: The session's, once the gun has proven its key.
    """

    link_key: bytes
    gun_uid: bytes
    session: int
    seal: Seal | None = None

    def begin(self, call: Call, hello: HelloReply, committed_seq: int) -> str:
        """Let the call of HELLO ask for the gun's nonce next, or return why the gun is not believed."""
        if not hello.capabilities & Capability.LINK_AUTH:
            uid = self.gun_uid.hex()
            return f"gun {uid} was paired and answers without its key: it is another device, or has lost its memory"
        call.go_on(Auth.TYPE, AUTH_ID, encode_frame(Auth.TYPE, AUTH_ID, self.session, committed_seq, b""))
        return ""

    def awaits(self, call: Call, frame: Frame) -> bool:
        """Whether a frame claims to be the reply to what the call asks now."""
        return (
            call.tries > 0
            and frame.type == call.type | REPLY
            and frame.req_id == call.req_id
            and frame.session == self.session
            # A gun that was reset in between: it will be asked again, and then HELLO.
            and not (frame.ver_flags != TAGGED and frame.payload[:1] == _E_SESSION)
        )

    def prove_gun(self, call: Call, frame: Frame, committed_seq: int) -> str:
        """Take the reply to AUTH; let the call say HELLO with a tag next, or return why the gun is not believed."""
        try:
            reply = unpack_reply(Auth.TYPE, frame.payload[:-TAG_SIZE])
        except WireLengthError:
            reply = None
        if reply is None or reply.code != Code.OK or not isinstance(reply.body, AuthReply):
            return f"gun {self.gun_uid.hex()} refused to prove that it holds the key that it was paired with here"
        key = session_key(
            self.link_key,
            gun_uid=self.gun_uid,
            session=self.session,
            host_nonce=call.nonce,
            gun_nonce=reply.body.gun_nonce,
        )
        seal = Seal(key)
        if seal.open(frame) is None:
            return f"gun {self.gun_uid.hex()} does not hold the key that it was paired with here: it is another device"
        self.seal = seal
        again = seal.frame(Hello.TYPE, HELLO_AGAIN_ID, self.session, committed_seq, call.payload)
        call.go_on(Hello.TYPE, HELLO_AGAIN_ID, again)
        return ""
