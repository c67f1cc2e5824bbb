"""What this process holds, as the C library says it, and what is resident, which is that and what the library keeps.

Python's own allocator never gives back a pool that is in part in use, so with nothing more held resident memory creeps
by a page a day. The days of the soak are lived without it (`PLAIN`): every object is the C library's then, one kept for
each treatment shows in what is held, and what is free goes back.
"""

import ctypes
import os
from pathlib import Path

PAGE = os.sysconf("SC_PAGE_SIZE")
PLAIN = {"PYTHONMALLOC": "malloc"}

MALLINFO = (
    *("arena", "ordblks", "smblks", "hblks", "hblkhd"),
    *("usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"),
)


class _MallInfo(ctypes.Structure):
    """``struct mallinfo2`` of glibc."""

    _fields_ = tuple((name, ctypes.c_size_t) for name in MALLINFO)


def memory() -> dict[str, float]:
    """Return resident bytes and, where the C library tells, those that it gave out and did not get back."""
    library = ctypes.CDLL(None)
    # What is free goes back first: a host that is started again in one process has a peak at each start.
    if (trim := getattr(library, "malloc_trim", None)) is not None:
        trim(0)
    figures: dict[str, float] = {"rss B": int(Path("/proc/self/statm").read_text().split()[1]) * PAGE}
    if (info := getattr(library, "mallinfo2", None)) is not None:
        info.restype = _MallInfo
        told = info()
        figures["held B"] = told.uordblks + told.hblkhd
    return figures
