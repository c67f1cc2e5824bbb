"""What was before this run: who signed in last, which guns were met, and what of the log is kept outside."""

import contextlib
from typing import Final

from meso_device.audit.birth import DATABASE_NAME
from meso_device.audit.database import open_for_reading
from meso_device.audit.outside import newest_kept
from meso_device.audit.queries import guns, logins, size
from meso_device.host.home import Home
from meso_device.people.office import read_operators
from meso_device.screen_messages import Body

SHOWN_MAX: Final = 6


def before(home: Home) -> Body:
    """Return ``logins`` [{login, at_us}] and ``guns`` [{uid, records, contact_us}], newest first, and ``outside``.

    That is {at_us, since}: when the newest checkpoint went outside, 0 for never, and records that are newer.
    """
    known = {one.person.op: one.person.login for one in read_operators(home.root)}
    with contextlib.closing(open_for_reading(home.root / DATABASE_NAME)) as db:
        signed_in, met = logins(db, SHOWN_MAX), guns(db, SHOWN_MAX)
        kept, records = newest_kept(db), size(db)
    return {
        "logins": [{"login": known.get(op, "?"), "at_us": at_us} for op, at_us in signed_in],
        "guns": [{"uid": uid, "records": copied, "contact_us": contact_us} for uid, copied, contact_us in met],
        "outside": {
            "at_us": 0 if kept is None else kept.at_us,
            "since": records - (0 if kept is None else kept.size),
        },
    }
