"""Stands ready with the product loaded and becomes it, by fork, for each request on a socket; see `support.warm`.

Usage: warm_ready.py DESCRIPTOR
"""

import atexit
import gc
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import NoReturn

PACKAGES = ("protocols", "drivers", "simulator", "meso_device")
# What is started as a process of its own, what needs PostgreSQL, and what is no part of a command.
APART = ("meso_device.console", "meso_device.collector", "meso_device.conformance.plugin", "protocols.wire.generate")


def load() -> Callable[[], None]:
    """Import all of the product and return what its script calls."""
    for package in PACKAGES:
        for module in pkgutil.walk_packages(import_module(package).__path__, f"{package}."):
            if not module.name.startswith(APART) and not module.name.endswith("__main__"):
                import_module(module.name)
    models = import_module("protocols.treatment.models")
    for model in (models.TreatmentFile, models.AreaEntry):
        model.model_rebuild()
    (script,) = entry_points(group="console_scripts", name="meso")
    return script.load()


def become(request: bytes, descriptors: list[int], be_ordinary: Callable[[], None]) -> None:
    """Take over what the request names: session, files, directory, environment and arguments."""
    asked = json.loads(request)
    os.setsid()
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    if asked["cwd"] is not None:
        os.chdir(asked["cwd"])
    os.environ.clear()
    os.environ.update(asked["env"])
    be_ordinary()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [str(Path(sys.executable).with_name("meso")), *asked["words"]]


def leave(begin: Callable[[], None]) -> NoReturn:
    """Run the product to its end, and end as Python does but for taking apart every module, a copy of which that is."""
    code: object = 0
    try:
        begin()
    except SystemExit as end:
        code = end.code
    except BaseException:  # noqa: BLE001  # Python's own words for what the product let through
        traceback.print_exc()
        code = 1
    threading._shutdown()
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1 if code else 0)


def tell(line: socket.socket, what: str, pid: int, code: int = 0) -> None:
    """Say that a process began or ended."""
    with suppress(OSError):  # the tests are gone
        line.send(json.dumps([what, pid, code]).encode())


def reap(line: socket.socket) -> None:
    """Tell of all that ended."""
    with suppress(ChildProcessError):
        while (ended := os.waitpid(-1, os.WNOHANG))[0]:
            tell(line, "ended", ended[0], os.waitstatus_to_exitcode(ended[1]))


def main() -> None:
    """Become the product in each child; the parent ends with the tests."""
    here = str(Path(__file__).parents[1])
    sys.path[0] = here
    from support.processes import be_ordinary
    from support.warm import MESSAGE_BYTES_MAX

    sys.path.remove(here)
    line = socket.socket(fileno=int(sys.argv[1]))
    begin = load()
    gc.collect()
    gc.freeze()  # what all copies share is not to be looked through, and copied, by each
    ended, wake = os.pipe()
    os.set_blocking(ended, False)
    os.set_blocking(wake, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake)
    while True:
        readable = select.select([line, ended], [], [])[0]
        if ended in readable:
            os.read(ended, 4096)
            reap(line)
        if line in readable:
            request, descriptors, _, _ = socket.recv_fds(line, MESSAGE_BYTES_MAX, 3)
            if not request:
                return
            if os.fork() == 0:
                become(request, descriptors, be_ordinary)
                tell(line, "began", os.getpid())
                os.closerange(3, max(*descriptors, line.fileno(), wake) + 1)
                line.detach()
                leave(begin)
            for descriptor in descriptors:
                os.close(descriptor)


if __name__ == "__main__":
    main()
