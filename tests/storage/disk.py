"""A disk as a power cut leaves it: every change since it was last synced may be lost, kept, torn or reordered.

The model is the strict one of POSIX. Bytes are durable after a sync of their file, names after a sync of their
directory, and a crash may keep any part of what came later, in any order, in sectors of 512 bytes. What it leaves out
is a disk that lies about a sync.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

SECTOR_BYTES: Final = 512
MODES: Final = ("lost", "kept", "names", "bytes", "torn", "reordered")


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that a program did to the disk.

    Attributes:
        kind: create, mkdir, rename or unlink of a name; write, truncate or sync of a file; syncdir of a directory;
            ack: the program told somebody that ``size`` records are safe.
        path: Name relative to the disk's root.
        offset: Where bytes are written.
        data: What is written.
        size: New size of a truncated file; number of acknowledged records.
        target: New name.
    """

    kind: str
    path: str = ""
    offset: int = 0
    data: bytes = b""
    size: int = 0
    target: str = ""


@dataclass
class File:
    """An inode: what is durable, and what was done to it since."""

    durable: bytearray = field(default_factory=bytearray)
    pending: list[Change] = field(default_factory=list)


@dataclass
class Names:
    """A directory's names; None stands for a directory of that name."""

    durable: dict[str, File | None] = field(default_factory=dict)
    pending: list[Change] = field(default_factory=list)
    files: list[File | None] = field(default_factory=list)


Image = dict[str, bytes | None]


class Disk:
    """Follows the changes of a recording, and tells what a crash at this point could leave."""

    def __init__(self, image: Image | None = None) -> None:
        self._now: dict[str, File | None] = {}
        self._directories: dict[str, Names] = {"": Names()}
        self.acknowledged = 0
        for path in sorted(image or {}):
            data = (image or {})[path]
            if data is None:
                self._directories[path] = Names()
            node = None if data is None else File(bytearray(data))
            self._now[path] = node
            self._names_of(path).durable[_name(path)] = node

    def follow(self, change: Change) -> None:
        """Take up the next change."""
        match change.kind:
            case "create" | "mkdir":
                node = File() if change.kind == "create" else None
                if node is None:
                    self._directories[change.path] = Names()
                self._now[change.path] = node
                self._note_name(change, node)
            case "rename":
                node = self._now.pop(change.path)
                self._now[change.target] = node
                self._note_name(change, node)
            case "unlink":
                self._note_name(change, self._now.pop(change.path))
            case "write" | "truncate":
                self._file(change.path).pending.append(change)
            case "sync":
                file = self._file(change.path)
                for done in file.pending:
                    _apply(file.durable, done)
                file.pending.clear()
            case "syncdir":
                names = self._directories[change.path]
                _rename_all(names.durable, names.pending, names.files)
                names.pending, names.files = [], []
            case "ack":
                self.acknowledged = change.size

    def crash(self, mode: str, chance: random.Random) -> Image:
        """Return the files that a crash leaves; see `MODES`."""
        image: Image = {}
        self._collect("", image, mode, chance)
        return image

    def _collect(self, directory: str, image: Image, mode: str, chance: random.Random) -> None:
        names = self._directories[directory]
        entries = dict(names.durable)
        count = len(names.pending)
        if mode in {"lost", "bytes"}:
            count = 0
        elif mode in {"torn", "reordered"}:
            count = chance.randint(0, count)  # names are journalled: kept up to a moment
        _rename_all(entries, names.pending[:count], names.files)
        for name, node in entries.items():
            path = f"{directory}/{name}" if directory else name
            if node is None:
                image[path] = None
                self._collect(path, image, mode, chance)
            else:
                image[path] = _survivor(node, mode, chance)

    def _file(self, path: str) -> File:
        node = self._now[path]
        assert node is not None, path
        return node

    def _names_of(self, path: str) -> Names:
        return self._directories[path.rpartition("/")[0]]

    def _note_name(self, change: Change, node: File | None) -> None:
        names = self._names_of(change.path)
        names.pending.append(change)
        names.files.append(node)


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _rename_all(entries: dict[str, File | None], changes: Iterable[Change], files: list[File | None]) -> None:
    for change, node in zip(changes, files, strict=False):
        if change.kind == "unlink":
            entries.pop(_name(change.path), None)
        elif change.kind == "rename":
            entries.pop(_name(change.path), None)
            entries[_name(change.target)] = node
        else:
            entries[_name(change.path)] = node


def _apply(data: bytearray, change: Change) -> None:
    if change.kind == "truncate":
        del data[change.size :]
        data.extend(bytes(change.size - len(data)))
        return
    if change.offset > len(data):
        data.extend(bytes(change.offset - len(data)))
    data[change.offset : change.offset + len(change.data)] = change.data


def _survivor(file: File, mode: str, chance: random.Random) -> bytes:
    data = bytearray(file.durable)
    pending = file.pending
    if mode in {"kept", "bytes"}:
        for change in pending:
            _apply(data, change)
    elif mode == "torn" and pending:
        cut = chance.randrange(len(pending))
        for change in pending[:cut]:
            _apply(data, change)
        for part in _sectors(pending[cut]):
            if chance.random() < 0.5:
                _apply(data, part)
    elif mode == "reordered":
        kept = [part for change in pending if chance.random() < 0.6 for part in _torn(change, chance)]
        for part in kept:
            _apply(data, part)
    return bytes(data)


def _torn(change: Change, chance: random.Random) -> list[Change]:
    """Return the whole change, mostly, or some of its sectors."""
    if chance.random() < 0.7:
        return [change]
    return [part for part in _sectors(change) if chance.random() < 0.5]


def _sectors(change: Change) -> list[Change]:
    if change.kind != "write":
        return [change]
    parts, at = [], 0
    while at < len(change.data):
        end = min(len(change.data), at + SECTOR_BYTES - (change.offset + at) % SECTOR_BYTES)
        parts.append(Change("write", change.path, change.offset + at, change.data[at:end]))
        at = end
    return parts


def write_image(image: Image, root: Path) -> None:
    """Lay an image out as files."""
    for path in sorted(image):
        data = image[path]
        if data is None:
            (root / path).mkdir(mode=0o700)
        else:
            (root / path).write_bytes(data)
            (root / path).chmod(0o600)
