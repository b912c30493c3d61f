"""What this process stored last, so that the next upload need not look for it.

A device keeps its connection, and so comes back to the same process. What is kept
may be outdated; the statement that lets the record grow finds that out.
"""

import threading
import time
from collections import OrderedDict

from devices.services.finding import Found

# All that may change unseen until then is the patient's row, which has no version.
KEEP_S = 60.0
_RECORDS = 5000
_Key = tuple[int, str]


class KeptRecords:
    """Found rows by device and stream; whoever takes some has them alone."""

    def __init__(self) -> None:
        self._found: OrderedDict[_Key, Found] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, device_id: int, stream: str) -> Found | None:
        """Return what was kept of this stream, and keep it no longer."""
        with self._lock:
            found = self._found.pop((device_id, stream), None)
        is_fresh = found is not None and time.monotonic() - found.seen_s < KEEP_S
        return found if is_fresh else None

    def keep(self, found: Found) -> None:
        """Keep what the next upload of this stream will find."""
        assert found.record is not None
        key = found.device.pk, found.record.stream
        with self._lock:
            self._found[key] = found
            if len(self._found) > _RECORDS:
                self._found.popitem(last=False)


kept_records = KeptRecords()
