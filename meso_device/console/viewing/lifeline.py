"""Ends a view with what it hangs on: its terminal, its browser's server, its host.

A screen that draws into a pipe or terminal that nobody reads is blocked and cannot end itself; a thread watches for it.
"""

import os
import select
import threading


def watch(fd: int, *, grace_s: float) -> None:
    """End this process when the other end of a descriptor has gone, whatever its screen does.

    Args:
        fd: A terminal, pipe or socket; nothing is read from it.
        grace_s: How long the screen has to end in order.
    """
    threading.Thread(target=_watch, args=(fd, grace_s), name="lifeline", daemon=True).start()


def _watch(fd: int, grace_s: float) -> None:
    poll = select.poll()
    poll.register(fd, getattr(select, "POLLRDHUP", 0))  # hanging up is always reported
    poll.poll()
    threading.Event().wait(grace_s)
    os._exit(1)
