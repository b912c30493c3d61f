"""What comes off the body, from which device, on whom, and when."""

from devices.models.assignment import Assignment
from devices.models.device import Device
from devices.models.record import Anchor, Chunk, Record
from devices.models.token import DeviceToken, token_at

__all__ = [
    "Anchor",
    "Assignment",
    "Chunk",
    "Device",
    "DeviceToken",
    "Record",
    "token_at",
]
