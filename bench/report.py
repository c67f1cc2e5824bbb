"""The report of a long session as PDF: from its records to the bytes, and the whole command, both held to one figure.

.venv/bin/python -m bench.report
"""

import contextlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from statistics import median

import apsw

from meso_device.audit.birth import DATABASE_NAME
from meso_device.audit.store import Store
from meso_device.documents.pdf import render_pdf
from meso_device.documents.session_report import session_report
from meso_device.records.session_story import covering_checkpoint, session_story
from protocols.treatment.library import library, load_library
from tests.unit.audit.clinic import SESSION, Clinic, commit, stamp

SHOTS, AREAS = 300, 6
RUNS = 7
REPORT_MS_MAX = 600.0


def areas():
    """Return a plan of the library and areas of all its protocols: some on the face, some on the body."""
    plans = [load_library(name).plan() for name in library()]
    found = {area.area: area for plan in plans for area in plan.areas}
    names = sorted(found)
    return plans[0], [found[name] for name in names[:: len(names) // AREAS][:AREAS]]


def fill(home: Path) -> None:
    """Make the log of one session, with shots that differ in depth and dose."""
    store, clinic = Store.open(home, software="bench", stamp=stamp()), Clinic()
    plan, chosen = areas()
    plan = type(plan).from_json({**plan.to_json(), "areas": [area.to_json() for area in chosen]})
    payload = {"plan": plan.to_json(), "title": plan.title, "practice": False, "gun_uid": clinic.gun.gun_uid}
    commit(store, clinic.link_up(), clinic.entry("session.opened", f"session/{SESSION}/opened", payload))
    number = count()
    for area in chosen:
        clinic.area_code = area.area_code
        store.commit([clinic.grant(max_shots=SHOTS, max_nl=2**40)], stamp())
        shots = [
            clinic.shot(area.dose_nl + no % 7, area=area.area, area_code=area.area_code,
                        planned_depth_um=area.depth_um, measured_depth_um=area.depth_um - 20 + no % 41, reason="NONE")
            for no in (next(number) for _ in range(SHOTS // AREAS))
        ]  # fmt: skip
        commit(store, *shots)
    commit(store, clinic.closed())
    store.close(stamp())


def command_ms(home: Path, out: Path) -> float:
    """Return the CPU of the whole command, its start included."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    report = ["session", "report", SESSION, "--home", str(home), "--out", str(out)]
    subprocess.run([sys.executable, "-m", "meso_device", *report], check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ((after.ru_utime + after.ru_stime) - (before.ru_utime + before.ru_stime)) * 1e3


def made_ms(home: Path) -> float:
    """Return the CPU from the records to the bytes in a process of its own: the compiler remembers what it made."""
    out, into = os.pipe()
    child = os.fork()
    if child == 0:
        at = time.process_time()
        with contextlib.closing(apsw.Connection(str(home / DATABASE_NAME), flags=apsw.SQLITE_OPEN_READONLY)) as db:
            story = session_story(db, SESSION)
            note = covering_checkpoint(db, story.last_seq)
        render_pdf(session_report(story, {}, note))
        os.write(into, str((time.process_time() - at) * 1e3).encode())
        os._exit(0)
    os.waitpid(child, 0)
    os.close(into)
    with os.fdopen(out) as answer:
        return float(answer.read())


def run() -> list[dict]:
    with tempfile.TemporaryDirectory() as directory:
        home, out = Path(directory) / "home", Path(directory) / "report.pdf"
        fill(home)
        command_ms(home, out)
        whole = [command_ms(home, out) for _ in range(RUNS)]
        made = [made_ms(home) for _ in range(RUNS)]
        kilobytes = out.stat().st_size / 1e3
    name = f"report of {SHOTS} shots over {AREAS} areas, PDF of {kilobytes:.0f} kB"
    return [
        {
            "name": f"{name}, {what}",
            "value": value,
            "unit": "ms CPU",
            "floor_name": "allowed",
            "floor_value": REPORT_MS_MAX,
            "ratio": value / REPORT_MS_MAX,
            "target": 1.0,
            "ok": value <= REPORT_MS_MAX,
        }
        for what, value in (
            ("from records to bytes, p50", median(made)),
            ("whole command with its start and its record, p50", median(whole)),
        )
    ]


if __name__ == "__main__":
    for line in run():
        print(json.dumps(line))
