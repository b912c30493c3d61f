"""What changes devices, tokens, assignments and recordings."""

from devices.services.assignments import (
    AssignmentError,
    assign_device,
    end_assignment,
    move_device,
    plan_end,
)
from devices.services.attribution import attribute_record
from devices.services.compacting import compact_record, compact_span
from devices.services.device_config import configure_device
from devices.services.file_records import (
    create_file_record,
    give_file_record,
    hand_over_file_record,
    orphaned_file_records,
    remove_file_record,
)
from devices.services.finding import TokenClosed
from devices.services.segments import remove_loose_files
from devices.services.storing import read_progress, store_packets
from devices.services.together import Arrival, store_together
from devices.services.tokens import (
    issue_token,
    revoke_device_tokens,
    revoke_token,
    rotate_token,
)
from devices.services.verdicts import Result, StoreResult, Verdict

__all__ = [
    "Arrival",
    "AssignmentError",
    "Result",
    "StoreResult",
    "TokenClosed",
    "Verdict",
    "assign_device",
    "attribute_record",
    "compact_record",
    "compact_span",
    "configure_device",
    "create_file_record",
    "end_assignment",
    "give_file_record",
    "hand_over_file_record",
    "issue_token",
    "orphaned_file_records",
    "move_device",
    "plan_end",
    "read_progress",
    "remove_file_record",
    "remove_loose_files",
    "revoke_device_tokens",
    "revoke_token",
    "rotate_token",
    "store_packets",
    "store_together",
]
