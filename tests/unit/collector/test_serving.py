"""Collector, consoles and PostgreSQL as real processes: away, killed, attacked, revoked."""

import contextlib
import json
import os
import random
import signal
import socket
import ssl
import threading

import pytest
from msgspec.structs import replace

from meso_device.audit.checkpoint import read_unsigned
from meso_device.audit.verify import stored_vkey
from meso_device.collector import outbox, sender
from meso_device.collector.account import read_accounts, write_account
from meso_device.collector.channel import parse_address
from meso_device.collector.cosignature import Cosigner, cosigned_at_s
from meso_device.collector.database import Role, connect
from meso_device.collector.server import IN_HAND_MAX, WRITERS
from meso_device.collector.wire import (
    ANSWER,
    FRAME_BYTES_MAX,
    TOKEN_BYTES,
    VERSION,
    Batch,
    BatchRefused,
    Code,
    Enrol,
    Hello,
    Refused,
    Welcome,
    frame,
)
from protocols.errors import MesoError
from tests.unit.collector.logs import bodies_of, copy_of, held, key_of, write_log
from tests.unit.collector.serving import Served, acked, send

pytestmark = pytest.mark.hazard("HZ-25")


@pytest.fixture
def served(tmp_path, database):
    own = Served(tmp_path / "collector", database)
    yield own
    own.close()


def beginner(tmp_path):
    home = tmp_path / "beginner"
    write_log(home, 3, shots=1)
    return home


def test_a_console_works_alone_sends_later_and_is_told_everything_in_one_line(served, tmp_path, database):
    home, twin = tmp_path / "home", tmp_path / "twin"
    clinic = write_log(home, shots=300, closed=False)
    told = served.meso("audit", "send", home=home, status=2)
    assert "enrolled with no collector" in told
    code = served.meso("collector", "enrol", "room-1").splitlines()[0]
    told = served.meso("audit", "enrol", served.address, "--code-file", "-", home=home, given=code)
    assert code.replace("-", "") not in told.replace("-", "")
    [account] = read_accounts(home)
    assert (home / "collectors" / f"127.0.0.1_{account.port}.json").stat().st_mode & 0o777 == 0o600

    assert served.end() == 128 + signal.SIGTERM
    assert "nothing is lost, send again later" in served.meso("audit", "send", home=home, status=1)
    served.start()
    size = len(bodies_of(home))
    assert f"{size} records sent, {size} new there" in served.meso("audit", "send", home=home)
    # That it went outside is on record, once: else each sending would leave something to send.
    known, size = size, len(bodies_of(home))
    [kept] = [body for body in map(json.loads, bodies_of(home)) if body["kind"] == "checkpoint.kept"]
    assert (kept["size"], kept["where"]) == (known, "collector")
    assert f"{size - known} records sent, {size - known} new there" in served.meso("audit", "send", home=home)
    assert "0 records sent, 0 new there" in served.meso("audit", "send", home=home)
    assert f"{size} records sent, 0 new there" in served.meso("audit", "send", "--again", home=home)

    [account] = read_accounts(home)
    checkpoint, line = read_unsigned(account.cosigned), account.cosigned.splitlines()[-1]
    assert cosigned_at_s(checkpoint, line, Cosigner.parse(account.cosigner)) > 0
    assert (checkpoint.size, account.acked_size) == (size, size)

    # A data directory that was used twice.
    copy_of(home, twin)
    write_log(home, shots=1, clinic=clinic)
    write_log(twin, 9, shots=1)
    served.meso("audit", "send", home=home)
    assert "FORK" in served.meso("audit", "send", home=twin, status=1)
    assert "ALARM room-1: FORK" in served.wait_for("ALARM")
    assert "ALARM room-1" in served.meso("collector", "status", status=1)
    document = json.loads(served.meso("collector", "status", "--json", status=1))
    assert [(one["name"], one["simulated"], one["revoked"]) for one in document["consoles"]] == [
        ("room-1", True, False)
    ]
    assert [one["kind"] for one in document["forks"]] == ["record"]

    told = served.meso("collector", "lookback", "--lot", "L1")
    for words in ("301 injections", "SIMULATED", "console:        room-1", "1 patient in 1 session"):
        assert words in told
    document = json.loads(served.meso("collector", "lookback", "--near", clinic.session, "--json"))
    assert [(one["session"], one["console"]) for one in document["exposures"]] == [(clinic.session, "room-1")]
    assert (document["patients"], document["lacking"]) == (1, [])
    assert "every injection is settled" in served.meso("collector", "due")
    assert json.loads(served.meso("collector", "due", "--json"))["lacking"] == []
    assert "no record here names lot L9" in served.meso("collector", "lookback", "--lot", "L9", status=2)
    assert "at their console alone" in served.meso("collector", "lookback", "--operator", "cleo", status=2)

    # The same collector by another name: one credential, and what was acknowledged stays so.
    acked_before = acked(home)
    code = served.meso("collector", "enrol", "room-1").splitlines()[0]
    port = account.port
    assert "not the collector that made this code" in served.meso(
        "audit", "enrol", served.address, "--code-file", "-", home=home, given=f"{code[:-6]}AAAAAA", status=1
    )
    assert "the code is still good" in served.meso(
        "audit", "enrol", "localhost:1", "--code-file", "-", home=home, given=code, status=1
    )
    assert "the code is for room-1" in served.meso(
        "audit", "enrol", served.address, "--code-file", "-", home=beginner(tmp_path), given=code, status=1
    )
    served.meso("audit", "enrol", f"localhost:{port}", "--code-file", "-", home=home, given=code)
    [account] = read_accounts(home)
    assert (account.host, account.acked_size) == ("localhost", acked_before)
    assert "0 records sent" in served.meso("audit", "send", home=home)
    assert "console name 'room 1' refused" in served.meso("collector", "enrol", "room 1", status=2)

    served.meso("collector", "revoke", "room-1")
    assert "revoked" in served.meso("audit", "send", home=home, status=1)
    assert "no console 'room-9'" in served.meso("collector", "revoke", "room-9", status=2)
    with connect(database, Role.OWNER) as db:
        assert held(db, key_of(home).name) == bodies_of(home)


def test_nothing_is_lost_or_doubled_while_collector_and_postgres_are_killed_in_mid_stream(
    served, cluster, database, tmp_path, monkeypatch
):
    monkeypatch.setattr(outbox, "RECORDS_AIM", 256)
    homes = [tmp_path / f"room-{number}" for number in range(4)]
    for number, home in enumerate(homes):
        write_log(home, number, shots=1_200)
        served.enrol(home, home.name)
    total = sum(len(bodies_of(home)) for home in homes)
    inserted, tries, ended = [0] * len(homes), [0] * len(homes), threading.Event()

    def console(number):
        """What a timer does, without waiting."""
        while acked(homes[number]) < len(bodies_of(homes[number])) and not ended.is_set():
            tries[number] += 1
            with contextlib.suppress(MesoError):
                inserted[number] += send(homes[number]).inserted

    threads = [threading.Thread(target=console, args=(number,)) for number in range(len(homes))]
    for thread in threads:
        thread.start()
    rng = random.Random(5)
    try:
        for round_no in range(4):
            goal = total * (round_no + 1) // 6 + rng.randrange(200)
            while sum(map(acked, homes)) < goal:
                ended.wait(0.002)
            # Before the kill some of it is acknowledged, and some is not.
            before = [acked(home) for home in homes]
            assert sum(before) < total
            if round_no % 2:
                cluster.kill()
                cluster.start()
            else:
                served.end(signal.SIGKILL)
                served.start()
            with connect(database, Role.OWNER) as db:
                for home, size in zip(homes, before, strict=True):
                    assert len(held(db, key_of(home).name)) >= size
        for thread in threads:
            thread.join(60)
    finally:
        ended.set()
        for thread in threads:
            thread.join()
    assert sum(tries) > len(homes)
    with connect(database, Role.OWNER) as db:
        for home in homes:
            assert held(db, key_of(home).name) == bodies_of(home)
            assert send(home, again=True).inserted == 0
        assert db.execute("SELECT count(*) FROM meso.fork").fetchone() == (0,)
        assert db.execute("SELECT count(*) FROM meso.shot").fetchone() == (1_200 * len(homes),)
    # The collector outlives its database, and says so.
    cluster.kill()
    with pytest.raises(BatchRefused, match="send again later") as caught:
        send(homes[0])
    assert caught.value.code is Code.UNAVAILABLE
    # Where the database is, is told where the collector runs, and to no console.
    assert str(cluster.directory) not in str(caught.value)
    assert served.wait_for("PostgreSQL says")
    cluster.start()
    assert send(homes[0]).acked == len(bodies_of(homes[0]))


def test_a_log_that_was_set_back_is_told_and_the_collector_keeps_what_it_has(served, tmp_path):
    home, older = tmp_path / "home", tmp_path / "older"
    clinic = write_log(home, shots=30, closed=False)
    served.enrol(home, "room-1")
    copy_of(home, older)
    write_log(home, shots=300, clinic=clinic)
    size = send(home).acked
    # Nothing was added yet: no second history, and less than there was.
    with pytest.raises(MesoError, match="set back, or used twice"):
        send(older)
    assert acked(home) == size
    # Another collector's database was set back: what it had acknowledged is sent again, and that is told.
    [account] = read_accounts(home)
    write_account(home, replace(account, acked_size=size + 5))
    assert send(home).lost == 5


def dial(served):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context.wrap_socket(socket.create_connection(parse_address(served.address), timeout=20))


def answer_to(connection, sent):
    """Return the answer to some bytes, or None where the connection is only closed."""
    with contextlib.suppress(OSError):
        connection.sendall(sent)
        head = connection.recv(4)
        if len(head) == 4:
            content = b""
            while len(content) < int.from_bytes(head, "big"):
                content += connection.recv(4_096)
            return ANSWER.decode(content)
    return None


def hostile(rng):
    """Yield first frames that nobody should send."""
    yield b"GET / HTTP/1.1\r\n\r\n"
    yield (2**32 - 1).to_bytes(4, "big")
    yield (FRAME_BYTES_MAX).to_bytes(4, "big")
    yield bytes(4)
    yield b"\0\0\0\4\x91\x91\x91\x91"
    yield (1_000).to_bytes(4, "big") + b"\x91" * 1_000
    yield frame(Hello(version=VERSION + 1, token=bytes(TOKEN_BYTES)))
    yield frame(Hello(version=VERSION, token=bytes(TOKEN_BYTES)))
    yield frame(Hello(version=VERSION, token=b""))
    yield frame(Enrol(version=VERSION, secret=bytes(10), vkey="x" * 100))
    yield frame(Batch(first=0, bodies=[b"{}"], note="", proof=[]))
    for _ in range(20):
        body = rng.randbytes(rng.randrange(1, 200))
        yield len(body).to_bytes(4, "big") + body


def test_hostile_frames_are_refused_one_by_one_and_others_are_served_meanwhile(served, tmp_path):
    home = tmp_path / "home"
    write_log(home, shots=40)
    account = served.enrol(home, "room-1")
    before = served.open_descriptors
    silent = [socket.create_connection(parse_address(served.address)) for _ in range(20)]
    silent += [dial(served) for _ in range(5)]
    for sent in hostile(random.Random(11)):
        with dial(served) as connection:
            answer = answer_to(connection, sent)
        assert answer is None or isinstance(answer, Refused), (sent[:60], answer)
    # No TLS, half a frame, and then nothing more.
    silent[0].sendall(os.urandom(400))
    silent[-1].sendall(b"\0\0")
    # Somebody with a credential who sends more than a frame may hold, or no batch.
    for sent in ((FRAME_BYTES_MAX + 1).to_bytes(4, "big"), frame(Hello(version=VERSION, token=bytes(TOKEN_BYTES)))):
        with dial(served) as connection:
            answer_to(connection, frame(Hello(version=VERSION, token=bytes.fromhex(account.token))))
            answer = answer_to(connection, sent)
        assert answer is None or answer.code is Code.MALFORMED
    assert send(home).acked == len(bodies_of(home))
    for connection in silent:
        connection.close()
    served.wait_until(lambda: served.open_descriptors <= before + WRITERS)
    assert "Traceback" not in served.said
    assert served.end() == 128 + signal.SIGTERM


def test_slow_consoles_hold_nothing_but_their_own_connections(served, tmp_path):
    """As many as batches are judged at a time, each in the middle of the longest frame, beside an honest one."""
    home, slow_home = tmp_path / "home", tmp_path / "slow"
    write_log(home, shots=300)
    write_log(slow_home, 1, shots=1)
    served.enrol(home, "room-1")
    account = served.enrol(slow_home, "room-2")
    with contextlib.ExitStack() as ending:
        slow = [ending.enter_context(dial(served)) for _ in range(IN_HAND_MAX)]
        for connection in slow:
            greeting = answer_to(connection, frame(Hello(version=VERSION, token=bytes.fromhex(account.token))))
            assert isinstance(greeting, Welcome)
            connection.sendall(FRAME_BYTES_MAX.to_bytes(4, "big") + bytes(1_000))
        served.wait_until(lambda: served.arriving == IN_HAND_MAX)
        assert send(home).acked == len(bodies_of(home))
        # They are not refused meanwhile: the honest one has not waited for their end.
        for connection in slow:
            connection.sendall(bytes(1_000))
        assert served.arriving == IN_HAND_MAX
    served.wait_until(lambda: served.arriving == 0)


def test_a_console_speaks_to_no_other_collector_than_that_of_its_code(served, tmp_path, database):
    home = tmp_path / "home"
    write_log(home, shots=3)
    code = served.code("room-1")
    other = Served(tmp_path / "other", database)
    try:
        with pytest.raises(MesoError, match="is not the collector that made this code"):
            sender.enrol(home, *parse_address(other.address), code, stored_vkey(home))
        # The code was not told to it.
        account = served.enrol(home, "room-1")
        write_account(home, replace(account, port=parse_address(other.address)[1]))
        (home / "collectors" / f"127.0.0.1_{account.port}.json").unlink()
        with pytest.raises(MesoError, match="is not the collector that this console was enrolled with"):
            send(home)
        assert "refused" not in other.said
    finally:
        other.close()
