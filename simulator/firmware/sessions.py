"""Who is talking: two sessions, one owner, and one cached reply each."""

from struct import Struct
from typing import Final

import msgspec

from protocols.wire.codes import Code
from protocols.wire.frame import Frame
from protocols.wire.messages import Hello
from protocols.wire.seal import session_key
from simulator.firmware.draw import NumberSource
from simulator.firmware.nvm import Nvm
from simulator.firmware.refusal import Refusal

REQ_ID_END: Final = 65_000
TOKEN_MAX: Final = 0xFFFFFFFF
_OWNER: Final = Struct("<I16s")


class Session(msgspec.Struct):
    """One host's session.

    Attributes:
        number: As in the header.
        host_id: As HELLO gave it.
        host_nonce: As HELLO gave it.
        last_id: Number of the last state-changing request executed; 0 for none.
        last_bytes: What was asked with it, for comparison with a repetition.
        last_reply: What was answered.
        gun_nonce: Drawn for it; empty in a gun without a link key.
        key: Key of its tags; empty in a gun without a link key.
        proven: A frame of its host bore the right tag.
        events_told: Events tagged with its key.
    """

    number: int
    host_id: bytes
    host_nonce: bytes
    last_id: int = 0
    last_bytes: tuple[int, int, bytes] = (0, 0, b"")
    last_reply: bytes = b""
    gun_nonce: bytes = b""
    key: bytes = b""
    proven: bool = False
    events_told: int = 0


class SessionTable:
    """At most two sessions: the owner's and the newest reader's.

    Attributes:
        owner: Session that may change things.
        reader: Newest session that is not the owner's.
        closed: The session that GOODBYE closed, for the same GOODBYE again; None once another HELLO came.
        owner_token: Raised by one by every TAKEOVER; in memory.
        link_key: Shared with the hosts that may change things; empty where the gun asks for none.
    """

    __slots__ = ("_draw", "_newest_proven", "_nvm", "closed", "link_key", "owner", "owner_token", "reader")

    def __init__(self, nvm: Nvm, draw: NumberSource) -> None:
        self._nvm = nvm
        self._draw = draw
        self.owner: Session | None = None
        self.reader: Session | None = None
        self.closed: Session | None = None
        self.owner_token = 0
        self.link_key = b""
        self._newest_proven: Session | None = None

    def restart(self) -> None:
        """Forget all sessions at boot; the token stays."""
        self.owner = self.reader = self.closed = self._newest_proven = None
        self.link_key = self._nvm.link_key.load() or b""
        item = self._nvm.owner.load()
        self.owner_token = _OWNER.unpack(item)[0] if item else 0

    @property
    def greeted(self) -> bool:
        """Whether anyone has said HELLO and not GOODBYE."""
        return self.owner is not None or self.reader is not None

    @property
    def voice(self) -> Session | None:
        """Session whose key the gun's events are tagged with, None where they are untagged."""
        voice = self._newest_proven
        return voice if voice is not None and (voice is self.owner or voice is self.reader) else None

    def prove(self, session: Session) -> None:
        """Note that a frame of a session's host bore the right tag."""
        if not session.proven:
            session.proven = True
            self._newest_proven = session

    def keyed(self, number: int) -> Session | None:
        """Session of a number for checking a tag: also the one that GOODBYE closed, for the same GOODBYE again."""
        closed = self.closed
        return closed if closed is not None and closed.number == number else self.find(number)

    def hello(self, hello: Hello, gun_uid: bytes) -> Session:
        """Open a session; the same HELLO again gets the same one."""
        self.closed = None
        table = [session for session in (self.owner, self.reader) if session is not None]
        for session in table:
            if (session.host_nonce, session.host_id) == (hello.host_nonce, hello.host_id):
                return session
        taken = tuple(session.number for session in table)
        self.reader = session = Session(self._draw.draw_u32(other_than=taken), hello.host_id, hello.host_nonce)
        if self.link_key:
            session.gun_nonce = self._draw.draw_nonce()
            session.key = session_key(
                self.link_key,
                gun_uid=gun_uid,
                session=session.number,
                host_nonce=hello.host_nonce,
                gun_nonce=session.gun_nonce,
            )
        return session

    def find(self, number: int) -> Session | None:
        """Session of a number, None if it is not in the table."""
        for session in (self.owner, self.reader):
            if session is not None and session.number == number:
                return session
        return None

    def fence(self, session: Session) -> None:
        """Refuse whoever is not the owner.

        Raises:
            Refusal: E_FENCED.
        """
        if session is not self.owner:
            raise Refusal(Code.E_FENCED)

    def repeated(self, session: Session, frame: Frame) -> bytes | None:
        """Reply to a state-changing request that was executed already; None for a new one.

        Raises:
            Refusal: E_ID_OLD, or E_ID_REUSED where the bytes differ.
        """
        if frame.req_id > session.last_id:
            return None
        if frame.req_id < session.last_id:
            raise Refusal(Code.E_ID_OLD)
        if (frame.type, frame.aux, frame.payload) != session.last_bytes:
            raise Refusal(Code.E_ID_REUSED)
        return session.last_reply

    def take_over(self, session: Session, expected_token: int, host_id: bytes) -> int:
        """Make a session the owner's; returns the new token, which is in memory before.

        Raises:
            Refusal: E_STALE where the token is not the expected one, E_STATE where there is none above it.
        """
        if expected_token != self.owner_token:
            raise Refusal(Code.E_STALE)
        if self.owner_token == TOKEN_MAX:
            raise Refusal(Code.E_STATE)
        self._nvm.owner.save(_OWNER.pack(self.owner_token + 1, host_id))
        self.owner_token += 1
        if session is not self.owner:
            self.owner, self.reader = session, self.owner
        return self.owner_token

    def goodbye(self, session: Session) -> None:
        """Close the owner's session."""
        if session is self.owner:
            self.owner = None
            self.closed = session
