"""The time of a call, moving on with the clock."""

import time
from datetime import datetime, timedelta


class Elapsing:
    """What time it is since a call whose ``now`` was given."""

    def __init__(self, now: datetime) -> None:
        self._now, self._start = now, time.monotonic()

    def seconds(self) -> float:
        """Return how long ago the call was."""
        return time.monotonic() - self._start

    def now(self) -> datetime:
        """Return the time of the call plus what has passed since."""
        return self._now + timedelta(seconds=self.seconds())
