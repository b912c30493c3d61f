"""Which uploads are backlog: signal that waited in its device, no clock that lags."""

from collections import OrderedDict
from datetime import datetime, timedelta

from devices.services import Arrival
from devices.services.stream_clock import clock_reading

# What the newest packet of a backlog is older than.
BACKLOG_AGE = timedelta(seconds=60)
# What tells no time is backlog when it is longer than one packet may be: it waited.
_LONG_S = 30.0
# How late a backlog is shrinks with each upload. The lag of a clock stays the same, but
# for what the network delays.
_SHRINKS = timedelta(milliseconds=500)
_DEVICES = 20_000


class Backlogs:
    """How late each device was with its last upload, in this process."""

    def __init__(self) -> None:
        self._lags: OrderedDict[int, timedelta] = OrderedDict()

    def holds(self, arrival: Arrival) -> bool:
        """Tell whether an upload is backlog; to be asked once for each.

        A device that is heard late for the first time is taken for one that has been
        offline.
        """
        if not arrival.packets:
            return False
        newest_at = _newest(arrival)
        if newest_at is None:
            return sum(packet.duration_s for packet in arrival.packets) > _LONG_S
        lag = arrival.received_at - newest_at
        before = self._lags.pop(arrival.device.pk, None)
        if lag <= BACKLOG_AGE:
            return False
        self._lags[arrival.device.pk] = lag
        if len(self._lags) > _DEVICES:
            self._lags.popitem(last=False)
        # Who is later than before by more than that has been offline again.
        return before is None or not -_SHRINKS <= lag - before <= BACKLOG_AGE

    def forget(self, arrival: Arrival) -> None:
        """Take back what was noted of an upload that was not stored."""
        self._lags.pop(arrival.device.pk, None)


def _newest(arrival: Arrival) -> datetime | None:
    """Return when the newest packet began by the device's clock, if it has one."""
    readings = (clock_reading(one, arrival.received_at) for one in arrival.packets)
    return max((at for at in readings if at is not None), default=None)
