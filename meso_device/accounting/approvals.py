"""The approval of a treatment protocol file as a record."""

from meso_device.accounting.entries import Entry
from meso_device.accounting.materials import Actor


def protocol_approved(*, digest: str, protocol_id: str, version: str, name: str, by: Actor) -> Entry:
    """Return the record that a clinician approved these very bytes.

    Args:
        digest: SHA-256 of the file's bytes, in hex.
        protocol_id: Id that the file gives itself.
        version: Version that it gives itself.
        name: Its title.
        by: Who approved it, and when.
    """
    return Entry(
        kind="protocol.approved",
        key=f"approved/{digest}/{by.op}/{by.utc_us}",
        payload={"digest": digest, "protocol_id": protocol_id, "version": version, "name": name},
        op=by.op,
        role=by.role,
    )
