"""What comes off the body, from which device, on whom, and when."""

from devices.models.assignment import Assignment
from devices.models.device import Device
from devices.models.record import Anchor, Chunk, OrphanedRecording, Record
from devices.models.segment import SEGMENT_S, Compaction, LooseFile, Segment
from devices.models.token import DeviceToken, token_at

__all__ = [
    "SEGMENT_S",
    "Anchor",
    "Assignment",
    "Chunk",
    "Compaction",
    "Device",
    "DeviceToken",
    "OrphanedRecording",
    "LooseFile",
    "Record",
    "Segment",
    "token_at",
]
