"""What must outlive the simulating process: the physical state, as bytes of one fixed size.

A needle does not jump home and a syringe does not refill because a process was killed, and a stroke that was
under way has happened as far as it got.
"""

import struct
from typing import Final
from zlib import crc32

from msgspec import Struct

from protocols.errors import UsageError
from simulator.physics.figures import NEEDLES, SYRINGES
from simulator.physics.parts import Cartridge, Head
from simulator.physics.stroke import STROKE_KINDS, StrokeLabel

_MAGIC: Final = b"mesobdy1"
_LABEL: Final = struct.Struct("<B32sIIIH")
_BODY: Final = struct.Struct(f"<8sIQIQIQBiiqqqddi{_LABEL.size}sBIi")
_CRC: Final = struct.Struct("<I")
SNAPSHOT_SIZE: Final = _BODY.size + _CRC.size
_NO_LABEL: Final = bytes(_LABEL.size)


class Snapshot(Struct, frozen=True, kw_only=True):
    """The physical state at one moment.

    Attributes:
        cartridge: Fitted; None when taken out. Its content is that of the day it was fitted.
        label: Of the newest stroke ever begun; None for a new gun.
        open: Whether that stroke is under way, with ``dose_nl`` and ``deepest_um`` so far.
    """

    cartridge: Cartridge | None
    head: Head
    needle_um: int
    drift_um: int
    steps: int
    furthest: int
    slipped: int
    pressure_kpa: float
    retreat_nl: float
    battery_mv: int
    label: StrokeLabel | None
    open: bool
    dose_nl: int
    deepest_um: int


def pack(state: Snapshot) -> bytes:
    """Exactly `SNAPSHOT_SIZE` bytes, with a check sum at the end."""
    cartridge = state.cartridge
    body = _BODY.pack(
        _MAGIC,
        0 if cartridge is None else cartridge.syringe.geometry_id,
        0 if cartridge is None else cartridge.content_nl,
        0 if cartridge is None else cartridge.viscosity_upa_s,
        state.head.head_instance,
        state.head.head_type_id,
        state.head.needle.needle_type_id,
        state.head.pins,
        state.needle_um,
        state.drift_um,
        state.steps,
        state.furthest,
        state.slipped,
        state.pressure_kpa,
        state.retreat_nl,
        state.battery_mv,
        _NO_LABEL if state.label is None else _pack_label(state.label),
        state.open,
        state.dose_nl,
        state.deepest_um,
    )
    return body + _CRC.pack(crc32(body))


def unpack(data: bytes) -> Snapshot:
    """Read what `pack` wrote.

    Raises:
        UsageError: these are not the bytes of a snapshot, or not all of them.
    """
    body = data[: _BODY.size]
    if len(data) != SNAPSHOT_SIZE or data[_BODY.size :] != _CRC.pack(crc32(body)) or body[:8] != _MAGIC:
        raise UsageError("state of the gun's body refused: not written by this simulator, or torn")
    (_, geometry_id, content_nl, viscosity_upa_s, head_instance, head_type_id, needle_type_id, pins,
     needle_um, drift_um, steps, furthest, slipped, pressure_kpa, retreat_nl, battery_mv,
     label, is_open, dose_nl, deepest_um) = _BODY.unpack(body)  # fmt: skip
    needle = next(needle for needle in NEEDLES if needle.needle_type_id == needle_type_id)
    cartridge = None
    if geometry_id:
        syringe = next(syringe for syringe in SYRINGES if syringe.geometry_id == geometry_id)
        cartridge = Cartridge(syringe=syringe, content_nl=content_nl, viscosity_upa_s=viscosity_upa_s)
    return Snapshot(
        cartridge=cartridge,
        head=Head(head_type_id=head_type_id, head_instance=head_instance, needle=needle, pins=pins),
        needle_um=needle_um,
        drift_um=drift_um,
        steps=steps,
        furthest=furthest,
        slipped=slipped,
        pressure_kpa=pressure_kpa,
        retreat_nl=retreat_nl,
        battery_mv=battery_mv,
        label=None if label == _NO_LABEL else _unpack_label(label),
        open=bool(is_open),
        dose_nl=dose_nl,
        deepest_um=deepest_um,
    )


def _pack_label(label: StrokeLabel) -> bytes:
    uid = label.gun_uid.encode("ascii")
    return _LABEL.pack(
        STROKE_KINDS.index(label.kind) + 1,
        uid,
        label.log_epoch,
        label.shot_seq,
        label.grant_no,
        label.area_code,
    )


def _unpack_label(data: bytes) -> StrokeLabel:
    kind, uid, log_epoch, shot_seq, grant_no, area_code = _LABEL.unpack(data)
    return StrokeLabel(
        kind=STROKE_KINDS[kind - 1],
        gun_uid=uid.rstrip(b"\0").decode("ascii"),
        log_epoch=log_epoch,
        shot_seq=shot_seq,
        grant_no=grant_no,
        area_code=area_code,
    )
