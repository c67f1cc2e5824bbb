"""The same fault for everyone: a reply lost, late or repeated, or the cable pulled, in a write that is not idempotent.

    python -m bench.faults

Each peer's own client asks a device of ours to inject one dose, and reads numbers whose answers are known. Ours is the
product itself: `meso session run` with a plan of one injection on a simulated gun, where the gun's motor is counted.
"""

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import tty
from dataclasses import asdict, dataclass
from pathlib import Path

from bench.faulty_cable import FaultyCable
from bench.peer_clients import CLIENTS, TIMEOUT_S
from bench.peer_devices import VALUE_OF_0, Fault, Served

FAULTS = ("lost", "late", "repeated", "cable")
LATE_S = 1.5 * TIMEOUT_S
READS = 3
OUT = Path(__file__).parent / "out"
MESO = (sys.executable, "-m", "meso_device")
PLAN = """\
[treatment]
id = "one"
title = "One injection"
version = "1.0"
author = "bench"
status = "example, unapproved"
course = "general"
indications = ["bench on a simulated gun"]
sources = ["invented"]
[[product]]
name = "Water"
volume = "1 mL"
viscosity = "1 mPas"
[equipment]
syringe = "bd_5ml"
needle = "30g_4mm"
head = "single"
[defaults]
depth = "1.5 mm"
dose = "0.01 mL"
spacing = "10 mm"
rate = "9 /s"
mode = "continuous"
flow = "0.4 mL/s"
[[area]]
id = "forehead"
points = 1
"""


@dataclass
class Outcome:
    """What one fault did.

    Attributes:
        who: Whose client.
        fault: Which fault.
        told: What the caller was told of the write.
        executed: Doses injected by then; one was asked for.
        after: What the caller knows then, or can only do.
        executed_after: Doses injected when it has done that.
        wrong_values: Reads answered by another read's answer, out of those after the same fault.
    """

    who: str
    fault: str
    told: str
    executed: int
    after: str
    executed_after: int
    wrong_values: int


# --- peers --------------------------------------------------------------------------------------


@contextlib.contextmanager
def connected(name: str, fault: Fault):
    """Yield a peer's client and its device, over a PTY."""
    master, slave = os.openpty()
    tty.setraw(slave)
    client_type = CLIENTS[name]
    device = Served(master, client_type.device, fault)
    thread = threading.Thread(target=device.serve, daemon=True)
    thread.start()
    client = client_type(os.ttyname(slave))
    os.close(slave)
    try:
        yield client, device
    finally:
        with contextlib.suppress(Exception):
            client.close()
        thread.join(timeout=5)
        with contextlib.suppress(OSError):
            os.close(master)


def peer(name: str, kind: str) -> Outcome:
    fault = Fault(injecting=True, late_s=LATE_S)
    with connected(name, fault) as (client, device):
        fault.name = kind
        told = told_by(client.inject)
        time.sleep(LATE_S)
        executed = device.doses
        after = "believes it"
        if told != "OK":
            after = "cannot know; asks again"
            told_by(client.inject)
            time.sleep(LATE_S)
    return Outcome(name, kind, told, executed, after, device.doses, 0 if kind == "cable" else wrong_values(name, kind))


def wrong_values(name: str, kind: str) -> int:
    fault = Fault(injecting=False, late_s=LATE_S)
    wrong = 0
    with connected(name, fault) as (client, _):
        fault.name = kind
        for number in range(1, READS + 1):
            with contextlib.suppress(Exception):
                wrong += client.read(number) != VALUE_OF_0 + number
    return wrong


def told_by(call) -> str:
    try:
        return call()
    except Exception as error:  # noqa: BLE001  # whatever the caller gets is what is shown
        return type(error).__name__


# --- ours ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def gun_behind(directory: Path, reply_type: int, fault: Fault, *options: str):
    """Yield the cable to a simulated gun that notes what its motor does."""
    link = directory / "gun"
    command = [*MESO, "simulate", "--link", str(link), "--truth", str(directory / "truth"), *options]
    gun = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    gun.stdout.readline()
    cable = FaultyCable(str(link), directory / "port", reply_type, fault)
    try:
        yield cable
    finally:
        cable.close()
        gun.terminate()
        gun.wait()
        gun.stdout.close()


def ours(kind: str) -> Outcome:
    from protocols.wire.frame import REPLY
    from protocols.wire.messages import GrantSet

    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        (directory / "plan.toml").write_text(PLAN)
        fault = Fault(kind, injecting=True, late_s=LATE_S)
        home = ("--home", str(directory / "home"), "--json")
        with gun_behind(directory, GrantSet.TYPE | REPLY, fault) as cable:
            port = ("--gun", str(cable.link))
            run = [*MESO, "session", "run", str(directory / "plan.toml"), *port, *home]
            host = subprocess.Popen(run, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
            if kind == "cable":
                while cable.ends is not None and host.poll() is None:
                    time.sleep(0.02)
                time.sleep(1)
                host.send_signal(signal.SIGINT)
            told, executed = say(host.communicate()[0]), doses(directory)
            after = "knows it"
            if kind == "cable":
                cable.wants_plug.set()
                while cable.ends is None:
                    time.sleep(0.02)
                resume = [*MESO, "session", "resume", *port, *home]
                again = subprocess.run(
                    resume, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False
                )
                after = f"reads the gun's log: {say(again.stdout)}"
        return Outcome("ours", kind, told, executed, after, doses(directory), our_wrong_values(kind))


def our_wrong_values(kind: str) -> int:
    """Pings are echoed, so each has its own answer."""
    from drivers.gun import GunDriver
    from drivers.outcome import Done
    from drivers.ports import open_port
    from protocols.wire.frame import REPLY
    from protocols.wire.messages import TimePing

    if kind == "cable":
        return 0
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        fault = Fault(injecting=True, late_s=LATE_S)
        with (
            gun_behind(Path(name), TimePing.TYPE | REPLY, fault, "--hand", "none") as cable,
            GunDriver(open_port(str(cable.link)), os.urandom(16)) as driver,
        ):
            driver.hello()
            fault.name = kind
            for number in range(1, READS + 1):
                outcome = driver.request(TimePing(number))
                wrong += isinstance(outcome, Done) and outcome.body.host_mono_ns != number
    return wrong


def doses(directory: Path) -> int:
    with (directory / "truth").open() as truth:
        return sum(json.loads(line)["dose_nl"] > 0 for line in truth)


def say(output: str) -> str:
    told = json.loads(output.splitlines()[-1])
    unknown = told["unknown_injections"]
    return f"unknown: up to {unknown} injection" if unknown else f"{told['state']}, {told['given']} given"


# --- the table ----------------------------------------------------------------------------------


def outcomes() -> list[Outcome]:
    logging.disable(logging.CRITICAL)  # what peers log is not what they tell their caller
    try:
        return [peer(name, kind) if name else ours(kind) for kind in FAULTS for name in (*CLIENTS, "")]
    finally:
        logging.disable(logging.NOTSET)


def run() -> list[dict]:
    """Return one row for each fault and client: how often one dose that was asked for once was given."""
    found = outcomes()
    OUT.mkdir(exist_ok=True)
    (OUT / "faults.json").write_text(json.dumps([asdict(outcome) for outcome in found], indent=1) + "\n")
    return [row(outcome) for outcome in found]


def row(outcome: Outcome) -> dict:
    is_ours = outcome.who == "ours"
    exact = outcome.executed_after == 1 and not outcome.wrong_values
    wrong = f"; {outcome.wrong_values} of {READS} reads wrong" if outcome.wrong_values else ""
    return {
        "name": f"one reply {outcome.fault}: {outcome.who}".replace("one reply cable", "cable pulled"),
        "value": outcome.executed_after,
        "unit": "doses",
        "floor_name": "asked",
        "floor_value": 1,
        "ratio": outcome.executed_after,
        "target": f"{'1' if is_ours else 'shown'}; told {outcome.told!r}, {outcome.after}{wrong}",
        "ok": exact or not is_ours,
    }


def figures(rows: list[dict]) -> dict[str, str]:
    """Return doses by client, in the order of the faults."""
    return {
        who: "/".join(f"{r['value']}" for r in rows if r["name"].endswith(f": {who}")) for who in (*CLIENTS, "ours")
    }


def main() -> int:
    from bench.__main__ import show
    from tests.claims import tell

    rows = run()
    for shown in rows:
        print(show(shown))
    claim = f"one dose asked for under a fault ({', '.join(FAULTS)}) is given once, and no answer is another's"
    return tell(claim, figures(rows), ok=all(shown["ok"] for shown in rows))


if __name__ == "__main__":
    raise SystemExit(main())
