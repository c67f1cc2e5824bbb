"""Calibration: five pages of 64 bytes, the factory's values, and what they make of a commanded depth and dose."""

from collections.abc import Collection
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from protocols.errors import require
from protocols.wire.codes import Code
from protocols.wire.hashes import hash8
from protocols.wire.messages import CalMain, HeadRow, SyringeRow
from simulator.firmware.nvm import Nvm
from simulator.firmware.refusal import Refusal

PAGE_SIZE: Final = 64
PAGES: Final = 5
BLOCK_SIZE: Final = PAGES * PAGE_SIZE
_MILLION: Final = 1_000_000

# A full step of 1.8 degrees on a screw of 1 mm lead is 5 um. Half of one is what a motor under load can be off, so
# ten are the least that is worth commanding: a twentieth, the accuracy goal of 5 %.
_MIN_DOSE_UM: Final = 50
# geometry_id, picolitres a micrometre, nominal content in nanolitres
_SYRINGES: Final = (
    (1, 16_691, 1_000_000),
    (2, 17_349, 1_000_000),
    (3, 17_945, 1_000_000),
    (4, 63_617, 2_000_000),
    (6, 58_901, 3_000_000),
    (7, 114_231, 5_000_000),
    (8, 125_681, 5_000_000),
    (9, 162_860, 10_000_000),
    (10, 165_130, 10_000_000),
    (11, 188_692, 10_000_000),
)
_HEADS: Final = ((1, 1), (2, 5), (3, 9))  # head_type_id, pins
_NEEDLE_LENGTH_UM: Final = 13_000


class Calibration(Struct, frozen=True):
    """A whole calibration, checked.

    Attributes:
        block: The five pages, 320 bytes.
        hash8: Their hash.
        main: Page 0.
        syringes: Rows by geometry_id.
        heads: Rows by head_type_id.
    """

    block: bytes
    hash8: bytes
    main: CalMain
    syringes: dict[int, SyringeRow]
    heads: dict[int, HeadRow]

    def commanded_depth_um(self, depth_um: int) -> int:
        """Travel to order from the motor so that the needle travels ``depth_um``; 0 stays 0."""
        main = self.main
        if not depth_um:
            return 0
        return max(0, depth_um + depth_um * main.depth_gain_ppm // _MILLION + main.depth_offset_um)

    def real_depth_um(self, commanded_um: int) -> int:
        """Travel that belongs to what the motor made; the other way round."""
        main = self.main
        if not commanded_um:
            return 0
        return max(0, (commanded_um - main.depth_offset_um) * _MILLION // (_MILLION + main.depth_gain_ppm))

    def commanded_dose_nl(self, dose_nl: int) -> int:
        """Dose to order from the motor, by the table's geometry, so that ``dose_nl`` comes out; 0 stays 0."""
        main = self.main
        if not dose_nl:
            return 0
        return max(0, dose_nl + dose_nl * main.dose_gain_ppm // _MILLION + main.dose_offset_nl)

    def real_dose_nl(self, encoder_nl: int) -> tuple[int, int]:
        """Least and most that came out for what the encoder counted; equal when the calibration is neutral."""
        main = self.main
        if encoder_nl <= 0:
            return 0, 0
        scaled = (encoder_nl - main.dose_offset_nl) * _MILLION
        rate = _MILLION + main.dose_gain_ppm
        return max(0, scaled // rate), max(0, -(-scaled // rate))


def parse_calibration(block: bytes) -> Calibration:
    """Read and check the five pages.

    Raises:
        Refusal: E_CALIBRATION with detail = page that is not a calibration.
    """
    main = CalMain.unpack(block)
    for _, name, lowest, highest in CalMain.RANGES:
        if not lowest <= getattr(main, name) <= highest:
            raise Refusal(Code.E_CALIBRATION)
    syringes: dict[int, SyringeRow] = {}
    for at in range(PAGE_SIZE, 4 * PAGE_SIZE, SyringeRow.SIZE):
        syringe = SyringeRow.unpack(block[at : at + SyringeRow.SIZE])
        if not syringe.geometry_id:
            continue
        if not (syringe.pl_per_um and syringe.travel_um) or syringe.geometry_id in syringes:
            raise Refusal(Code.E_CALIBRATION, detail=at // PAGE_SIZE)
        syringes[syringe.geometry_id] = syringe
    heads: dict[int, HeadRow] = {}
    for at in range(4 * PAGE_SIZE, BLOCK_SIZE, HeadRow.SIZE):
        head = HeadRow.unpack(block[at : at + HeadRow.SIZE])
        if not head.head_type_id:
            continue
        if not 1 <= head.pins <= 9 or head.head_type_id in heads:
            raise Refusal(Code.E_CALIBRATION, detail=4)
        heads[head.head_type_id] = head
    return Calibration(block, hash8(block), main, syringes, heads)


def factory_calibration(
    *, cal_id: int = 1, issued_day: int = 20_454, due_day: int = 25_567, geometry_ids: Collection[int] | None = None
) -> bytes:
    """The block that a gun leaves the factory with: neutral, with every known head.

    Args:
        cal_id: Number of the calibration.
        issued_day: Days since 1970-01-01.
        due_day: Days since 1970-01-01.
        geometry_ids: Syringes that the gun is set up for; None for every known one.
    """
    block = CalMain(0, 0, 0, 0, cal_id, issued_day, due_day, "factory").pack()
    for geometry_id, pl_per_um, size_nl in _SYRINGES:
        if geometry_ids is not None and geometry_id not in geometry_ids:
            continue
        travel_um = size_nl * 1_000 // pl_per_um
        block += SyringeRow(geometry_id, pl_per_um, travel_um, -(-_MIN_DOSE_UM * pl_per_um // 1_000)).pack()
    block = block.ljust(4 * PAGE_SIZE, b"\0")
    for head_type_id, pins in _HEADS:
        block += HeadRow(head_type_id, pins, 30, _NEEDLE_LENGTH_UM, 159).pack()
    return block.ljust(BLOCK_SIZE, b"\0")


def due_on(block: bytes, due_day: int) -> bytes:
    """The same calibration, due on another day since 1970-01-01."""
    main = replace(CalMain.unpack(block), due_day=due_day).pack()
    return main + block[len(main) :]


class CalibrationStore:
    """The active calibration in memory, and the shadow that a technician fills page by page.

    Attributes:
        active: The calibration in force.
    """

    __slots__ = ("_factory", "_nvm", "_shadow", "active")

    def __init__(self, nvm: Nvm, factory: bytes) -> None:
        require(len(factory) == BLOCK_SIZE, "a calibration has five pages")
        self._nvm = nvm
        self._factory = factory
        self.active = parse_calibration(factory)
        self._shadow = bytearray(factory)

    def load(self) -> None:
        """Read the active calibration at boot; a memory without one gets the factory's."""
        block = self._nvm.calibration.load()
        if block is None:
            block = self._factory
            self._nvm.calibration.save(block)
        self.active = parse_calibration(block)
        self._shadow = bytearray(block)

    def page(self, page: int) -> bytes:
        """A page of the active calibration."""
        return self.active.block[page * PAGE_SIZE : (page + 1) * PAGE_SIZE]

    def write_page(self, page: int, block: bytes) -> None:
        """Write a page of the shadow; nothing takes effect."""
        self._shadow[page * PAGE_SIZE : (page + 1) * PAGE_SIZE] = block

    def commit(self, cal_id: int, wanted_hash8: bytes) -> Calibration:
        """Check the shadow and make it the active one, durably.

        Raises:
            Refusal: E_CALIBRATION: hash or number is not the shadow's, or a page is not a calibration.
        """
        block = bytes(self._shadow)
        if CalMain.unpack(block).cal_id != cal_id:
            raise Refusal(Code.E_CALIBRATION)
        if hash8(block) != wanted_hash8:
            raise Refusal(Code.E_CALIBRATION, field_offset=4)
        checked = parse_calibration(block)
        self._nvm.calibration.save(block)
        self.active = checked
        return checked
