"""``meso audit rotate-key``: the log goes on under another key, which the old one vouches for."""

from pathlib import Path
from typing import Annotated

import typer

from meso_device.cli.asking import AsOption, PinFileOption
from meso_device.cli.options import HomeOption, JsonOption
from meso_device.cli.output import say, say_json

app = typer.Typer(rich_markup_mode=None, add_completion=False)
COMMAND = "meso audit rotate-key"


@app.command("rotate-key")
def rotate_key(
    reason: Annotated[str, typer.Option("--reason", metavar="CODE", help="Why, such as yearly or key_seen.")],
    second: Annotated[str, typer.Option("--with", metavar="NAME", help="Login name of the second person.")],
    sign_in: AsOption = "",
    pin_file: PinFileOption = "",
    home: HomeOption = None,
    json: JsonOption = False,
) -> None:
    """Sign the log with a new key from now on; the old one signs once more, with it, and is then destroyed.

    An administrator and a second person, each with the PIN. What was signed before stays verifiable with either key.
    """
    old, new, size = rotated(home, reason, first=sign_in, second=second, pin_file=pin_file)
    if json:
        say_json({"old_vkey": old, "vkey": new, "size": size})
        return
    say(f"the log goes on under another key from {size} records on; write it down, and keep the one before beside it:")
    say(f"  {new}")
    say("  the old secret is destroyed here: copy the new one to where the secrets of backups are kept, with")
    say("  meso backup create DIR --keys DIR")


def rotated(home: Path | None, reason: str, *, first: str, second: str, pin_file: str) -> tuple[str, str, int]:
    """Rotate the key and return the old one, the new one, and the size of the checkpoint that both signed.

    Raises:
        PinRefused, NotAllowed: not these people.
        UsageError: another process has the data directory, or the reason is no code.
        MesoError: the key was changed too often.
        AuditWriteFailed: nothing was changed.
    """
    import os

    from meso_device.accounting.materials import checked_code
    from meso_device.audit import rotation
    from meso_device.audit.keys import SEED_BYTES, SigningKey, VerifyKey
    from meso_device.audit.log_keys import ROTATIONS_MAX, log_keys
    from meso_device.cli.acting import acting
    from meso_device.cli.desk import stamp_of
    from meso_device.people.register import Purpose
    from meso_device.people.roles import Act
    from meso_device.people.signatures import sign_together
    from protocols.errors import AuditWriteFailed, MesoError

    checked_code("reason", reason)
    with acting(
        home, command=COMMAND, act=Act.ROTATE_KEY, sign_in=first, pin_file=pin_file, purpose=Purpose.SIGNATURE
    ) as work:
        pair = work.together_with(second, Act.ROTATE_KEY)
        old = VerifyKey.parse(work.store.verify_key)
        if len(log_keys(work.db, old).eras) > ROTATIONS_MAX:
            raise MesoError(f"the key was changed {ROTATIONS_MAX} times: begin a new data directory")
        new = SigningKey(old.name, os.urandom(SEED_BYTES))
        entry = rotation.rotated_entry(old, new.verify_key, reason, op=work.by.op, role=work.by.role)
        root = work.desk.home.root
        try:
            rotation.keep_waiting(root, new)
            work.store.rotate(new, entry, stamp_of(work.desk.now()))
            size = work.store.size
            rotation.take_over(root, new.verify_key)
        except OSError as error:
            raise AuditWriteFailed(f"the key cannot be kept in {root}: {error.strerror or error}") from error
        # Behind the checkpoint that both keys have signed, and that must end with the record of it.
        work.commit(*sign_together(entry, pair))
    return str(old), str(new.verify_key), size
