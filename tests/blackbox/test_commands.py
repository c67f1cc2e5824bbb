"""The commands as their contract spells them."""

import json
import re
import stat

import pytest
from support.processes import marked_processes, wait_for
from support.records import assert_log_equals_truth, read_export, read_truth
from support.treatment import treatment_text, write_treatment

COMMANDS = [
    (), ("demo",), ("simulate",), ("guns",), ("session",), ("session", "run"), ("session", "resume"),
    ("session", "list"), ("session", "show"), ("audit",), ("audit", "verify"), ("audit", "rebuild"),
    ("audit", "export"),
    ("audit", "checkpoint"), ("doctor",),
]  # fmt: skip


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: " ".join(words) or "meso")
def test_help_of_each_command(bench, words):
    process = bench.meso(*words, "--help", name="help").ok()
    assert process.out.strip()
    assert process.err == ""
    assert not bench.home.exists()


def test_demo_ends_with_a_proof_as_json(bench):
    process = bench.meso("demo", "--json", "--seed", 3).ok(40)
    told = process.json()
    assert told["injections"] == told["logged"] == 60, told
    assert told["missing"] == told["duplicated"] == 0
    assert told["chain_verified"] is True
    assert "elapsed" in " ".join(told)
    assert len(process.out.strip().splitlines()) >= 1


def test_demo_in_words_shows_progress_and_ends_with_the_proof(bench):
    process = bench.meso("demo", "--shots", 12, "--seed", 4).ok(30)
    *progress, last = process.out.strip().splitlines()
    assert progress
    assert re.search(r"\b12\b", last), process.describe()
    assert re.search(r"\b0\b", last), process.describe()


def test_demo_leaves_a_log_in_the_home_it_is_given_and_no_process(bench):
    bench.home = bench.path / "elsewhere"
    told = bench.meso("demo", "--shots", 8, "--home", bench.home, "--json").ok(30).json()
    assert told["logged"] == 8
    assert bench.children_left() == []
    bench.meso("audit", "verify", "--home", bench.home).ok()
    assert len(bench.export()) == 8


def test_demo_with_the_same_seed_gives_the_same_injections(bench):
    doses = []
    for name in ("a", "b"):
        bench.home = bench.path / name
        bench.meso("demo", "--shots", 10, "--seed", 9, "--home", bench.home, "--json").ok(30)
        doses.append([(shot.area, shot.kind, shot.outcome) for shot in bench.export()])
    assert doses[0] == doses[1]
    assert len(doses[0]) == 10


@pytest.mark.parametrize("number", [2, 9, 15], ids=["SIGINT", "SIGKILL", "SIGTERM"])
def test_a_demo_that_is_ended_leaves_no_gun_behind(bench, number):
    process = bench.meso("demo", "--json")
    wait_for(lambda: len(bench.children_left()) >= 1, "the gun of the demo")
    process.send(number)
    assert process.wait() == 128 + number, process.describe()
    assert "Traceback" not in process.err
    wait_for(lambda: not bench.children_left(), "the gun of the demo to end", within_s=5)


def test_a_session_on_a_file_is_listed_shown_verified_and_exported(bench):
    gun = bench.gun(seed=5)
    plan = write_treatment(bench.path / "plan.toml", treatment_text((("forehead", 5), ("cheek_left", 4))))
    bench.run_session(gun.link, plan).ok()
    export = bench.assert_proven(gun, planned=9, verify=True)
    (session,) = bench.sessions()
    assert session["simulated"] is True
    assert session["state"] == "complete"
    assert session["planned"]["injections"] == session["given"]["injections"] == 9
    assert {shot.session for shot in export} == {session["id"]}
    shown = bench.meso("session", "show", session["id"], "--json").ok().json()
    assert shown["id"] == session["id"]
    assert "forehead" in json.dumps(shown)
    assert session["id"][:8] in bench.meso("session", "list").ok().out
    assert "forehead" in bench.meso("session", "show", session["id"]).ok().out.lower()
    assert [shot.raw["area_id"] for shot in export] == ["forehead"] * 5 + ["cheek_left"] * 4
    assert all(abs(shot.depth_um - 1500) <= 30 for shot in export)


def test_the_practice_treatment_runs_on_an_empty_directory_without_a_file(bench):
    gun = bench.gun(seed=6)
    told = bench.meso("session", "run", "--gun", gun.link, "--json").ok(30)
    assert told.json()
    export = bench.assert_proven(gun, planned=60, verify=True)
    assert len({shot.area for shot in export}) == 4
    assert stat.S_IMODE(bench.home.stat().st_mode) == 0o700
    for path in bench.home.rglob("*"):
        if path.suffix == ".vkey":  # a public key
            continue
        mode = stat.S_IMODE(path.stat().st_mode)
        assert not mode & 0o077, f"{path.name} is open to others: {mode:o}"


@pytest.mark.invariant("I-51")
@pytest.mark.hazard("HZ-36")
def test_everything_a_simulated_gun_made_says_so(bench):
    gun = bench.gun(seed=7)
    bench.run_session(gun.link, write_treatment(bench.path / "p.toml", treatment_text((("forehead", 3),)))).ok()
    assert all(shot.simulated is True for shot in bench.export())
    (session,) = bench.sessions()
    assert session["simulated"] is True
    listed = bench.meso("guns", gun.link).ok().out + bench.meso("session", "list").ok().out
    assert listed.lower().count("simulat") >= 2


def test_export_goes_to_a_file_or_to_the_standard_output_alike(bench):
    gun = bench.gun(seed=8)
    bench.run_session(gun.link, write_treatment(bench.path / "p.toml", treatment_text((("forehead", 3),)))).ok()
    out = bench.path / "shots.jsonl"
    words = ("audit", "export", "--kind", "shot", "--format", "jsonl")
    bench.meso(*words, "--out", out).ok()
    assert out.read_text() == bench.meso(*words).ok().out
    assert_log_equals_truth(read_export(out.read_text()), gun.truth())
    assert all(isinstance(shot.raw["at"], str) and "T" in shot.raw["at"] for shot in read_export(out.read_text()))


def test_guns_finds_the_simulated_gun_on_the_port_named_and_disturbs_no_session(bench):
    gun = bench.gun(seed=9)
    (row,) = _guns(bench, gun.link)
    assert row["simulated"] is True
    plan = write_treatment(bench.path / "plan.toml", treatment_text((("forehead", 12),)))
    host = bench.run_session(gun.link, plan)
    bench.wait_shots(gun, 3)
    bench.meso("guns", gun.link, "--json").wait()
    host.ok()
    bench.assert_proven(gun, planned=12)
    assert row["gun_uid"] == gun.truth()[0].key[0]


def _guns(bench, *ports):
    return bench.meso("guns", *ports, "--json").ok().json()["ports"]


@pytest.mark.parametrize("extra", [(), ("--json",)], ids=["words", "json"])
def test_doctor_looks_at_all_it_promises(bench, extra):
    process = bench.meso("doctor", *extra) if not extra else bench.meso("doctor")
    assert process.wait() in {0, 1}, process.describe()
    said = process.out.lower()
    for word in ("python", "sqlite", "package", "port", "directory", "disk", "lock", "clock"):
        assert word in said, f"{word}: {process.describe()}"
    assert "Traceback" not in process.err


def test_simulate_says_ready_writes_truth_and_serves_tcp(bench):
    gun = bench.gun(seed=10, extra=("--tcp", "127.0.0.1:0"))
    plan = write_treatment(bench.path / "plan.toml", treatment_text((("forehead", 3),)))
    bench.run_session(gun.link, plan).ok()
    bench.assert_proven(gun, planned=3)
    assert read_truth(gun.truth_path)


def test_a_session_over_tcp(bench):
    import socket

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    gun = bench.gun(seed=10, extra=("--tcp", f"127.0.0.1:{port}"))
    plan = write_treatment(bench.path / "plan.toml", treatment_text((("forehead", 6),)))
    bench.meso("session", "run", plan, "--gun", f"socket://127.0.0.1:{port}").ok()
    bench.assert_proven(gun, planned=6)


def test_nothing_of_a_finished_command_stays_running(bench):
    gun = bench.gun(seed=1)
    bench.run_session(gun.link, write_treatment(bench.path / "p.toml", treatment_text((("forehead", 2),)))).ok()
    assert bench.children_left() == []
    assert marked_processes(bench.environment()["MESO_BLACKBOX_RUN"]) == [gun.process.pid]
