"""Who wears which device, and when."""

from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.contrib.postgres.fields.ranges import BigIntegerRangeField
from django.db import models
from django.db.models import F, Func, Q, Value
from django.utils.translation import gettext_lazy as _

from devices.models.device import Device
from patients.models import Patient

if TYPE_CHECKING:
    from django.utils.functional import _StrPromise


class _Worn(Func):
    """The time from start to end; an open end is infinite."""

    function = "TSTZRANGE"
    output_field = DateTimeRangeField()


class _Only(Func):
    """A range of one id. ``=`` in a GiST index would need the btree_gist extension."""

    function = "INT8RANGE"
    output_field = BigIntegerRangeField()


def _never_twice(field: str, name: str, message: "_StrPromise") -> ExclusionConstraint:
    return ExclusionConstraint(
        name=name,
        expressions=[
            (_Only(F(field), F(field), Value("[]")), RangeOperators.OVERLAPS),
            (_Worn(F("start_at"), F("end_at"), Value("[)")), RangeOperators.OVERLAPS),
        ],
        violation_error_message=message,
    )


class AssignmentQuerySet(models.QuerySet["Assignment"]):
    """Find who wore a device."""

    def covering(self, at: datetime) -> "AssignmentQuerySet":
        """Keep the assignments in force at ``at``."""
        return self.filter(Q(end_at=None) | Q(end_at__gt=at), start_at__lte=at)


class Assignment(models.Model):
    """A device worn by a patient during ``[start_at, end_at)``."""

    device = models.ForeignKey(Device, models.PROTECT, related_name="assignments")
    patient = models.ForeignKey(Patient, models.PROTECT, related_name="assignments")
    start_at = models.DateTimeField(_("from"))
    end_at = models.DateTimeField(_("until"), null=True, blank=True)

    objects = AssignmentQuerySet.as_manager()

    class Meta:
        ordering = ["-start_at"]
        constraints = [
            models.CheckConstraint(
                condition=Q(end_at=None) | Q(end_at__gt=F("start_at")),
                name="assignment_ends_after_start",
                violation_error_message=_("The end must be after the start."),
            ),
            _never_twice(
                "device_id",
                "assignment_one_patient_per_device",
                _("This device is worn by another patient at that time."),
            ),
            _never_twice(
                "patient_id",
                "assignment_one_device_per_patient",
                _("This patient wears another device at that time."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.device} on {self.patient.code}"

    def is_in_force(self, at: datetime) -> bool:
        """Tell whether the patient wears the device at ``at``."""
        return self.start_at <= at and (self.end_at is None or at < self.end_at)
