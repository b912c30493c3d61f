"""What changes devices, tokens, assignments and recordings."""

from devices.services.assignments import (
    AssignmentError,
    assign_device,
    end_assignment,
    move_device,
)
from devices.services.tokens import (
    issue_token,
    revoke_device_tokens,
    revoke_token,
    rotate_token,
)

__all__ = [
    "AssignmentError",
    "assign_device",
    "end_assignment",
    "issue_token",
    "move_device",
    "revoke_device_tokens",
    "revoke_token",
    "rotate_token",
]
