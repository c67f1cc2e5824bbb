"""What somebody is told who has restored a backup."""

from collections.abc import Iterator

from meso_device.people.following import Followed
from meso_device.records.restore import Restored


def restored_lines(restored: Restored) -> Iterator[str]:
    """Yield what is there again, what is not, and what is left to do."""
    backup, taken = restored.backup, restored.taken
    yield f"restored: {restored.records} records, {backup.records} of them of the backup of {backup.made_at}"
    if taken is not None and taken.refilled:
        yield f"  {taken.refilled} that came after it are back from {taken.refilled_by}: it is the same log as before"
    elif taken is not None:
        yield "  no collector holds anything that came after it"
    if restored.retired:
        yield "  this console is retired: that is its whole log, and nothing more is recorded in it"
    elif restored.missing:
        yield f"  MISSING: {restored.missing} records that the checkpoint covers; the log says so"
    else:
        yield "  what came after that is missing; a gun tells what it still has when it is connected"
    yield from _people_lines(restored.people)
    yield "  the old data directory must never be used again: two logs of one name would contradict each other"


def _people_lines(people: Followed) -> Iterator[str]:
    if people.erased:
        yield f"  {people.erased} patients who were erased since are erased again"
    if people.closed:
        yield f"  access or roles as they were given last: {', '.join(people.closed)}"
    if people.kept:
        yield f"  NOT TAKEN AWAY, as no other administrator is here: {', '.join(people.kept)}; enrol another one first"
    if people.old_pins:
        yield f"  PINs of the time of the backup, to be changed: {', '.join(people.old_pins)}"
    if people.operators_lost or people.patients_lost:
        yield (
            f"  enrolled since, and known by pseudonym alone: {people.operators_lost} operators, "
            f"{people.patients_lost} patients; enrol them anew"
        )
