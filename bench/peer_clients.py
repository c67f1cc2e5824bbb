"""The peers' own client libraries, each asked the same: inject one dose, read number n."""

import asyncio
import os

os.environ.setdefault(
    "MAVLINK20", "1"
)  # read when pymavlink is imported: its second version carries values in COMMAND_ACK
TIMEOUT_S = 0.3
"""For every peer alike; how often it tries is the library's own default."""


class Pymodbus:
    device = "modbus"

    def __init__(self, port: str, timeout_s: float = TIMEOUT_S) -> None:
        from pymodbus.client import ModbusSerialClient

        self.client = ModbusSerialClient(port, baudrate=115200, timeout=timeout_s)
        self.client.connect()

    def inject(self) -> str:
        answer = self.client.write_register(0, 1)
        return f"error: {answer}" if answer.isError() else "OK"

    def read(self, number: int) -> int:
        answer = self.client.read_holding_registers(number, count=1)
        if answer.isError():
            raise RuntimeError(str(answer))
        return answer.registers[0]

    def close(self) -> None:
        self.client.close()


class Minimalmodbus:
    device = "modbus"

    def __init__(self, port: str, timeout_s: float = TIMEOUT_S) -> None:
        import minimalmodbus

        self.client = minimalmodbus.Instrument(port, 1)
        self.client.serial.baudrate = 115200
        self.client.serial.timeout = timeout_s

    def inject(self) -> str:
        self.client.write_register(0, 1, functioncode=6)
        return "OK"

    def read(self, number: int) -> int:
        return self.client.read_register(number)

    def close(self) -> None:
        self.client.serial.close()


class Pymavlink:
    device = "mavlink"

    def __init__(self, port: str, timeout_s: float = TIMEOUT_S) -> None:
        from pymavlink import mavutil

        self.timeout_s = timeout_s
        self.client = mavutil.mavlink_connection(port, baud=115200, source_system=255)

    def command(self, command: int, number: int):
        self.client.mav.command_long_send(1, 1, command, 0, number, 0, 0, 0, 0, 0, 0)
        return self.client.recv_match(type="COMMAND_ACK", blocking=True, timeout=self.timeout_s)

    def inject(self) -> str:
        from bench.peer_devices import MAV_INJECT

        answer = self.command(MAV_INJECT, 0)
        return "None" if answer is None else "OK"

    def read(self, number: int) -> int:
        from bench.peer_devices import MAV_READ

        answer = self.command(MAV_READ, number)
        if answer is None:
            raise RuntimeError("no acknowledgement")
        return answer.result_param2

    def close(self) -> None:
        self.client.close()


class Smpclient:
    device = "smp"

    def __init__(self, port: str, timeout_s: float = TIMEOUT_S) -> None:
        from smpclient import SMPClient
        from smpclient.transport.serial import SMPSerialTransport

        self.runner = asyncio.Runner()
        self.client = SMPClient(SMPSerialTransport(), port, timeout_s=timeout_s)
        self.runner.run(self.client.connect())

    def request(self, request):
        from smpclient.generics import success

        answer = self.runner.run(self.client.request(request))
        if not success(answer):
            raise RuntimeError(f"error: {answer}")
        return answer

    def inject(self) -> str:
        from smpclient.requests.settings_management import WriteSetting

        self.request(WriteSetting(name="0", val=b"\1"))
        return "OK"

    def read(self, number: int) -> int:
        from smpclient.requests.settings_management import ReadSetting

        return int.from_bytes(self.request(ReadSetting(name=str(number))).val, "big")

    def close(self) -> None:
        self.runner.run(self.client.disconnect())
        self.runner.close()


CLIENTS = {
    "pymodbus": Pymodbus,
    "minimalmodbus": Minimalmodbus,
    "pymavlink": Pymavlink,
    "smpclient": Smpclient,
}
