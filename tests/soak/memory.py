"""What this process holds, as its two allocators say it, and what is resident, which is that and what they keep.

Resident memory alone is a poor judge of a month: with nothing more held it creeps by a page a day, as pools and arenas
that are in part in use are never given back. So a leak is looked for in what is held, where one object a treatment
shows.
"""

import ctypes
import os
import sys
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")

MALLINFO = (
    *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
    *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
)


class _MallInfo(ctypes.Structure):
    """``struct mallinfo2`` of glibc."""

    _fields_ = tuple((name, ctypes.c_size_t) for name in MALLINFO)


def memory() -> dict[str, float]:
    """Return resident bytes, Python's small objects, and, where the C library tells, bytes it gave out and not back."""
    library = ctypes.CDLL(None)
    # What is free goes back first: a host that is started again in one process has a peak at each start.
    if (trim := getattr(library, "malloc_trim", None)) is not None:
        trim(0)
    figures = {
        "rss B": int(Path("/proc/self/statm").read_text().split()[1]) * PAGE,
        "blocks": sys.getallocatedblocks(),
    }
    if (info := getattr(library, "mallinfo2", None)) is not None:
        info.restype = _MallInfo
        told = info()
        figures["held B"] = told.uordblks + told.hblkhd
    return figures
