"""The gun's firmware, as pure as a calculation: no clock, no randomness, no input or output of its own."""

from simulator.firmware.body import Body
from simulator.firmware.calibration import factory_calibration
from simulator.firmware.faults import FIRMWARE_FAULTS, FirmwareFault, FirmwareFaults
from simulator.firmware.firmware import GunFirmware
from simulator.firmware.identity import GunIdentity
from simulator.firmware.limits import DEFAULT_LIMITS
from simulator.firmware.nvm import NVM_SIZE, ByteStore, MemoryStore, Nvm, PowerCut, nvm_size

__all__ = [
    "DEFAULT_LIMITS",
    "FIRMWARE_FAULTS",
    "NVM_SIZE",
    "Body",
    "ByteStore",
    "FirmwareFault",
    "FirmwareFaults",
    "GunFirmware",
    "GunIdentity",
    "MemoryStore",
    "Nvm",
    "PowerCut",
    "factory_calibration",
    "nvm_size",
]
