"""What the gun keeps count of beside the ring: how far the ring is counted, all product pushed, and its own session.

One item, written once a shot after its OUTCOME. It names the last record that it counts; what the ring holds beyond is
counted again at boot, so a power cut between the two neither loses nor doubles a shot.
"""

from struct import Struct
from typing import Final

from protocols.wire.codes import GrantKind
from protocols.wire.hashes import chain_seed8
from simulator.firmware.nvm import Nvm

_ITEM: Final = Struct("<II8sQIQ")
_COUNTED: Final = Struct("<28xI4xB19xI")  # planned_nl, kind, dose_hi_nl of a slot


class Tally:
    """Counts over the ring.

    Attributes:
        log_epoch: Epoch that the counts belong to.
        head_seq: Last final record.
        chain_head8: Its record_hash8.
        odometer_nl: All product ever pushed, over all epochs.
        session_shots: Granted shots since the last pause that ends the gun's own session.
        session_nl: Their planned volume.
    """

    __slots__ = ("_nvm", "chain_head8", "head_seq", "log_epoch", "odometer_nl", "session_nl", "session_shots")

    def __init__(self, nvm: Nvm) -> None:
        self._nvm = nvm
        self.log_epoch = self.head_seq = 0
        self.chain_head8 = bytes(8)
        self.odometer_nl = self.session_shots = self.session_nl = 0

    def load(self) -> bool:
        """Read the item; False when memory holds none."""
        item = self._nvm.tally.load()
        if item is None:
            self.log_epoch = self.head_seq = self.odometer_nl = self.session_shots = self.session_nl = 0
            return False
        (
            self.log_epoch,
            self.head_seq,
            self.chain_head8,
            self.odometer_nl,
            self.session_shots,
            self.session_nl,
        ) = _ITEM.unpack(item)
        return True

    def save(self) -> None:
        """Write the item."""
        self._nvm.tally.save(
            _ITEM.pack(
                self.log_epoch,
                self.head_seq,
                self.chain_head8,
                self.odometer_nl,
                self.session_shots,
                self.session_nl,
            )
        )

    def begin_epoch(self, gun_uid: bytes, log_epoch: int) -> None:
        """Start the ring's counts anew; odometer and the gun's own session go on. Not yet written."""
        self.log_epoch = log_epoch
        self.head_seq = 0
        self.chain_head8 = chain_seed8(gun_uid, log_epoch)

    def count(self, shot_seq: int, slot: bytes, hash8: bytes) -> None:
        """Count a final record. Not yet written."""
        planned_nl, kind, dose_hi_nl = _COUNTED.unpack_from(slot)
        self.head_seq = shot_seq
        self.chain_head8 = hash8
        self.odometer_nl += dose_hi_nl
        if kind != GrantKind.SERVICE:
            self.session_shots += 1
            self.session_nl += planned_nl

    def end_session(self) -> None:
        """The gun's own session is over; written with the next shot."""
        self.session_shots = self.session_nl = 0
