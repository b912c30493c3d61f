"""Tokens that opened the door a moment ago, in this process.

An upload with one of them is decoded at once. Before anything of it is stored, the
statement that reads the record looks at the token too (``devices.services.finding``).
"""

import threading
import time
from collections import OrderedDict

from devices.models import DeviceToken

# A device that uploads is looked at anew with every upload; who was silent for so
# long, or sends nothing but what cannot be read, is asked for at the door.
TRUST_S = 5.0
_TOKENS = 20_000


class TrustedTokens:
    """Rows by the digest of their token; the oldest leave when there are too many."""

    def __init__(self) -> None:
        self._rows: OrderedDict[bytes, tuple[float, DeviceToken]] = OrderedDict()
        self._lock = threading.Lock()

    def find(self, digest: bytes) -> DeviceToken | None:
        """Return the token, with its device, if it was looked at lately."""
        with self._lock:
            seen_s, row = self._rows.get(digest, (0.0, None))
            return row if time.monotonic() - seen_s < TRUST_S else None

    def keep(self, row: DeviceToken) -> None:
        """Take note that PostgreSQL has just been asked about this token."""
        digest = bytes(row.digest)
        with self._lock:
            self._rows[digest] = time.monotonic(), row
            self._rows.move_to_end(digest)
            if len(self._rows) > _TOKENS:
                self._rows.popitem(last=False)

    def drop(self, row: DeviceToken) -> None:
        """Forget a token that no longer opens the door."""
        with self._lock:
            self._rows.pop(bytes(row.digest), None)


trusted_tokens = TrustedTokens()
