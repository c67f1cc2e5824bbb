"""A simulated gun as a child process, from the ready line to its end."""

import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from msgspec import Struct

from protocols.errors import MesoError

READY_S: Final = 20.0
END_S: Final = 5.0
_PR_SET_PDEATHSIG: Final = 1


class GunFiles(Struct, frozen=True):
    """Where a simulated gun is and what it leaves.

    Attributes:
        link: Name of its serial port.
        nvm: Its memory.
        truth: What its body did, a JSON object a line.
    """

    link: Path
    nvm: Path
    truth: Path


@contextlib.contextmanager
def simulated_gun(files: GunFiles, *, seed: int, rate: int) -> Iterator[None]:
    """Run a gun with a hand that pulls the trigger whenever it is armed; it ends with the block, or with us.

    Raises:
        MesoError: it did not come up.
    """
    command = [
        *(sys.executable, "-m", "meso_device", "simulate", "--hand", "auto", "--seed", str(seed), "--rate", str(rate)),
        *("--link", str(files.link), "--nvm", str(files.nvm), "--truth", str(files.truth)),
    ]
    # A session of its own: Ctrl+C is for the host, which stops the gun; the gun must live to be stopped.
    process = subprocess.Popen(  # noqa: S603  # our own module and paths
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=_ending_with_parent() if sys.platform == "linux" else None,  # noqa: PLW1509  # one system call, no threads yet
    )
    try:
        _wait_ready(process, files)
        yield
    finally:
        process.terminate()
        try:
            process.wait(END_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def _wait_ready(process: "subprocess.Popen[bytes]", files: GunFiles) -> None:
    if process.stdout is None or process.stderr is None:
        raise MesoError("the simulated gun has no output")
    wanted, heard = f"ready {files.link}\n".encode(), b""
    while wanted not in heard:
        if not select.select([process.stdout], [], [], READY_S)[0]:
            raise MesoError(f"the simulated gun was not ready within {READY_S:.0f} s")
        chunk = os.read(process.stdout.fileno(), 4_096)
        if not chunk:
            why = process.stderr.read().decode("utf-8", "replace").strip()
            raise MesoError(f"the simulated gun ended: {why.removeprefix('meso: ') or 'without a word'}")
        heard += chunk


def _ending_with_parent() -> Callable[[], None]:
    """Return what a child does first: it asks the kernel to end it when this process dies, however it does."""
    libc, parent = ctypes.CDLL(None), os.getpid()

    def end_with_parent() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # it died before it could be asked
            os._exit(1)

    return end_with_parent
