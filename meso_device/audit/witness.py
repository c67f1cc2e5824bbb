"""The gun as witness: its records chain in other hardware, so one that is missing here shows (I-34).

Every shot holds the 72 bytes of the gun's own record, which names the hash of the one before it.
"""

from binascii import Error as Base64Error
from binascii import a2b_base64
from hashlib import sha256
from typing import Any, Final

RING_BYTES: Final = 72
PREV: Final = slice(40, 48)


class GunWitness:
    """Follows the chains of all guns through the shots, in the order of the log.

    Attributes:
        heads_known: Number and hash of the newest shot, by gun and epoch; an empty hash when it is not known.
        shots: Shots followed.
    """

    def __init__(self) -> None:
        self.heads_known: dict[tuple[str, int], tuple[int, bytes]] = {}
        self._prefixes: dict[tuple[str, int], bytes] = {}
        self.shots = 0

    @property
    def heads(self) -> dict[tuple[str, int], int]:
        """Newest shot_seq of each gun and epoch, none missing before: compare it with the gun's own head."""
        return {gun: seq for gun, (seq, _) in self.heads_known.items()}

    def move(self, gun: tuple[str, int], count: int, shot_seq: int, hash8: bytes) -> None:
        """Go on behind ``count`` shots that were found good another way."""
        self.heads_known[gun] = (shot_seq, hash8)
        self.shots += count

    def begins(self, body: Any) -> None:
        """Note where the log of a gun begins for this host, as its first ``link.up`` or ``epoch.opened`` says."""
        if getattr(body, "baseline", False) is True:
            gun = (body.gun.gun_uid, body.gun.log_epoch)
            self.heads_known.setdefault(gun, (body.base_seq, bytes.fromhex(body.chain_hash8)))

    def skips(self, body: Any) -> None:
        """Note a gap that two people signed for: those shots are missing, and the log says so."""
        gun = (body.gun.gun_uid, body.gun.log_epoch)
        head = self.heads_known.get(gun)
        if head is None or head[0] + 1 == body.from_seq:
            self.heads_known[gun] = (body.to_seq, b"")

    def shot(self, body: Any) -> str:
        """Take the next shot; return what is wrong with it, or an empty string."""
        self.shots += 1
        gun = (body.gun.gun_uid, body.gun.log_epoch)
        prefix = self._prefixes.get(gun)
        if prefix is None:
            prefix = self._prefixes[gun] = bytes.fromhex(gun[0]) + gun[1].to_bytes(4, "little")
        try:
            ring = a2b_base64(body.ring, strict_mode=True)
        except Base64Error:
            return "the gun's bytes are not base64"
        if len(ring) != RING_BYTES:
            return f"the gun's bytes are {len(ring)}, not {RING_BYTES}"
        hash8 = sha256(prefix + ring).digest()[:8]
        shot_seq = int.from_bytes(ring[:4], "little")
        if shot_seq != body.shot_seq:
            return f"the gun's bytes are of shot {shot_seq}, the record says {body.shot_seq}"
        wrong = self._follows(gun, shot_seq, ring[PREV])
        self.heads_known[gun] = (shot_seq, hash8)
        return wrong

    def _follows(self, gun: tuple[str, int], shot_seq: int, prev_hash8: bytes) -> str:
        seq, head_hash8 = self.heads_known.get(gun, (shot_seq - 1, b""))
        if shot_seq > seq + 1:
            return f"shots {seq + 1} to {shot_seq - 1} of gun {gun[0]} are missing"
        if shot_seq <= seq:
            return f"shot {shot_seq} of gun {gun[0]} stands after shot {seq}"
        if head_hash8 and prev_hash8 != head_hash8:
            return f"shot {shot_seq} of gun {gun[0]} does not follow the shot before it"
        return ""
