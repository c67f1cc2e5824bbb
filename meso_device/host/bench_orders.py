"""A run as it is asked for in words, on a command line or in the console, and the bench that stands there."""

import secrets
from typing import Final

from msgspec import Struct

from meso_device.calibration.order import NEEDED, Order
from meso_device.calibration.record import What
from meso_device.host.bench_file import BenchFile
from protocols.errors import UsageError
from protocols.treatment.needles import heads, needles
from protocols.treatment.syringes import syringes
from protocols.units import LENGTH, VOLUME, parse_quantity

PROFILES: Final = ("reference", "field")
NEEDLE: Final = "30g_4mm"
HEAD: Final = "single"
RUN_BYTES: Final = 16


class OrderWords(Struct, frozen=True, kw_only=True):
    """What somebody says of a run.

    Attributes:
        what: What is calibrated.
        targets: Doses or travels, each with its unit; none for those of the profile.
        readings: Readings a dose, or cycles.
        profile: One of `PROFILES`.
        shots: Shots a reading.
        syringe: Id of what is fitted; empty for the only one that the gun is set up for.
        syringe_lot: Its lot; empty if not said.
        needle, head: Ids of what is fitted.
        zones: Weigh in each third of the container; always for a syringe's geometry.
        water_at_end: Take the water's temperature again behind each stage.
    """

    what: What
    targets: tuple[str, ...] = ()
    readings: int
    profile: str = PROFILES[0]
    shots: int = 1
    syringe: str = ""
    syringe_lot: str = ""
    needle: str = NEEDLE
    head: str = HEAD
    zones: bool = False
    water_at_end: bool = False


def check_words(words: OrderWords) -> None:
    """Refuse a word that is not known.

    Raises:
        UsageError: says which are.
    """
    if words.profile not in PROFILES:
        raise UsageError(f"profile {words.profile[:20]!r} refused: {' or '.join(PROFILES)}")
    for name, word, known in (
        ("syringe", words.syringe, syringes()),
        ("needle", words.needle, needles()),
        ("head", words.head, heads()),
    ):
        if word and word not in known:
            raise UsageError(f"{name} {word[:40]!r} refused: known are {', '.join(known)}")


def order_of(words: OrderWords, bench: BenchFile) -> Order:
    """Return the run that is asked for, under a fresh id.

    Raises:
        UsageError: a word is not one that is known, or a target no quantity.
    """
    check_words(words)
    what = words.what
    return Order(
        run=secrets.token_hex(RUN_BYTES),
        what=what,
        profile=words.profile,
        targets=tuple(parse_quantity(text, VOLUME if what.weighs else LENGTH) for text in words.targets),
        readings_each=words.readings,
        shots_each=words.shots,
        geometry_id=syringes()[words.syringe].geometry_id if words.syringe else 0,
        syringe_lot=words.syringe_lot,
        needle_type_id=needles()[words.needle].type_id,
        head_type_id=heads()[words.head].type_id,
        conditions=bench.conditions,
        references=tuple(one for one in bench.references if one.what in NEEDED[what]),
        limits=bench.limits,
        place=bench.place,
        interval_days=bench.interval_days,
        zones=words.zones,
        water_at_end=words.water_at_end,
    )
