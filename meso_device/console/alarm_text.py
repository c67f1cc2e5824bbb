"""What each alarm means: cause, what to do, when it clears. One table; a test walks the gun's alarms over it."""

from collections.abc import Mapping
from typing import Final, NamedTuple


class About(NamedTuple):
    """What an operator is told of an alarm."""

    cause: str
    action: str
    clears: str


_RESET: Final = "with the reset of the gun, in two steps"
_SEEN: Final = "once the cause is gone and the alarm is acknowledged"
_GONE: Final = "by itself when the cause is gone"
ALARMS: Final[Mapping[str, About]] = {
    "ESTOP": About(
        "STOP was pressed: here, on the gun, or by a break of the line.",
        "Lift the gun off the skin and release the trigger. Look at the patient. Reset on Live with R.",
        _RESET,
    ),
    "OVER_DELIVERY": About(
        "The plunger moved further than it was told to.",
        "Stop treating. Look at the patient. Weigh the syringe; have the gun serviced.",
        _SEEN,
    ),
    "RUNAWAY": About(
        "Something moved without being told to.",
        "Take the gun off the patient and cut its power. Have it serviced.",
        "only by service",
    ),
    "NEEDLE_NOT_HOME": About(
        "The needle did not come back into the head.",
        "Lift the gun straight off. Do not touch the needle. Home it, or change the head.",
        "when the needle is home",
    ),
    "TRIGGER_STUCK": About(
        "The trigger was held at the start, or for over 30 s.",
        "Release the trigger. If it is free already, have the gun serviced.",
        "when the trigger is released and the alarm is acknowledged",
    ),
    "NVM_FAULT": About(
        "The gun's memory did not read back what was written.",
        "Do not treat with this gun. Have it serviced; its log is kept.",
        "only by service",
    ),
    "DEPTH_FAULT": About(
        "The needle went to another depth than it was told to.",
        "Look at the point. Check the head and the needle, then home the needle.",
        _SEEN,
    ),
    "OCCLUSION": About(
        "The pressure went over its limit: needle or line blocked.",
        "Lift off and wait for the pressure to fall. Change the needle. Never press on.",
        _SEEN,
    ),
    "STALL": About("A motor did not move.", "Check the syringe and the head for something jammed.", _SEEN),
    "EMPTY": About("The cartridge is empty.", "Fit a new cartridge and enter its lot.", "when a cartridge is fitted"),
    "LIFT_IN_SHOT": About(
        "The skin contact was lost during a shot; the gun ended it.",
        "Hold the gun flat. The shot's true volume is in the record; do not repeat it blindly.",
        _SEEN,
    ),
    "LEAK": About("The pressure fell without a shot.", "Look for drops at the syringe, line and needle.", _SEEN),
    "SUCTION_LOST": About("The vacuum was lost.", "Clean the rim of the head and set it down again.", _SEEN),
    "LOG_FULL": About(
        "The gun's log has no free place, so the gun refuses to fire.",
        "Wait until the log here is SYNCED; the gun then frees places by itself.",
        _GONE,
    ),
    "SENSOR_FAULT": About(
        "One sensor contradicts another.", "Do not treat with this gun until it has been serviced.", _SEEN
    ),
    "OVER_TEMPERATURE": About("The gun is too hot.", "Put it down and let it cool.", _GONE),
    "CARTRIDGE_CHANGED": About(
        "The cartridge was taken out or changed; the credit is gone.",
        "Check the lot of what is fitted, then arm again.",
        _SEEN,
    ),
    "HEAD_CHANGED": About("The head was changed; the credit is gone.", "Check head and needle, then arm again.", _SEEN),
    "BATTERY_CRITICAL": About("No shot could be finished.", "Charge the gun now.", _GONE),
    "SELF_TEST_FAILED": About("The gun's self-test failed.", "Do not treat with this gun. Have it serviced.", _SEEN),
    "LOW_RESERVOIR": About("The cartridge is nearly empty.", "Have the next one ready.", _GONE),
    "BATTERY_LOW": About("The battery is low.", "Charge the gun after this session.", _GONE),
    "LOG_80_PERCENT": About("The gun's log is 80 % full.", "Wait for SYNCED before going on.", _GONE),
    "CAL_DUE": About("The calibration is due soon.", "Have it done before its date.", "with a new calibration"),
    "HEAD_LIFETIME": About("The head has made as many shots as it may.", "Change the head.", "with a new head"),
    "LINK_LOST": About(
        "The gun heard nothing from this computer for 500 ms and disarmed itself.",
        "Check the cable. Shots made meanwhile are read from the gun's log when it is back.",
        _GONE,
    ),
    "IDLE_ARMED": About("Armed for 60 s without a shot; the gun disarmed itself.", "Arm again when ready.", _GONE),
    "STOP_UNANSWERED": About(
        "STOP was sent and the gun has not answered.",
        "Release the trigger, lift off, cut the gun's power.",
        "when the gun answers",
    ),
    "RECORDING_STOPPED": About(
        "A record could not be written to this computer's disk.",
        "Nothing more is injected. Free space on the disk or have it looked at, then start again.",
        "with a new start of the console",
    ),
    "OUTCOME_UNKNOWN": About(
        "It is not proven whether the last shots were made.",
        "Keep the gun connected: its log settles it. If the gun is lost, two people write it off.",
        "when the gun's log has been read, or with the write-off",
    ),
    "LINK_LOST_ARMED": About(
        "The link to the gun was lost while it was armed.",
        "Lift off. The gun disarms itself within 500 ms. Check the cable; its log settles what was given.",
        "when the link is back and the log has been read",
    ),
    "FINDING": About(
        "The gun's log and the records here do not agree; its text says in what.",
        "Nothing more is granted. Have it looked into before treating with this gun.",
        "when the finding is closed",
    ),
    "SECOND_PASS": About(
        "A cell whose points are done was chosen again. Points are counted; position is not measured.",
        "Go on only where the skin is to be gone over again; N moves on.",
        "when another cell is chosen",
    ),
    "CAP_NEAR": About(
        "Four fifths of a cap or more are given or held. At the cap nothing more is permitted.",
        "See the caps beside the plan. Plan what is left, or finish.",
        "when the session is closed",
    ),
    "BACKUP_LATE": About(
        "No backup of this data directory has verified for a week. What is only here is lost with this computer.",
        "Run meso backup create DIR onto another medium; it may run while the console does.",
        "within ten minutes of the next backup",
    ),
    "SCREEN_SILENT": About(
        "This screen gave no sign for 2 s while armed, so the host disarmed.",
        "Arm again when ready. If it comes back, end other programs on this computer.",
        _GONE,
    ),
}
_ANOTHER: Final = About(
    "The host or the gun has raised this alarm; its text says what it saw.",
    "Do as the text says. If in doubt, stop and look at the patient.",
    "when its cause is gone",
)


def about(name: str) -> About:
    """Return what is known of an alarm by its name; a general word for one that this console does not know."""
    return ALARMS.get(name.replace(" ", "_"), _ANOTHER)
