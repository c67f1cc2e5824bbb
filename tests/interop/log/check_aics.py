"""Checks a log with aics-tlog, by whichever Python has it: signature, inclusion of every record, growth, and tiles.

Reads one JSON document from standard input, see test_log.py; prints "ok" or what does not hold. A document that names a
copy is about that alone: every tile and record of it, against the checkpoint that lies in it.
"""

import json
import sys
from base64 import b64decode
from pathlib import Path

from aics_tlog import (
    FileSystemTileReader,
    TileMissingError,
    TileVerificationError,
    audit_tiles,
    parse_checkpoint,
    parse_note,
    parse_vkey,
    verify_checkpoint,
    verify_consistency,
    verify_leaf_inclusion,
)


def opened(text, key):
    note = parse_note(text)
    found = verify_checkpoint(note, key, expected_origin=key.name)
    if not found.ok:
        raise ValueError(found.error)
    return parse_checkpoint(note.text)


def check(given):
    key = parse_vkey(given["vkey"])
    if "copy" in given:
        place = Path(given["copy"])
        head = opened((place / "checkpoint").read_text(), key)
        audit_tiles(FileSystemTileReader(place), head.size, head.root)
        return
    held, newest = opened(given["held"], key), opened(given["newest"], key)
    growth = [b64decode(one) for one in given["growth"]]
    if not verify_consistency(held.size, newest.size, held.root, newest.root, growth):
        raise ValueError("growth")
    if len(given["records"]) != newest.size:
        raise ValueError(f"{len(given['records'])} records under a checkpoint of {newest.size}")
    for one in given["records"]:
        path = [b64decode(text) for text in one["path"]]
        if not verify_leaf_inclusion(b64decode(one["body"]), one["seq"], newest.size, path, newest.root):
            raise ValueError(f"record {one['seq']}")


try:
    check(json.load(sys.stdin))
except (ValueError, TileMissingError, TileVerificationError) as error:
    print(f"{type(error).__name__}: {error}")
else:
    print("ok")
