"""The reference: what must be in the log, from the hidden motion of the gun's body alone.

It shares no code with host or firmware, and its only input is what the motors really did and what the faults of the
world destroyed for good.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

TOLERANCE_NL = 60  # the encoder's resolution and the rounding of a slot
TOLERANCE_UM = 60


@dataclass(frozen=True, slots=True)
class Motion:
    """One stroke as it physically was.

    Attributes:
        blind: The body lied in a way that no sensor shows; its figures may not be judged by.
    """

    uid: str
    epoch: int
    seq: int
    grant: int
    area: int
    kind: str
    outcome: str
    dose_nl: int
    depth_um: int
    blind: bool


def judge(
    motions: Iterable[Motion], rows: Sequence[dict], *, lost_after: dict[tuple[str, int], int], lost_before: int
) -> list[str]:
    """Compare exported rows with the motions; return what is wrong.

    Args:
        motions: All strokes that have a record number.
        rows: The exported rows, each an object as `meso audit export` writes it.
        lost_after: Gun and epoch of logs that the gun itself has lost, and the last record that the host had let go
            of before: later ones may be missing, none may be too many.
        lost_before: Rows of the host that a restored old copy has lost; as many may be missing.
    """
    wrong = []
    truth = {(motion.uid, motion.epoch, motion.seq): motion for motion in motions}
    seen = Counter((row["gun_uid"], row["log_epoch"], row["shot_seq"]) for row in rows)
    for key, times in seen.items():
        if times > 1:
            wrong.append(f"shot {key[2]} has {times} rows")
        if key not in truth:
            wrong.append(f"row of shot {key[2]} of epoch {key[1]}, which never was")
    missing = [key for key in truth if key not in seen]
    never = 1 << 32
    unexcused = sorted(seq for uid, epoch, seq in missing if seq <= lost_after.get((uid, epoch), never))
    if len(unexcused) > lost_before:
        wrong.append(f"{len(unexcused)} shots have no row: {unexcused[:10]}")
    for row in rows:
        motion = truth.get((row["gun_uid"], row["log_epoch"], row["shot_seq"]))
        if motion is not None:
            wrong += _compare(motion, row)
    return wrong


def _compare(motion: Motion, row: dict) -> list[str]:
    """One row against its motion."""
    wrong = []
    at = f"shot {motion.seq}"
    if (row["area"], row["kind"]) != (motion.area, motion.kind):
        wrong.append(f"{at}: row says {row['kind']} in area {row['area']}, was {motion.kind} in {motion.area}")
    if row["outcome"] != motion.outcome and not (row["outcome"] == "INTERRUPTED" and motion.outcome != "INTERRUPTED"):
        wrong.append(f"{at}: row says {row['outcome']}, was {motion.outcome}")
    if row["simulated"] is not True:
        wrong.append(f"{at}: a simulated gun's row does not say so")
    low_nl, high_nl = row["dose_lo_nl"], row["dose_hi_nl"]
    if not 0 <= low_nl <= high_nl:
        wrong.append(f"{at}: range {low_nl} to {high_nl} nL is out of order")
    if motion.blind:
        return wrong
    if not low_nl - TOLERANCE_NL <= motion.dose_nl <= high_nl + TOLERANCE_NL:
        wrong.append(f"{at}: {motion.dose_nl} nL were given, row says {low_nl} to {high_nl}")
    if row["outcome"] == "DONE" and abs(row["depth_um"] - motion.depth_um) > TOLERANCE_UM:
        wrong.append(f"{at}: {motion.depth_um} um deep, row says {row['depth_um']}")
    return wrong


def knowable(
    motions: Iterable[Motion], rows: Sequence[dict], *, lost_after: dict[tuple[str, int], int]
) -> list[Motion]:
    """The strokes that a host could know of: a gun that loses its log forgets what nobody has read, and counts anew."""
    known = {(row["gun_uid"], row["log_epoch"], row["shot_seq"]) for row in rows}
    newest = {(motion.uid, motion.epoch, motion.seq): motion for motion in motions}
    return [
        motion
        for motion in motions
        if motion.seq <= lost_after.get((motion.uid, motion.epoch), motion.seq)
        or ((motion.uid, motion.epoch, motion.seq) in known and newest[motion.uid, motion.epoch, motion.seq] is motion)
    ]


def caps_kept(motions: Sequence[Motion], *, points: dict[int, int], session_nl: int) -> list[str]:
    """No area got more injections than planned, and the session not more than its cap, whatever was recorded."""
    wrong = []
    for area, given in Counter(motion.area for motion in motions if motion.kind == "TREAT").items():
        if given > points.get(area, 0):
            wrong.append(f"area {area} got {given} injections of {points.get(area, 0)}")
    volume_nl = sum(motion.dose_nl for motion in motions if not motion.blind)
    if volume_nl > session_nl + TOLERANCE_NL:
        wrong.append(f"{volume_nl} nL were given, the cap is {session_nl}")
    return wrong
