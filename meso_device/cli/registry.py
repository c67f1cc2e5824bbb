"""The commands of `meso`, by name: which module has them and the one line that help shows.

A module is imported when its command is asked for and not before, so that ``meso --help`` and each command load
only what they need; this table imports nothing of them.
"""

from collections.abc import Mapping
from typing import Final

from msgspec import Struct


class CommandLine(Struct, frozen=True):
    """One command or group.

    Attributes:
        module: Where its typer application is, as ``app``.
        help: First line of its help.
    """

    module: str
    help: str


COMMANDS: Final[Mapping[str, CommandLine]] = {
    "console": CommandLine("meso_device.cli.console", "Treat and practise at a screen; F8 stops the gun at any time."),
    "view": CommandLine("meso_device.cli.view", "Watch the running host, in a terminal or a browser; view only."),
    "demo": CommandLine(
        "meso_device.cli.demo", "Watch a whole treatment on a simulated gun, and the proof of its log."
    ),
    "session": CommandLine("meso_device.cli.session", "Run, resume and look at treatment sessions."),
    "people": CommandLine("meso_device.cli.people", "Enrol operators and set what they may do."),
    "patient": CommandLine("meso_device.cli.patient", "Enrol patients, look them up, report reactions, erase."),
    "protocols": CommandLine("meso_device.cli.protocols", "List, show, check and approve treatment protocols."),
    "stock": CommandLine("meso_device.cli.stock", "List and block lots, fit cartridges, note waste."),
    "reprocess": CommandLine(
        "meso_device.cli.reprocess", "Record that a gun was cleaned after a patient; tap water is refused."
    ),
    "lookback": CommandLine(
        "meso_device.cli.lookback", "List everyone who got a lot, or was treated with a gun, head or by an operator."
    ),
    "calibration": CommandLine(
        "meso_device.cli.calibration",
        "Look at calibrations: certificates, what is due, and whom a failed check touches.",
    ),
    "stop": CommandLine("meso_device.cli.stop_command", "Stop the gun of the host that runs in this data directory."),
    "guns": CommandLine("meso_device.cli.guns", "List ports and the guns found on them."),
    "link": CommandLine(
        "meso_device.cli.link", "Measure the link to a gun and name what is wrong with it; pair a gun by its key."
    ),
    "conformance": CommandLine(
        "meso_device.cli.conformance", "Try the rules of the wire protocol against a gun on the bench."
    ),
    "audit": CommandLine("meso_device.cli.audit", "Verify, prove and export the log of all injections."),
    "collector": CommandLine("meso_device.cli.collector", "Collect the logs of many consoles in PostgreSQL."),
    "backup": CommandLine("meso_device.cli.backup", "Back up the data directory in use, verify backups, restore one."),
    "calibrate": CommandLine("meso_device.cli.calibrate", "Calibrate a gun at the bench: dose, depth, sensors."),
    "service": CommandLine(
        "meso_device.cli.service", "Check a gun's identity and counters, fit parts that wear, note acts of service."
    ),
    "simulate": CommandLine("meso_device.cli.simulate", "Be a simulated gun until told to end."),
    "doctor": CommandLine(
        "meso_device.cli.doctor", "Check this computer: packages, ports, data directory, disk, clock."
    ),
}
