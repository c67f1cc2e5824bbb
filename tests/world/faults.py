"""The faults of the simulated world by name: where each can happen, how often beside the others, and what it is."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault.

    Attributes:
        name: Name, as `7` of the design spells it.
        place: Where it can happen: ``wire`` (a chunk of bytes either way), ``reply`` (a reply that changed something),
            ``effect`` (before each effect of the host), ``send`` (each frame that the host hands to the port), ``step``
            (each event that the host takes), ``commit`` (each transaction), ``shot`` (each stroke), ``attack`` (a chunk
            either way, where the gun holds a link key).
        scale: Heavy ones come more seldom.
        group: ``wire``, ``attacker``, ``gun``, ``body``, ``spec``, ``host``, ``disk``, ``clock`` or ``people``.
        what: What it does.
    """

    name: str
    place: str
    scale: float
    group: str
    what: str


KINDS = tuple(
    Kind(*row)
    for row in (
        ("drop", "wire", 0.4, "wire", "the chunk vanishes"),
        ("flip", "wire", 0.4, "wire", "one bit is flipped"),
        ("dup", "wire", 0.4, "wire", "it comes twice"),
        ("trunc", "wire", 0.4, "wire", "its end is missing"),
        ("split", "wire", 0.4, "wire", "it comes in two pieces, 5 ms apart"),
        ("coalesce", "wire", 0.4, "wire", "it comes together with the next"),
        ("stall", "wire", 0.1, "wire", "the line stands still for 20 to 1,200 ms"),
        ("garbage", "wire", 0.4, "wire", "up to 32 random bytes come before it"),
        ("echo", "wire", 0.4, "wire", "its sender hears it too"),
        ("reorder_stale", "wire", 0.4, "wire", "it comes once more, 100 to 2,500 ms later"),
        ("baud_wrong", "wire", 0.4, "wire", "all of it arrives as noise"),
        ("partial_write", "wire", 0.4, "wire", "its end comes 1 to 80 ms later"),
        ("unplug", "wire", 0.03, "wire", "the cable is out for 50 ms to 5 s and the port says so"),
        ("loose_contact", "wire", 0.03, "wire", "the cable is out for 10 to 100 ms and the port says so"),
        ("half_open", "wire", 0.03, "wire", "no bytes pass for 0.3 to 4 s and the port says nothing"),
        ("wrong_port", "wire", 0.01, "wire", "the port comes back as another device that talks noise"),
        ("reply_lost_after_effect", "reply", 1.0, "wire", "the gun has done it, its reply vanishes"),
        ("reply_late", "reply", 1.0, "wire", "the reply comes 0.15 to 2.5 s late"),
        ("reply_dup", "reply", 1.0, "wire", "the reply comes again 1 to 500 ms later"),
        ("attack_replay", "attack", 1.5, "attacker", "a frame that its end has taken comes again, up to 2 s later"),
        ("attack_reflect", "attack", 1.5, "attacker", "a frame comes back to its sender, up to 2 s later"),
        ("attack_alter", "attack", 1.5, "attacker", "ahead of it comes its like with one bit changed and a right CRC"),
        ("attack_strip", "attack", 1.5, "attacker", "ahead of it comes its like without a tag, or without a key"),
        ("attack_forge", "attack", 1.5, "attacker", "a frame that would be due, with no tag or a wrong one"),
        ("attack_stop", "attack", 0.05, "attacker", "STOP without a tag"),
        ("gun_reset", "wire", 0.03, "gun", "power lost for 200 ms, at any moment"),
        ("gun_reset_midshot", "shot", 0.2, "gun", "power lost within the stroke"),
        ("nvm_before_intent", "shot", 0.1, "gun", ""),
        ("nvm_torn_intent", "shot", 0.1, "gun", ""),
        ("nvm_after_intent", "shot", 0.1, "gun", ""),
        ("after_motion_before_outcome", "shot", 0.1, "gun", ""),
        ("torn_outcome", "shot", 0.1, "gun", ""),
        ("brownout_no_latch", "shot", 0.2, "gun", "for the next losses of power"),
        ("ring_full", "shot", 0.1, "gun", "for a while only a few slots are usable"),
        ("stuck_motor", "shot", 0.1, "body", ""),
        ("encoder_slip", "shot", 0.1, "body", ""),
        ("lost_steps", "shot", 0.2, "body", ""),
        ("backlash", "shot", 0.2, "body", ""),
        ("clog", "shot", 0.1, "body", ""),
        ("partial_clog", "shot", 0.2, "body", ""),
        ("air_bubble", "shot", 0.2, "body", ""),
        ("leak", "shot", 0.2, "body", ""),
        ("plunger_stick", "shot", 0.1, "body", ""),
        ("depth_stop_drift", "shot", 0.1, "body", ""),
        ("contact_lost", "shot", 0.2, "body", ""),
        ("sensor_stuck", "shot", 0.2, "body", ""),
        ("vacuum_low", "shot", 0.2, "body", ""),
        ("trigger_bounce", "shot", 0.3, "body", ""),
        ("double_trigger", "shot", 0.3, "body", ""),
        ("battery_low", "shot", 0.1, "body", ""),
        ("overtemp", "shot", 0.1, "body", ""),
        ("occlusion", "shot", 0.1, "body", "the needle is pressed shut"),
        ("cartridge_swap", "shot", 0.05, "body", "the cartridge is taken out and put back"),
        ("head_swap", "shot", 0.05, "body", "the head is changed"),
        ("alarm_at_rest", "step", 0.01, "body", "too warm or its battery low for a moment, whatever it does"),
        ("setting_not_taken", "shot", 0.2, "gun", "the next SETTINGS_SET changes nothing"),
        ("readback_lies", "shot", 0.05, "spec", "SETTINGS_GET tells what was sent, for a while"),
        ("lease_ignored", "shot", 0.05, "spec", "credit outlives its lease for a while"),
        ("lease_timer_stuck", "shot", 0.05, "spec", "the lease stands still for a while"),
        ("tick_jump", "shot", 0.05, "spec", "the gun's ticks jump forward"),
        ("tick_drift", "shot", 0.05, "spec", "the gun's ticks run fast"),
        ("host_kill", "effect", 0.08, "host", "kill -9 before this effect; a new host 0.1 to 2 s later"),
        ("before_send", "send", 0.03, "host", "kill -9 with a frame made and nothing of it on the line"),
        ("after_send", "send", 0.03, "host", "kill -9 with a frame on the line and no answer to it"),
        ("host_hang", "step", 0.03, "host", "the host does nothing for 0.5 to 3 s"),
        ("host_suspend", "step", 0.01, "host", "the computer sleeps for 1 to 20 s"),
        ("sigterm", "step", 0.01, "host", "the host is told to end"),
        ("second_host", "step", 0.01, "host", "another host says HELLO and takes the gun over"),
        ("slow_fsync", "commit", 0.2, "disk", "the commit takes 2 s"),
        ("fsync_err", "commit", 0.1, "disk", "the commit fails and nothing of it is durable"),
        ("fsync_err_durable", "commit", 0.1, "disk", "the commit says it failed and is durable all the same"),
        ("torn_write", "commit", 0.1, "disk", "power is lost in the write: nothing is durable, a new start in 2 s"),
        ("db_replaced", "commit", 0.05, "disk", "the log is moved away with this commit in it, later back"),
        ("db_locked", "commit", 0.05, "disk", "another program holds the lock: 5 s, then an error"),
        ("enospc", "commit", 0.05, "disk", "no space left"),
        ("erofs", "commit", 0.05, "disk", "the file system has become read-only"),
        ("kill_after_commit", "commit", 0.2, "disk", "durable, but the host dies before it knows"),
        ("clock_step", "step", 0.05, "clock", "UTC steps by up to a year either way"),
        ("dst_fold", "step", 0.02, "clock", "UTC goes back an hour, and forth a minute later"),
        ("year_1970", "step", 0.01, "clock", "UTC says 1970"),
        ("year_2038", "step", 0.01, "clock", "UTC is about to pass 2^31 s"),
        ("monotonic_stall", "step", 0.03, "clock", "the host's monotonic clock stands still for 0.1 to 2 s"),
        ("stop_any_time", "step", 0.02, "people", "STOP, at any moment"),
        ("stop_button", "shot", 0.05, "people", "the stop button on the gun"),
        ("early_reset", "step", 0.05, "people", "reset of the stop, whatever the state"),
        ("random_keys", "step", 0.1, "people", "any command, in any state"),
        ("double_press", "step", 0.1, "people", "the last command again"),
        ("wrong_area", "step", 0.03, "people", "another area than the next"),
        ("pause", "step", 0.03, "people", "disarm"),
        ("close_early", "step", 0.002, "people", "the session is closed before its plan is finished"),
        ("screen_gone", "step", 0.01, "people", "the screen is silent for 1 to 12 s: nobody sees or says anything"),
        ("screen_flood", "step", 0.02, "people", "a screen gone mad sends 48 commands at once"),
        ("wild_trigger", "step", 0.1, "people", "the trigger is pulled, whatever the state"),
        ("gun_handed_over", "step", 0.02, "people", "the head is lifted off the skin"),
        ("service_button", "step", 0.02, "people", "the technician's button is pressed"),
    )
)  # fmt: skip
BY_NAME = {kind.name: kind for kind in KINDS}
SCALES = {kind.name: kind.scale for kind in KINDS}
ATTACKS = frozenset(kind.name for kind in KINDS if kind.place == "attack")

# No finding: a host that holds the gun's link key, or needs it, goes no further and says so.
NO_PROOF = "no proof of the link key"
# What a gun loses for good: no plan can be finished after it, and the host must say why. One seed in eight has one.
RUIN = {
    "log_slot_bitflip": frozenset({"gap", "conflict"}),
    "nvm_erased": frozenset({"epoch.changed", "gun.changed", "gap", "conflict", "counter_regression", NO_PROOF}),
    "seq_regress": frozenset({"mass_balance", "counter_regression", "conflict", "gap"}),
    "epoch_change": frozenset({"epoch.changed"}),
    "uid_change": frozenset(
        {"gun.changed", "epoch.changed", NO_PROOF}
    ),  # switched off and on it is the old gun with a new log
    "old_backup_restored": frozenset({"gap", "conflict", "orphan"}),
    "syringe_swapped": frozenset(),
}

# What the world has no part for, or only an image of, and the cases that bring it about in the real parts.
DIRECTED = {
    "wrong_size_set": (
        "tests/world/test_library_sessions.py::test_a_gun_that_holds_another_syringe_than_the_file_is_for_gives_nothing",
        "tests/blackbox/test_clinic.py::test_a_syringe_that_is_not_that_of_the_treatment_is_refused",
    ),
    "db_replaced": (
        "tests/unit/audit/test_store.py::test_nothing_is_called_durable_once_the_logs_name_leads_elsewhere",
        "tests/blackbox/test_disk.py::test_a_log_moved_away_in_mid_session_disarms_the_gun_and_goes_on_when_it_is_back",
    ),
    "torn_write": (
        "tests/storage/test_images.py::test_a_power_cut_at_every_change_of_the_disk_loses_nothing_acknowledged",
    ),
    "screen_gone": (
        "tests/unit/host/test_console_operator.py::test_a_silent_screen_disarms_after_two_seconds_and_is_ended_after_ten",
    ),
}


def at(place: str) -> list[str]:
    """The kinds that happen at one place."""
    return [kind.name for kind in KINDS if kind.place == place]
