"""Serving consoles: a thread a connection, a few connections to PostgreSQL, and a bound on everything that waits.

A console waits for the answer to each batch, so what the database cannot take stays where it is durable already: in
the consoles' logs. What is still arriving lies in a file without a name: a slow console holds nothing but its
connection, and only what is whole waits for its turn.
"""

import contextlib
import queue
import secrets
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import IO, Final, NoReturn

import psycopg

from meso_device.audit.checkpoint import Checkpoint, read_unsigned
from meso_device.audit.keys import SigningKey
from meso_device.collector import intake
from meso_device.collector.channel import FRAME_S, Channel, ChannelEnded
from meso_device.collector.cosignature import Cosigner, cosign
from meso_device.collector.database import Connection, Role, connect
from meso_device.collector.identity import Identity
from meso_device.collector.wire import (
    ASKED,
    FIRST,
    FIRST_FRAME_BYTES_MAX,
    FRAME_BYTES_MAX,
    TOKEN_BYTES,
    VERSION,
    Batch,
    BatchRefused,
    Code,
    Enrol,
    Enrolled,
    Fetch,
    Hello,
    Refused,
    Taken,
    Welcome,
    read,
)
from protocols.errors import MesoError, UsageError

CONNECTIONS_MAX: Final = 512
IN_HAND_MAX: Final = 8
"""Batches that are judged or stored at a time, all of them whole: with the longest frames 64 MB."""
FETCHES_MAX: Final = 2
"""Consoles that get back at a time what they have lost: with the longest frames 16 MB."""
WRITERS: Final = 4
FIRST_S: Final = 10
"""For the handshake, and once more for the first frame."""
IDLE_S: Final = 60
TURN_S: Final = 60
"""How long a console waits for its turn before it is told to come back."""
ACCEPT_AGAIN_S: Final = 0.2

Tell = Callable[[str], None]


class Writers:
    """The connections to PostgreSQL, lent to one batch at a time."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._free: queue.LifoQueue[Connection | None] = queue.LifoQueue()
        for _ in range(WRITERS):
            self._free.put(None)

    @contextlib.contextmanager
    def lend(self) -> Iterator[Connection]:
        """Lend a connection that works; one that breaks is replaced.

        Raises:
            BatchRefused: none is free in time, or PostgreSQL does not answer.
        """
        try:
            connection = self._free.get(timeout=TURN_S)
        except queue.Empty:
            raise BatchRefused(Code.BUSY, "the collector has no time now; send again later") from None
        try:
            connection = self._working(connection)
            yield connection
        except psycopg.Error as error:
            if connection is not None:
                connection.close()
                connection = None
            raise BatchRefused(
                Code.UNAVAILABLE, "the collector's database does not take it; nothing is lost, send again later"
            ) from error
        except BaseException:
            # Whatever state it is in: a new one is cheap.
            if connection is not None and connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                connection.close()
                connection = None
            raise
        finally:
            self._free.put(connection)

    def _working(self, connection: Connection | None) -> Connection:
        """Return the connection, or another one if PostgreSQL was started anew meanwhile."""
        if connection is not None:
            try:
                connection.execute("SELECT 1")
            except psycopg.Error:
                connection.close()
            else:
                return connection
        return connect(self._conninfo, Role.INTAKE)


class Collector:
    """Answers consoles."""

    def __init__(self, identity: Identity, conninfo: str, tell: Tell) -> None:
        """Answer with this identity from this database; ``tell`` is given a line for whatever somebody should see.

        Raises:
            UsageError: the collector's directory cannot be written.
        """
        self._key: SigningKey = identity.key
        self._cosigner = str(Cosigner.of(identity.key))
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._context.load_cert_chain(identity.certificate_file, identity.tls_key_file)
        self._writers = Writers(conninfo)
        self._in_hand = threading.BoundedSemaphore(IN_HAND_MAX)
        self._fetches = threading.BoundedSemaphore(FETCHES_MAX)
        self._open = threading.BoundedSemaphore(CONNECTIONS_MAX)
        self._tell = tell
        self._arriving = identity.certificate_file.parent
        _nameless(self._arriving).close()

    def serve(self, listener: socket.socket) -> NoReturn:
        """Answer whoever connects, until the process ends."""
        while True:
            try:
                connection, peer = listener.accept()
            except OSError as error:  # such as no more descriptors: those who are connected go on
                self._tell(f"cannot accept: {error.strerror}")
                time.sleep(ACCEPT_AGAIN_S)
                continue
            if not self._open.acquire(blocking=False):
                connection.close()
                continue
            try:
                threading.Thread(target=self._answer, args=(connection, str(peer[0])), daemon=True).start()
            except RuntimeError as error:  # the system gives no more threads
                self._tell(f"cannot answer {peer[0]}: {error}")
                connection.close()
                self._open.release()

    def _answer(self, plain: socket.socket, peer: str) -> None:
        try:
            plain.settimeout(FIRST_S)
            with self._context.wrap_socket(plain, server_side=True) as connection:
                self._converse(Channel(connection), peer)
        except OSError:  # no handshake, or the other end went away
            pass
        finally:
            plain.close()
            self._open.release()

    def _converse(self, channel: Channel, peer: str) -> None:
        try:
            try:
                self._first(channel, peer)
            except BatchRefused as refused:
                # Where the database is and what it says is for those who look after it, and for no console.
                said = f"; PostgreSQL says: {refused.__cause__}" if isinstance(refused.__cause__, psycopg.Error) else ""
                self._tell(f"{peer}: refused: {refused}{' '.join(said.split())}")
                channel.send(Refused.because(refused))
            except MesoError as error:
                if not isinstance(error, ChannelEnded):
                    self._tell(f"{peer}: {error}")
                    channel.send(Refused(code=Code.UNAVAILABLE, message="the collector cannot go on; see its output"))
        except ChannelEnded:
            pass

    def _first(self, channel: Channel, peer: str) -> None:
        message = read(FIRST, channel.receive(FIRST_FRAME_BYTES_MAX, FIRST_S))
        if message.version != VERSION:
            raise BatchRefused(Code.VERSION, f"version {message.version} is not spoken here, only {VERSION}")
        if isinstance(message, Enrol):
            self._enrol(channel, message, peer)
        else:
            self._take_all(channel, message)

    def _enrol(self, channel: Channel, message: Enrol, peer: str) -> None:
        token = secrets.token_bytes(TOKEN_BYTES)
        with self._writers.lend() as db:
            name = intake.enrol(db, message.secret, message.vkey, token)
        self._tell(f"{peer}: {name} is enrolled")
        channel.send(Enrolled(token=token, cosigner=self._cosigner))

    def _take_all(self, channel: Channel, message: Hello) -> None:
        with self._writers.lend() as db:
            console = intake.authenticate(db, sha256(message.token).digest())
            size, note = intake.newest(db, console.origin)
        channel.send(Welcome(size=size, note=note + self._cosign(read_unsigned(note)) if note else ""))
        while length := channel.length(FRAME_BYTES_MAX, IDLE_S):
            with self._arrived(channel, length) as arrived, _turn(self._in_hand):
                asked = read(ASKED, arrived.read())
                taken = self._take(console, asked) if isinstance(asked, Batch) else None
            if isinstance(asked, Fetch):
                self._give_back(channel, console, asked.first)
            elif taken is not None:
                channel.send(taken)

    @contextlib.contextmanager
    def _arrived(self, channel: Channel, length: int) -> Iterator[IO[bytes]]:
        """Give a file with the frame in it, once it is whole; it goes with the end of this, or of the process."""
        with _nameless(self._arriving) as file:
            try:
                for piece in channel.body(length, FRAME_S):
                    file.write(piece)
                file.seek(0)
            except OSError as error:
                self._tell(f"{self._arriving} has no room for what arrives: {error.strerror}")
                raise BatchRefused(Code.BUSY, "the collector has no room now; send again later") from error
            yield file

    def _give_back(self, channel: Channel, console: intake.Console, first: int) -> None:
        with _turn(self._fetches):
            with self._writers.lend() as db:
                intake.authenticate(db, console.token_sha256)
                held = intake.fetch(db, console.origin, first)
            self._tell(f"{console.name} gets back {len(held.bodies)} of its own records, from {first} on")
            channel.send(held)

    def _take(self, console: intake.Console, batch: Batch) -> Taken:
        try:
            with self._writers.lend() as db:
                stored = intake.take(db, console, batch)
        except BatchRefused as refused:
            if refused.code is Code.FORK:
                self._tell(f"ALARM {console.name}: {refused}")
            raise
        for alarm in stored.alarms:
            self._tell(f"ALARM {console.name}: {alarm}")
        return Taken(
            size=stored.size,
            inserted=stored.inserted,
            cosignature=self._cosign(stored.checkpoint) if stored.checkpoint.size == stored.size else "",
        )

    def _cosign(self, checkpoint: Checkpoint) -> str:
        """Say that this is the newest that was seen of the log."""
        return cosign(checkpoint, self._key, int(time.time()))


@contextlib.contextmanager
def _turn(turns: threading.BoundedSemaphore) -> Iterator[None]:
    """Wait for a turn; BatchRefused when there is none in time."""
    if not turns.acquire(timeout=TURN_S):
        raise BatchRefused(Code.BUSY, "the collector has no time now; send again later")
    try:
        yield
    finally:
        turns.release()


def _nameless(directory: Path) -> IO[bytes]:
    """Return a new file without a name; UsageError where there can be none."""
    try:
        return tempfile.TemporaryFile(dir=directory)
    except OSError as error:
        raise UsageError(f"the collector's directory {directory} cannot be written: {error.strerror}") from None
