"""The calibration that is active in the gun, read back page by page: what syringes, heads and dates it holds."""

from collections.abc import Generator, Mapping
from typing import Final

from msgspec import Struct

from meso_device.calibration.record import CORRECTIONS
from meso_device.session.flow import Answer, LinkTrouble, Need, ask
from protocols.errors import GunProtocolError
from protocols.wire.hashes import hash8
from protocols.wire.messages import CalMain, CalRead, CalReadReply, HeadRow, SyringeRow

PAGES: Final = 5
PAGE_SIZE: Final = 64
_SYRINGE_PAGES: Final = 3


class GunCalibration(Struct, frozen=True, kw_only=True):
    """A calibration as the gun holds it.

    Attributes:
        block: Its five pages.
        hash8: Their hash; HELLO names the active calibration by it.
        main: Number, dates, offsets and gains.
        syringes: Rows by geometry number.
        heads: Rows by head type.
    """

    block: bytes
    hash8: bytes
    main: CalMain
    syringes: Mapping[int, SyringeRow]
    heads: Mapping[int, HeadRow]

    @property
    def corrections(self) -> dict[str, int]:
        """What it corrects, its number and its dates."""
        return corrections_of(self.main)


def corrections_of(main: CalMain) -> dict[str, int]:
    """Return corrections, number and dates of a calibration, by name."""
    return {name: getattr(main, name) for name in (*CORRECTIONS, "cal_id", "issued_day", "due_day")}


def parse_calibration(block: bytes) -> GunCalibration:
    """Read the five pages of a calibration.

    Raises:
        GunProtocolError: not 320 bytes, or a syringe or head is in it twice.
    """
    if len(block) != PAGES * PAGE_SIZE:
        raise GunProtocolError(f"the gun's calibration has {len(block)} bytes, {PAGES * PAGE_SIZE} are due")
    syringe_rows = [SyringeRow.unpack(row) for row in _rows(block, 1, _SYRINGE_PAGES, SyringeRow.SIZE)]
    head_rows = [HeadRow.unpack(row) for row in _rows(block, 1 + _SYRINGE_PAGES, 1, HeadRow.SIZE)]
    syringes = {row.geometry_id: row for row in syringe_rows if row.geometry_id}
    heads = {row.head_type_id: row for row in head_rows if row.head_type_id}
    if len(syringes) != sum(row.geometry_id > 0 for row in syringe_rows):
        raise GunProtocolError("the gun's calibration has a syringe twice: have it calibrated")
    if len(heads) != sum(row.head_type_id > 0 for row in head_rows):
        raise GunProtocolError("the gun's calibration has a head twice: have it calibrated")
    return GunCalibration(block=block, hash8=hash8(block), main=CalMain.unpack(block), syringes=syringes, heads=heads)


def read_calibration() -> Generator[Need, Answer, GunCalibration]:
    """Read the active calibration from the gun.

    Raises:
        LinkTrouble: a page did not come.
        GunProtocolError: it is not a calibration.
    """
    block = b""
    for page in range(PAGES):
        reply = (yield from ask(CalRead(page))).body
        if not isinstance(reply, CalReadReply) or reply.page != page:
            raise LinkTrouble("CAL_READ was answered by something else")
        block += reply.block
    return parse_calibration(block)


def with_row(block: bytes, row: SyringeRow) -> bytes:
    """Return the five pages with another row in the place of that of the same syringe."""
    first = PAGE_SIZE
    for at in range(first, first + _SYRINGE_PAGES * PAGE_SIZE, SyringeRow.SIZE):
        if SyringeRow.unpack(block[at : at + SyringeRow.SIZE]).geometry_id == row.geometry_id:
            return block[:at] + row.pack() + block[at + SyringeRow.SIZE :]
    raise LookupError(f"the calibration has no row for geometry {row.geometry_id}")


def _rows(block: bytes, first_page: int, pages: int, size: int) -> list[bytes]:
    first, end = first_page * PAGE_SIZE, (first_page + pages) * PAGE_SIZE
    return [block[at : at + size] for at in range(first, end, size)]
