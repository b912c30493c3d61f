"""Whose heart a packet shows: the patient assigned at the packet's own time."""

from datetime import datetime
from functools import cached_property

from devices.models import Assignment, Device, Record
from devices.services.verdicts import Result


class Ownership:
    """The one assignment a stream belongs to, while an upload is stored.

    A stream without a clock that is first seen after a change of assignment may be
    anybody's: it is held (``assignment`` is None) until its time is known or staff
    decides. What is held is never refused.
    """

    def __init__(
        self, device: Device, record: Record | None, received_at: datetime
    ) -> None:
        self._device = device
        self._received_at = received_at
        self.is_settled = record is not None
        self.assignment = record.assignment if record else None

    def refuse(self, at: datetime, *, is_certain: bool) -> Result | None:
        """Return why a packet of that time is not stored; None if it may be.

        The first packet that is not refused settles whose the stream is.
        """
        if not self.is_settled:
            return self._settle(at, is_certain)
        if self.assignment is None or self.assignment.is_in_force(at):
            return None
        if is_certain and self._worn_at(at) is None:
            return Result.NO_PATIENT
        return Result.STREAM_CHANGED

    def attribute(self, first_at: datetime, last_at: datetime) -> None:
        """Give a held stream, whose time has become known, to who wore it then."""
        worn = self._worn_at(first_at)
        if worn is not None and worn.is_in_force(last_at):
            self.assignment = worn

    def _settle(self, at: datetime, is_certain: bool) -> Result | None:
        if is_certain:
            self.assignment = self._worn_at(at)
            self.is_settled = self.assignment is not None
            return None if self.is_settled else Result.NO_PATIENT
        begun = [a for a in self._assignments if a.start_at <= self._received_at]
        if not begun:
            return Result.NO_PATIENT
        if len(begun) == 1 and begun[0].is_in_force(self._received_at):
            # ``at`` is the latest it can be, so this was before anybody wore it.
            if at < begun[0].start_at:
                return Result.NO_PATIENT
            self.assignment = begun[0]
        self.is_settled = True
        return None

    def _worn_at(self, at: datetime) -> Assignment | None:
        return next((a for a in self._assignments if a.is_in_force(at)), None)

    @cached_property
    def _assignments(self) -> list[Assignment]:
        return list(self._device.assignments.select_related("patient"))
