"""The other end of the cable for each peer: a small device that speaks its wire format, with the peer's own framing.

Each device can inject one dose, which is counted and must not be repeated, and answers a read of number n by 1000 + n.
"""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

VALUE_OF_0 = 1_000
MAV_INJECT, MAV_READ = 31_010, 31_011  # MAV_CMD_USER_1 and _2


@dataclass
class Request:
    """What a peer asked, and how an answer looks in its wire format."""

    injects: bool
    number: int
    reply: Callable[[int], bytes]


class Modbus:
    """RTU: function 3 reads one register, function 6 writes one; both requests have 8 bytes."""

    def __init__(self) -> None:
        from pymodbus.framer.rtu import FramerRTU

        self.crc = FramerRTU.compute_CRC
        self.buffer = b""

    def feed(self, data: bytes) -> Iterator[Request]:
        self.buffer += data
        while len(self.buffer) >= 8:
            frame, self.buffer = self.buffer[:8], self.buffer[8:]
            number = int.from_bytes(frame[2:4], "big")
            if frame[1] == 6:
                yield Request(True, number, lambda _, frame=frame: frame)
            else:
                yield Request(False, number, self.registers)

    def registers(self, value: int) -> bytes:
        body = bytes([1, 3, 2]) + value.to_bytes(2, "big")
        return body + self.crc(body).to_bytes(2, "big")


class Mavlink:
    """COMMAND_LONG answered by COMMAND_ACK, whose result_param2 carries the value."""

    def __init__(self) -> None:
        from pymavlink.dialects.v20 import common

        self.common = common
        self.link = common.MAVLink(None, srcSystem=1, srcComponent=1)

    def feed(self, data: bytes) -> Iterator[Request]:
        for message in self.link.parse_buffer(data) or ():
            if message.get_type() == "COMMAND_LONG":
                command = message.command
                yield Request(
                    command == MAV_INJECT, int(message.param1), lambda value, command=command: self.ack(command, value)
                )

    def ack(self, command: int, value: int) -> bytes:
        accepted = self.common.MAV_RESULT_ACCEPTED
        return self.link.command_ack_encode(command, accepted, result_param2=value).pack(self.link)


class Smp:
    """Settings management over serial: a write of a setting injects, a read of setting n is answered."""

    def __init__(self) -> None:
        import cbor2
        from smp import header, packet

        self.cbor, self.header, self.packet = cbor2, header, packet
        self.buffer = b""

    def feed(self, data: bytes) -> Iterator[Request]:
        self.buffer += data
        while b"\n" in self.buffer:
            line, self.buffer = self.buffer.split(b"\n", 1)
            decoder = self.packet.decode()
            next(decoder)
            try:
                decoder.send(line + b"\n")
            except StopIteration as whole:
                yield self.request(whole.value)

    def request(self, frame: bytes) -> Request:
        head = self.header.Header.loads(frame[: self.header.Header.SIZE])
        asked = self.cbor.loads(frame[self.header.Header.SIZE :])
        writes = head.op is self.header.OP.WRITE

        def reply(value: int) -> bytes:
            if head.group_id == self.header.GroupId.OS_MANAGEMENT:
                said = {"buf_size": 384, "buf_count": 4}
            else:
                said = {} if writes else {"val": value.to_bytes(2, "big")}
            body = self.cbor.dumps(said)
            op = self.header.OP.WRITE_RSP if writes else self.header.OP.READ_RSP
            answer = self.header.Header(
                op, head.version, head.flags, len(body), head.group_id, head.sequence, head.command_id
            )
            return b"".join(self.packet.encode(bytes(answer) + body))

        return Request(writes, int(asked.get("name", 0)), reply)


DEVICES = {"modbus": Modbus, "mavlink": Mavlink, "smp": Smp}


@dataclass
class Fault:
    """What goes wrong with the first reply of one kind, once armed.

    Attributes:
        name: "lost", "late", "repeated" or "cable"; empty for nothing.
        injecting: Whether the reply to an injection is meant, or that to a read.
        late_s: How late.
    """

    name: str = ""
    injecting: bool = False
    late_s: float = 0.0

    def take(self, *, injecting: bool) -> str:
        if not self.name or injecting is not self.injecting:
            return ""
        name, self.name = self.name, ""
        return name


class Served:
    """A device at the end of a PTY; `doses` counts what was injected."""

    def __init__(self, fd: int, kind: str, fault: Fault) -> None:
        self.fd = fd
        self.codec = DEVICES[kind]()
        self.fault = fault
        self.doses = 0

    def serve(self) -> None:
        """Answer until the cable is pulled or the other end goes away."""
        try:
            while data := os.read(self.fd, 4096):
                for request in self.codec.feed(data):
                    self.doses += request.injects
                    if not self.answer(request):
                        return
        except OSError:
            return

    def answer(self, request: Request) -> bool:
        frame = request.reply(VALUE_OF_0 + request.number)
        match self.fault.take(injecting=request.injects):
            case "lost":
                return True
            case "cable":
                os.close(self.fd)
                return False
            case "late":
                time.sleep(self.fault.late_s)
            case "repeated":
                frame += frame
        os.write(self.fd, frame)
        return True
