"""The shot trumpet: what single-shot spread averages out to over consecutive shots, and what stays.

It shows the largest and smallest error over any p consecutive shots. It is not the flow curve of IEC 60601-2-24, which
has its name from the same shape.
"""

from collections.abc import Sequence
from itertools import accumulate

from msgspec import Struct

WINDOWS = (1, 2, 5, 10, 20, 50)


class Window(Struct, frozen=True):
    """Errors over all windows of one length, in parts per million of what was set, exact and rounded half to even.

    Attributes:
        shots: How many consecutive shots.
        largest_ppm: The largest error, signed.
        smallest_ppm: The smallest, signed.
    """

    shots: int
    largest_ppm: int
    smallest_ppm: int


def trumpet(delivered_pl: Sequence[int], set_pl: int, windows: Sequence[int] = WINDOWS) -> list[Window]:
    """Return the errors for each window length that is not longer than the run.

    Args:
        delivered_pl: What each shot delivered, in picolitres, in order.
        set_pl: What was set, above 0.
        windows: Window lengths.
    """
    if set_pl < 1:
        raise ValueError(f"a set dose of {set_pl} pL")
    sums = [0, *accumulate(delivered_pl)]
    found = []
    for shots in windows:
        if shots <= len(delivered_pl):
            totals = [end - begin for begin, end in zip(sums, sums[shots:], strict=False)]
            found.append(Window(shots, _ppm(max(totals), shots * set_pl), _ppm(min(totals), shots * set_pl)))
    return found


def _ppm(total: int, wanted: int) -> int:
    whole, rest = divmod((total - wanted) * 1_000_000, wanted)
    return whole + (2 * rest > wanted or (2 * rest == wanted and whole % 2))
