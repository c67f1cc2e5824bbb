"""Guns that are locked for good, and their ways out: what was found, what two people sign, the next treated session."""

import os
import signal

import pytest
from support.checks import assert_one_clear_line
from support.clinic import CHART, OTHER, WITHOUT, alias_of, copied
from support.gun import ask_hello, assert_gun_disarmed
from support.records import read_bodies
from support.treatment import treatment_text

pytestmark = [pytest.mark.usefixtures("warm"), pytest.mark.timeout(300)]  # sessions and many slow looks at a PIN

POINTS = 12
MANY = treatment_text((("forehead", POINTS),))
AT_BOOT = '[[fault]]\nname = "{}"\nat_ms = 0\nstrength = {}\n\n[[fault]]\nname = "gun_reset"\nat_ms = 0\n'


class Scene:
    """A clinic whose gun will have a finding."""

    def __init__(self, bench, founding):
        self.bench = bench
        self.clinic = copied(bench, founding)
        self.gun = self.clinic.gun
        self.patient, self.other = alias_of(founding, CHART), alias_of(founding, OTHER)
        self.sessions = 0

    def reboot(self, fault="", strength=1, *, hand="auto"):
        """Switch the gun off and on, with a fault of its memory."""
        self.gun.kill()
        scenario = ("--scenario", self.clinic.file(".toml", AT_BOOT.format(fault, strength))) if fault else ()
        self.gun.start(*scenario, hand=hand)

    def treat(self, patient="", *, env=None, file=None):
        """A session with new parts."""
        self.sessions += 1
        checks = self.clinic.checks(needle=f"N-{self.sessions}", head=f"H-{self.sessions}")
        return self.clinic.session(patient or self.other, checks=checks, env=env, file=file)

    def treated(self):
        """The next session, to its end, and a log that holds."""
        self.clinic.clean()
        told = self.treat().ok().json()
        assert (told["state"], told["given"]) == ("complete", 4)
        self.bench.meso("audit", "verify").ok()

    def refused(self, process, *names, status=1):
        process.wait()
        return assert_one_clear_line(process, status=status, names=names)

    def service(self, *words, first="tom", second="", gun=""):
        pins = self.clinic.pins(first, second) if second else self.clinic.pins(first)
        signed = ("--as", first, *(("--second", second) if second else ()), "--pin-file", pins)
        return self.bench.meso("service", *words, "--gun", gun or self.gun.link, *signed)

    def settle(self, first="tom", second="ada", reason="looked_at", gun=""):
        return self.service("settle", "--reason", reason, "--json", first=first, second=second, gun=gun)

    def settled(self, *codes, left=(), **people):
        """Settle, and require that these findings are closed, under two signatures."""
        told = self.settle(**people).ok().json()
        assert (sorted(told["settled"]), told["findings"]) == (sorted(codes), list(left))
        [*_, record] = read_bodies(self.bench.home, "service.settled")
        assert sum(row["target_seq"] == record["seq"] for row in read_bodies(self.bench.home, "sign")) == 2
        return told

    def run_ahead(self):
        """Let the host die while the gun goes on; returns how many of its records the log does not have."""
        process = self.treat(self.patient, file=self.clinic.treatment(MANY))
        self.bench.wait_shots(self.gun, 3)
        process.send(signal.SIGSTOP)
        self.bench.wait_shots(self.gun, self.gun.shots() + 2)
        head = assert_gun_disarmed(self.gun.link)["head_seq"]
        for gun in ("", "00" * 12):
            self.refused(self.settle(gun=gun), "in use", status=2)
        process.send(signal.SIGKILL)
        process.wait()
        return head - len(self.bench.logged())

    def resume(self):
        return self.bench.resume(self.gun.link, "--operator", "cleo", "--pin-file", self.clinic.pins("cleo"))


@pytest.fixture
def scene(bench, founding):
    return Scene(bench, founding)


@pytest.mark.invariant("I-20")
@pytest.mark.invariant("I-22")
@pytest.mark.invariant("I-34")
@pytest.mark.hazard("HZ-02")
@pytest.mark.hazard("HZ-26")
def test_a_record_that_the_gun_lost_is_booked_at_its_most_and_the_gun_goes_on(scene):
    scene.refused(scene.settle("cleo", "tom"), "nothing to settle")
    assert scene.run_ahead() >= 1
    scene.reboot("log_slot_bitflip")
    said = scene.refused(scene.resume(), "locked", "gap", "meso service settle")
    assert "\n" not in said
    shown = scene.service("check")
    scene.refused(shown, "gap", "meso service settle")
    scene.refused(scene.settle("cleo", "cleo"), "two different people")
    scene.refused(scene.settle("ada", "cleo"), "ada", "may not write off")
    uid = ask_hello(scene.gun.link)["gun_uid"].hex()
    scene.refused(scene.settle("cleo", "tom", gun=uid), "--gun PORT", status=2)
    assert "meso service settle" in scene.bench.meso("service", "list").ok().out
    told = scene.settled("gap", first="cleo", second="tom")
    assert (told["lost_shots"], told["lost_hi_nl"]) == (1, 200_000)
    [grant] = told["written_off"]
    given = len(scene.bench.logged())
    assert grant["shots_hi"] == POINTS - given
    assert scene.gun.shots() - given <= grant["shots_hi"]
    scene.refused(scene.settle("cleo", "tom"), "nothing to settle")
    scene.reboot()
    # Whoever it was used on: the gun has to be clean, and the lost one counts as given where it was permitted.
    scene.refused(scene.resume(), "not been cleaned")
    scene.clinic.clean()
    scene.refused(scene.resume(), "points of forehead")
    scene.treated()
    [gap] = read_bodies(scene.bench.home, "gap")
    assert gap["from_seq"] == gap["to_seq"]


@pytest.mark.invariant("I-29")
@pytest.mark.hazard("HZ-21")
@pytest.mark.hazard("HZ-26")
def test_an_odometer_that_is_ahead_makes_what_was_permitted_count_and_the_next_balance_holds(scene):
    ahead = scene.run_ahead()
    assert ahead >= 1
    given = len(scene.bench.logged())
    scene.reboot("seq_regress", ahead)
    scene.refused(scene.resume(), "locked", "mass_balance", "meso calibrate", "meso service settle")
    scene.refused(scene.settle("cleo", "tom"), "cleo", "bench sign off")
    scene.refused(scene.settle("tom", "tom"), "two different people")
    told = scene.settled("mass_balance")
    assert [(row["grant_no"], row["shots_hi"]) for row in told["written_off"]] == [(1, POINTS - given)]
    scene.treated()
    assert read_bodies(scene.bench.home, "mass_balance")[-1]["ok"] is True


@pytest.mark.invariant("I-06")
@pytest.mark.invariant("I-34")
@pytest.mark.hazard("HZ-28")
def test_a_gun_that_has_lost_records_and_made_others_goes_on_with_a_log_begun_anew(scene):
    memory = scene.gun.nvm.read_bytes()
    scene.treat(scene.patient).ok()
    scene.clinic.clean()
    scene.gun.kill()
    scene.gun.nvm.write_bytes(memory)
    scene.gun.start()
    scene.refused(scene.treat(), "locked", "counter_regression", "begun anew", "meso service settle")
    # Elsewhere nobody knows: the numbers that it has lost are other injections now.
    elsewhere = {"MESO_HOME": str(scene.bench.path / "elsewhere")}
    scene.bench.run_session(scene.gun.link, "--protocol", scene.clinic.treatment(), env=elsewhere).ok()
    epoch = ask_hello(scene.gun.link)["log_epoch"]
    scene.refused(scene.service("check"), "counter_regression", "two different logs", "begun anew")
    scene.refused(scene.settle("cleo", "tom"), "cleo", "may not open epoch")
    scene.reboot(hand="technician")
    told = scene.settled("counter_regression", "conflict", second="cleo")
    kept = read_bodies(scene.bench.home, "slot.kept")
    made = ask_hello(scene.gun.link)
    assert [row["shot_seq"] for row in kept] == [1, 2, 3, 4]
    assert (told["lost_shots"], told["lost_hi_nl"]) == (4, sum(row["dose_hi_nl"] for row in kept))
    assert told["log_epoch"] == made["log_epoch"] != epoch
    assert made["head_seq"] == 0
    scene.reboot()
    scene.refused(scene.treat(), "not been cleaned")
    scene.treated()
    [opened] = read_bodies(scene.bench.home, "epoch.opened")
    assert (opened["old_epoch"], opened["old_committed_seq"]) == (epoch, 4)


@pytest.mark.invariant("I-34")
@pytest.mark.hazard("HZ-19")
@pytest.mark.hazard("HZ-35")
def test_a_log_that_was_begun_anew_is_signed_for_and_what_the_old_one_may_have_had_counts(scene):
    scene.run_ahead()
    given = len(scene.bench.logged())
    scene.reboot("seq_regress", 4_096)
    scene.refused(scene.resume(), "locked", "counter_regression")
    scene.reboot("epoch_change")
    scene.refused(scene.resume(), "locked", "epoch.changed", "meso service settle")
    scene.refused(scene.settle("cleo", "tom"), "cleo", "may not open epoch")
    # As behind a crash of the command that had it begun anew: what was found in the old log is closed with it.
    told = scene.settled("epoch.changed", "counter_regression", second="cleo", reason="new_memory")
    assert [(row["grant_no"], row["shots_hi"]) for row in told["written_off"]] == [(1, POINTS - given)]
    assert told["log_epoch"] == ask_hello(scene.gun.link)["log_epoch"]
    scene.treated()


@pytest.mark.invariant("I-12")
@pytest.mark.invariant("I-22")
@pytest.mark.hazard("HZ-09")
def test_a_gun_that_gave_more_than_it_was_permitted_goes_on_once_a_technician_has_looked_why(scene):
    patched = {"PYTHONPATH": os.pathsep.join((str(WITHOUT), os.environ.get("PYTHONPATH", "")))}
    scene.refused(scene.treat(scene.patient, env={**patched, "MESO_WITHOUT": "grant_kept"}), "over_grant", "settle")
    given = len(scene.bench.logged())
    scene.refused(scene.resume(), "locked", "over_grant", "meso service settle")
    scene.refused(scene.settle("cleo", "tom"), "cleo", "bench sign off")
    told = scene.settled("over_grant")
    assert (told["lost_shots"], told["written_off"], len(scene.bench.logged())) == (0, [], given)
    assert scene.resume().ok().json()["given"] == 4
    scene.treated()
