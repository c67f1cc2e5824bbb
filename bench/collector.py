"""The collector under many consoles: records a second durable in its own PostgreSQL, and a full sending again.

.venv/bin/python -m bench.collector [--consoles N] [--records N] [--keep]

``--keep`` lets both run on afterwards, for trying: it says how to reach them.
"""

import argparse
import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path
from typing import NamedTuple

from msgspec.structs import replace

from meso_device.audit.database import open_for_reading
from meso_device.audit.keys import VerifyKey
from meso_device.audit.store import Store
from meso_device.audit.verify import stored_vkey
from meso_device.collector import sender
from meso_device.collector.account import read_accounts
from meso_device.collector.channel import parse_address
from meso_device.collector.code import OneTimeCode
from meso_device.collector.outbox import Outbox
from tests.postgres import Cluster
from tests.unit.audit.clinic import GUN, Clinic, commit, stamp

CONSOLES, RECORDS = 50, 1_024
PER_S_MIN = 10_000
PROCESSES = 4
SESSION_SHOTS = 254
"""With its opening and its end a session makes 256 records."""
MESO = (sys.executable, "-m", "meso_device")


def write_log(home: Path, number: int, records: int) -> None:
    """Write the log of one console: sessions, one after another, on one gun."""
    store = Store.open(home, software="bench", stamp=stamp())
    clinic = Clinic(gun=replace(GUN, gun_uid=f"{number:024x}"))
    commit(store, clinic.link_up())
    while store.size < records:
        clinic.session = clinic.alias = f"{number:016x}{store.size:016x}"
        shots = [clinic.shot() for _ in range(SESSION_SHOTS)]
        commit(store, clinic.opened(), *shots, clinic.closed())
    store.close(stamp())


def send(home: Path, again: bool) -> tuple[int, int]:
    """Send as a console does; return how many records were sent, and how many were new."""
    key = VerifyKey.parse(stored_vkey(home))
    [account] = read_accounts(home)
    db = open_for_reading(home / "audit.db")
    try:
        done = sender.send(home, account, Outbox(db, key), again=again)
    finally:
        db.close()
    return done.sent, done.inserted


class Round(NamedTuple):
    """All consoles sending at once."""

    wall_s: float
    cpu_s: "CpuTime"
    sent: int
    new: int


class CpuTime(NamedTuple):
    """CPU time by whom, in seconds."""

    consoles: float
    collector: float
    postgres: float

    def since(self, other: "CpuTime") -> "CpuTime":
        return CpuTime(*(now - then for now, then in zip(self, other, strict=True)))


def send_all(pool: Pool, homes: list[Path], again: bool, cpu_s: Callable[[], CpuTime]) -> Round:
    begun_s, begun_cpu_s = time.perf_counter(), cpu_s()
    done = pool.starmap(send, [(home, again) for home in homes], chunksize=1)
    wall_s = time.perf_counter() - begun_s
    return Round(wall_s, cpu_s().since(begun_cpu_s), sum(sent for sent, _ in done), sum(new for _, new in done))


def cpu_time(collector: int, postgres: int) -> CpuTime:
    """Return the CPU time so far of two processes and all below them, and of this one and all others below it."""
    rows = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            words = path.read_text().rpartition(")")[2].split()
            rows[int(path.parent.name)] = (int(words[1]), int(words[11]) + int(words[12]))

    def total_s(top: int) -> float:
        ours, found = {top}, -1
        while found != len(ours):
            found = len(ours)
            ours |= {pid for pid, (parent, _) in rows.items() if parent in ours}
        return sum(rows[pid][1] for pid in ours if pid in rows) / os.sysconf("SC_CLK_TCK")

    of_collector, of_postgres = total_s(collector), total_s(postgres)
    return CpuTime(total_s(os.getpid()) - of_collector - of_postgres, of_collector, of_postgres)


def measure(place: Path, cluster: Cluster, consoles: int, records: int, keep: bool) -> list[dict]:
    database = cluster.new_database("clinic")
    options = ("--database", database, "--dir", str(place / "collector"))
    with (place / "said").open("wb") as said:
        served = subprocess.Popen([*MESO, "collector", "serve", "--listen", "127.0.0.1:0", *options], stdout=said)
    try:
        homes = [place / f"console-{number}" for number in range(consoles)]
        with get_context("spawn").Pool(PROCESSES) as pool:
            pool.starmap(write_log, [(home, number, records) for number, home in enumerate(homes)])
            while "ready " not in (said := (place / "said").read_text()):
                time.sleep(0.05)
            address = said.split("ready ")[1].split()[0]
            for home in homes:
                code = subprocess.run(
                    [*MESO, "collector", "enrol", home.name, *options], check=True, capture_output=True, text=True
                )
                sender.enrol(
                    home, *parse_address(address), OneTimeCode.parse(code.stdout.split("\n")[0]), stored_vkey(home)
                )
            cpu_s = partial(cpu_time, served.pid, cluster.pid)
            first, again = (send_all(pool, homes, once_more, cpu_s) for once_more in (False, True))
        if not first.sent == first.new == again.sent:
            raise SystemExit(f"{first.sent} sent, {first.new} stored, {again.sent} sent again")
        if keep:
            print(f"{consoles} consoles in {place}, the collector at {address}; end with Ctrl+C. In another terminal:")
            print(f"  meso collector status --database '{database}'")
            print(f"  psql '{database}' -c 'TABLE meso.checkpoint'")
            served.wait()
    finally:
        served.terminate()
        served.wait()
    per_s = first.sent / first.wall_s
    return [
        row(f"durable records from {consoles} consoles", per_s, "per s", PER_S_MIN, per_s >= PER_S_MIN),
        row("CPU of all of them together", sum(first.cpu_s) / first.sent * 1e6, "us a record", None, True),
        *(
            row(f"  of it {who}", used_s / first.sent * 1e6, "us a record", None, True)
            for who, used_s in first.cpu_s._asdict().items()
        ),
        row(f"the same {again.sent} sent again", again.sent / again.wall_s, "per s", None, True),
        row("of these stored twice", again.new, "records", 0, again.new == 0),
    ]


def row(name: str, value: float, unit: str, target: float | None, ok: bool) -> dict:
    return {"name": name, "value": value, "unit": unit, "target": target, "ok": ok}


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--consoles", type=int, default=CONSOLES)
    parser.add_argument("--records", type=int, default=RECORDS)
    parser.add_argument("--keep", action="store_true")
    options = parser.parse_args()
    # So that PostgreSQL and collector end with it, however it is ended.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    with tempfile.TemporaryDirectory() as place:
        cluster = Cluster()
        try:
            rows = measure(Path(place), cluster, options.consoles, options.records, options.keep)
        except KeyboardInterrupt:
            return 130
        finally:
            cluster.close()
    print(f"load {os.getloadavg()[0]:.1f}, {os.cpu_count()} cores for consoles, collector and PostgreSQL together")
    for one in rows:
        target = "" if one["target"] is None else f"  target {one['target']:,}  {'ok' if one['ok'] else 'MISSED'}"
        print(f"{one['name']:<44}{one['value']:>12,.0f} {one['unit']}{target}")
    return 0 if all(one["ok"] for one in rows) else 1


if __name__ == "__main__":
    raise SystemExit(main())
