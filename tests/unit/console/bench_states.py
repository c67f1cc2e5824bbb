"""Runs at the bench as a host shows them, for tests that need one in a certain state."""

import msgspec

DOSE_POINTS = [
    {"set_nl": set_nl, "error_pl": error_pl, "expanded_pl": 58_300, "limit_pl": set_nl * 10, "n": 10,
     "low_nl": set_nl - 500, "high_nl": set_nl + 2_500, "singles_within": set_nl > 10_000, "verdict": "fail"}
    for set_nl, error_pl in ((10_000, 204_000), (50_000, 1_010_000), (100_000, 2_030_000))
]  # fmt: skip
NO_ROW = {"pl_per_um": 0, "expanded_pl_per_um": 0}
FOUND = {"verdict": "fail", "rule": "stated", "gain_error_ppm": 20_180, "points": DOSE_POINTS, **NO_ROW}
LEFT = {
    "verdict": "pass", "rule": "stated", "gain_error_ppm": -310, **NO_ROW,
    "points": [{**point, "error_pl": -31_000, "singles_within": True, "verdict": "pass"} for point in DOSE_POINTS],
}  # fmt: skip
TRAVEL = {
    "verdict": "conditional_pass", "rule": "stated", "error_nm": 41_260, "expanded_nm": 12_040, "limit_nm": 100_000,
    "gain_error_ppm": 1_204, "offset_nm": -8_350, "linear": True,
    "points": [{"target_um": 1_000, "up_nm": 2_000, "down_nm": -1_000}],
}  # fmt: skip
SYRINGE = {**FOUND, "points": DOSE_POINTS[1:2], "pl_per_um": 117_658, "expanded_pl_per_um": 214}
NEW_ROW = [
    {"name": "pl_per_um", "old": 114_231, "new": 117_658},
    {"name": "min_dose_nl", "old": 5_712, "new": 5_883},
    {"name": "dose_gain_ppm", "old": 0, "new": 0},
    {"name": "cal_id", "old": 19, "new": 20},
    {"name": "due_day", "old": 20_765, "new": 20_961},
]
FILLING = {
    "verdict": "fail", "rule": "stated", "set_nl": 50_000, "single_limit_nl": 2_500, "first_outside": 3, "first_max": 2,
    "drip_pl": 120_000, "drip_limit_pl": 1_000_000, "last_error_pl": -310_000, "left_pl": 25_610_000,
    "left_logged_nl": 25_920,
}  # fmt: skip
SENSORS = {
    "verdict": "fail", "rule": "stated",
    "points": [
        {"sensor": "pressure_pa", "unit": "pa", "offset_milli": 12_300, "s_milli": 4_100, "limit": 2_000,
         "within": True},
        {"sensor": "plunger_force_dn", "unit": "dn", "offset_milli": -91_000, "s_milli": 300, "limit": 50,
         "within": False},
    ],
}  # fmt: skip
PROPOSAL = [
    {"name": "depth_offset_um", "old": 0, "new": 0},
    {"name": "dose_gain_ppm", "old": 0, "new": -19_781},
    {"name": "cal_id", "old": 19, "new": 20},
    {"name": "issued_day", "old": 20_400, "new": 20_779},
    {"name": "due_day", "old": 20_765, "new": 20_961},
]
REFERENCES = [
    {"what": "balance", "serial": "B0000001", "certificate": "M-2026-114", "due_day": 20_908},
    {"what": "thermometer", "serial": "T-7", "certificate": "T-2026-020", "due_day": 20_908},
]
PREPARED = {
    "what": "dose", "profile": "reference", "serial": "MG-0042", "place": "bench 1", "port": "/dev/ttyUSB0",
    "targets": [10_000, 50_000, 100_000], "readings": 10, "shots": 1, "syringe": "bd_5ml",
    "water_mdegc": 20_050, "air_mdegc": 20_000, "pressure_pa": 101_325, "humidity_permille": 505,
    "references": REFERENCES,
}  # fmt: skip
RUN = {
    "run": "5c3f9d1a" * 4, "what": "dose", "profile": "reference", "serial": "MG-0042", "place": "bench 1",
    "state": "AS_FOUND", "running": True, "doing": "reading",
    "step": {"use": "dose", "target": 10_000, "shots": 1, "direction": "", "cycle": 0},
    "taken": 4, "planned": 33, "stage": "as_found", "adjusted": False, "why": "",
    "asked": {"no": 7, "unit": "ug"}, "keyed": True, "instrument": "", "proposal": [], "found": None, "left": None,
    "newest": [
        {"no": no, "stage": "as_found", "use": use, "target": target, "raw": raw, "unit": "ug", "sensor": "",
         "direction": "", "counted": counted}
        for no, use, target, raw, counted in (
            (4, "dose", 10_000, "35.15386 g", True), (3, "dose", 10_000, "35.14364 g", False),
            (2, "blank", 0, "35.12343 g", True), (1, "base", 0, "35.12345 g", True),
        )
    ],
    "verdict": "", "due_day": 0, "references": REFERENCES,
}  # fmt: skip
IDLE = {"running": False, "doing": "", "step": None, "asked": None, "keyed": False}
CAN = {
    "bench_open": "", "bench": "", "bench_read": "no run is under way", "bench_pause": "no run is under way",
    "bench_record": "no run is open", "bench_sign": "no run waits for its signatures",
}  # fmt: skip
BUSY = "a run is under way at the bench: pause it first"


def copied(body):
    """A copy of what a host sends, in a hundredth of the time that it takes without knowing that it is JSON."""
    return msgspec.json.decode(msgspec.json.encode(body))


def at_bench(idle, run=None, **can):
    """Return a snapshot of a technician at the bench, with this run."""
    body = copied(idle)
    body["operator"] = {"login": "tom", "role": "technician"}
    body["bench"] = run
    body["can"].update({**CAN, **can})
    return body


def under_way(idle, **changes):
    """Return a snapshot of a run that goes on."""
    body = at_bench(idle, {**RUN, **changes}, bench=BUSY, bench_read="", bench_pause="", quit=BUSY)
    body["gun"]["state"] = "SERVICE"
    return body


def still(idle, **changes):
    """Return a snapshot of a run that stands still."""
    why = "UNSTABLE: the balance did not come to rest: shield it from draught, then go on"
    return at_bench(idle, {**RUN, **IDLE, "why": why, **changes}, bench_record="")


def deciding(idle, **changes):
    """Return a snapshot of a run whose technician is asked what is to be written to the gun."""
    asking = {
        "state": "ADJUST", "doing": "deciding", "asked": None, "step": None, "proposal": PROPOSAL, "found": FOUND,
        "taken": 33, "verdict": "fail",
    }  # fmt: skip
    return under_way(idle, **{**asking, **changes})


def complete(idle, **changes):
    """Return a snapshot of a run that two people have to sign for."""
    whole = {
        **RUN, **IDLE, "state": "SIGN", "stage": "as_left", "adjusted": True, "found": FOUND, "left": LEFT, "taken": 33,
        "verdict": "pass", "due_day": 20_961,
    }  # fmt: skip
    return at_bench(idle, {**whole, **changes}, bench_sign="")
