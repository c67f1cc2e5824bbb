"""A technician's talk with a gun whose log cannot be gone on with: read it, release it, begin it anew."""

import contextlib
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from drivers.gun import GunDriver, code_name
from drivers.outcome import Done, Outcome, Refused
from drivers.ports import open_port
from meso_device.accounting.settlement import Kept, kept_of, whole_record
from protocols.errors import MesoError
from protocols.wire.codes import Code
from protocols.wire.hashes import record_hash8
from protocols.wire.messages import (
    EpochOpen,
    HelloReply,
    LogRead,
    LogReadReply,
    LogRelease,
    ReplyBody,
    Request,
    ServiceEnter,
    ServiceLeave,
    Takeover,
)

BUTTON_S: Final = 60.0
_LOOK_S: Final = 0.2


class GunAtHand:
    """A gun in this command's hands; only reading it needs no ownership.

    Attributes:
        hello: What it says of itself.
    """

    def __init__(self, gun: GunDriver, hello: HelloReply) -> None:
        self._gun = gun
        self.hello = hello

    def ring(self, shot_seq: int) -> bytes:
        """Return the bytes that the gun holds for a record.

        Raises:
            MesoError: it holds none of this number.
        """
        body = self._done(LogRead(self.hello.log_epoch, shot_seq, 1), f"record {shot_seq} cannot be read")
        if not isinstance(body, LogReadReply) or not body.count:
            raise MesoError(f"record {shot_seq} cannot be read: the gun gave none")
        return body.slots

    def damaged(self, from_seq: int) -> tuple[Kept, ...]:
        """Return the damaged records from this one on, up to the first whole one."""
        found: list[Kept] = []
        for shot_seq in range(from_seq, self.hello.head_seq + 1):
            ring = self.ring(shot_seq)
            if whole_record(self.hello.gun_uid, self.hello.log_epoch, shot_seq, ring) is not None:
                break
            found.append(self._kept(shot_seq, ring))
        return tuple(found)

    def foreign(self, logged: Callable[[int], bytes | None]) -> tuple[Kept, ...]:
        """Return the newest records, down to one that is ``logged`` with the same bytes, or to the oldest."""
        found: list[Kept] = []
        for shot_seq in range(self.hello.head_seq, self.hello.oldest_seq - 1, -1):
            ring = self.ring(shot_seq)
            if ring == logged(shot_seq):
                break
            found.append(self._kept(shot_seq, ring))
        return tuple(reversed(found))

    def take_over(self) -> None:
        """Become the gun's owner; any credit ends."""
        self._done(Takeover(self.hello.owner_token, secrets.token_bytes(16)), "the gun does not obey")

    def release(self, upto_seq: int) -> None:
        """Let the gun go of the records up to this one, whose bytes are durable here."""
        if upto_seq <= self.hello.released_seq:
            return
        proof = record_hash8(self.hello.gun_uid, self.hello.log_epoch, self.ring(upto_seq))
        self._done(LogRelease(self.hello.log_epoch, upto_seq, proof), "the gun does not release its records")

    def begin_anew(self, ask_for_button: Callable[[], None]) -> None:
        """Begin the gun's log anew; ``ask_for_button`` is called once if somebody has to press the service button.

        Raises:
            MesoError: nobody pressed it, or the gun refuses; its log is as it was.
        """
        end_s = time.monotonic() + BUTTON_S
        asked = False
        while isinstance(entered := self._gun.request(ServiceEnter()), Refused) and entered.code == Code.E_NEEDS_BUTTON:
            if time.monotonic() > end_s:
                raise MesoError(f"nobody pressed the gun's service button within {BUTTON_S:g} s: nothing was signed")
            if not asked:
                ask_for_button()
                asked = True
            self._gun.listen(_LOOK_S)
        _body(
            entered, "the gun does not go into service: off the skin, its STOP reset, switched off and on, then again"
        )
        try:
            self._done(EpochOpen(self.hello.log_epoch, self.hello.head_seq), "the gun does not begin its log anew")
        finally:
            self._gun.request(ServiceLeave())
        self.hello = self._gun.hello()

    def _kept(self, shot_seq: int, ring: bytes) -> Kept:
        return kept_of(self.hello.gun_uid, self.hello.log_epoch, shot_seq, ring)

    def _done(self, request: Request, otherwise: str) -> ReplyBody | None:
        return _body(self._gun.request(request), otherwise)


@contextlib.contextmanager
def gun_at_hand(port: str, link_keys: Mapping[bytes, bytes]) -> Iterator[GunAtHand]:
    """Hold a gun for the time of one command.

    Raises:
        UsageError: the port cannot be had.
        MesoError: no gun answers there, or it does not prove its key.
    """
    with GunDriver(open_port(port), secrets.token_bytes(16), link_keys) as gun:
        yield GunAtHand(gun, gun.hello())


def _body(outcome: Outcome, otherwise: str) -> ReplyBody | None:
    if isinstance(outcome, Done):
        return outcome.body
    why = code_name(outcome.code) if isinstance(outcome, Refused) else outcome.reason
    raise MesoError(f"{otherwise}: {why}")
