"""What can be wrong with the gun's body, by name.

A fault is on with a strength until it is healed. The body asks for strengths; nothing else decides.
"""

from typing import Final

from msgspec import Struct

from protocols.errors import UsageError


class BodyFault(Struct, frozen=True, kw_only=True):
    """One named fault.

    Attributes:
        name: As scenario files and recorded runs spell it.
        strength: Used when none is given.
        strength_max: Larger is refused; smaller than 1 always is.
        what: What the strength counts, and what the fault does.
    """

    name: str
    strength: int
    strength_max: int
    what: str


_TABLE: Final = (
    ("stuck_motor", 1, 1, "the plunger motor does not turn; stall is noticed at the start of the flow"),
    ("encoder_slip", 50_000, 1_000_000, "ppm of plunger travel that the encoder misses; its check notices"),
    ("lost_steps", 8, 3_200, "microsteps per stroke that the plunger motor loses; the encoder sees the loss"),
    ("backlash", 60, 2_000, "um of play: the needle stays short; so does the plunger after a back-step"),
    ("clog", 1, 1, "the needle is blocked"),
    ("partial_clog", 5, 1_000, "factor on the needle's flow resistance"),
    ("wide_barrel", 20_000, 200_000, "ppm by which the barrel holds more for each micrometre than its table says"),
    ("empty_line", 120_000, 1_000_000, "nL of air before the tip, now and behind each syringe that is fitted"),
    ("drip", 2_000, 100_000, "nL of each dose that hang at the tip and fall seconds after the needle is home"),
    ("air_bubble", 10, 100, "factor on the compliance of syringe and tubing"),
    ("leak", 300_000, 1_000_000, "ppm of the outflow that never enters the skin"),
    ("plunger_stick", 200, 10_000, "N to start the plunger after a second of rest; over 120 it stalls"),
    ("depth_stop_drift", 10, 1_000, "um by which each stroke moves the true depth deeper, unseen"),
    ("contact_lost", 20, 10_000, "ms after the start of each stroke at which the head lifts off, for 150 ms"),
    ("sensor_stuck", 1, 1, "the pressure sensor keeps its last reading"),
    ("vacuum_low", 4, 1_000, "divisor of the suction reached"),
    ("trigger_bounce", 12, 40, "contact bounces of the trigger at each edge"),
    ("double_trigger", 40, 1_000, "ms after a release at which the trigger closes once more, for 30 ms"),
    ("syringe_swapped", 1, 10, "n-th syringe of the table, fitted when the fault comes on; the switch misses it"),
    ("battery_low", 600, 2_000, "mV less than the battery should have"),
    ("overtemp", 4_500, 10_000, "hundredths of a degree above ambient"),
)  # fmt: skip

BODY_FAULTS: Final = {
    name: BodyFault(name=name, strength=strength, strength_max=strength_max, what=what)
    for name, strength, strength_max, what in _TABLE
}


def fault_strength(name: str, strength: int | None) -> int:
    """Strength to use for a fault.

    Raises:
        UsageError: the name is unknown or the strength outside its range.
    """
    fault = BODY_FAULTS.get(name)
    if fault is None:
        raise UsageError(f"fault {name!r} refused: the gun's body knows {', '.join(BODY_FAULTS)}")
    if strength is None:
        return fault.strength
    if not 1 <= strength <= fault.strength_max:
        raise UsageError(f"strength {strength} of fault {name} refused: 1 to {fault.strength_max} ({fault.what})")
    return strength
