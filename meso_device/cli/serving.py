"""A technician at work on a gun: one command, signed by the PIN that began it."""

from contextlib import AbstractContextManager
from pathlib import Path

from meso_device.cli.acting import Acting, acting
from meso_device.people.register import Purpose
from meso_device.people.roles import Act


def serving(home: Path | None, command: str, *, sign_in: str, pin_file: str) -> AbstractContextManager[Acting]:
    """Let a technician act, and keep the PIN for the signature; see `acting`."""
    return acting(
        home,
        command=f"meso service {command}",
        act=Act.SERVICE,
        sign_in=sign_in,
        pin_file=pin_file,
        purpose=Purpose.SIGNATURE,
    )
