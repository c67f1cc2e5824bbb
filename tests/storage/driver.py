"""A host of nothing but its log: shots go to the product's writer thread, and each answer is told.

    python -m tests.storage.driver

serves one line of standard input after another, ``HOME SHOTS OUT GO``, each by a process of its own, and answers with
how that ended, as a shell would say it. OUT gets the lines ``main TID``, ``opened``, ``writer TID``, ``ack N`` once
shot N is durable, ``failed REASON``, ``refused REASON``, ``closed``. At ``main`` and ``writer`` it waits for a byte
from the FIFO GO, so that somebody may attach to the thread. It takes up a log where it ended. After a failure it goes
on asking, as no engine would, to show that nothing more is taken.
"""

import os
import select
import sys
import threading
from pathlib import Path

from meso_device.accounting.entries import Batch, Committed
from meso_device.audit import database
from meso_device.audit.store import Store
from meso_device.audit.writer import Writer
from meso_device.session.contract import Instant
from protocols.errors import MesoError
from tests.unit.audit.clinic import GUN, START_US, Clinic, stamp

AT_ONCE = 3
ASK_ON = 4
WAL_BYTES = 40 * 1024


class Run:
    """One process's work."""

    def __init__(self, home: Path, shots: int, out: Path, go: Path) -> None:
        self.home, self.shots = home, shots
        self.out = os.open(out, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self.go = os.open(go, os.O_RDWR)

    def tell(self, line: str) -> None:
        os.writev(self.out, [line.encode() + b"\n"])  # a call that the product does not use, so no fault falls on it

    def wait(self, who: str, thread_id: int | None) -> None:
        self.tell(f"{who} {thread_id}")
        os.read(self.go, 1)

    def run(self) -> int:
        """Commit shots until there are enough; status 1 once a commit has failed, 2 when nothing could be opened."""
        boot = f"boot-{os.getpid()}"
        self.wait("main", threading.get_native_id())
        try:
            store = Store.open(self.home, software="0.1.0", stamp=stamp(boot=boot))
        except MesoError as error:
            self.tell(f"refused {error}")
            return 2
        self.tell("opened")
        ledger = store.load_gun(GUN.gun_uid, simulated=True)
        writer = Writer(store, boot=boot, clock="synced")
        self.wait("writer", writer._thread.native_id)
        failed = self.deliver(writer, ledger.committed_seq)
        writer.close(Instant(mono_us=0, utc_us=START_US))
        self.tell("closed")
        return int(failed)

    def deliver(self, writer: Writer, committed: int) -> bool:
        now = Instant(mono_us=0, utc_us=START_US)
        clinic = Clinic()
        writer.submit(Batch(no=0, entries=(clinic.link_up(),)), now)
        for _ in range(committed):
            clinic.shot()  # the chain up to here
        no = answered = failures = 0
        last = committed + self.shots
        while answered <= self.shots and failures < ASK_ON:
            while no < self.shots and no - answered < AT_ONCE:
                no += 1
                writer.submit(Batch(no=no, entries=(clinic.shot(),)), now)
            select.select([writer.fileno()], [], [], 5)
            for result in writer.take_results():
                answered += 1
                if not isinstance(result, Committed):
                    failures += 1
                    self.tell(f"failed {result.reason}")
                elif result.no:
                    self.tell(f"ack {committed + result.no}")
        assert failures or clinic.shot_seq == last
        return bool(failures)


def main() -> None:
    """Serve until standard input ends."""
    database.WAL_BYTES = WAL_BYTES
    for line in sys.stdin:
        home, shots, out, go = line.split()
        pid = os.fork()
        if not pid:
            os._exit(Run(Path(home), int(shots), Path(out), Path(go)).run())
        _, status = os.waitpid(pid, 0)
        code = os.waitstatus_to_exitcode(status)
        print(code if code >= 0 else 128 - code, flush=True)


if __name__ == "__main__":
    main()
