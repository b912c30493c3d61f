"""The limits under which a record is analysed."""

from devices.models import Record
from inference.ecg.types import Limits
from inference.models import PatientLimits


def limits_of(record: Record) -> Limits:
    """Return the limits of the record's patient, or the defaults."""
    if record.patient is None:
        return Limits()
    try:
        return record.patient.limits.as_limits()
    except PatientLimits.DoesNotExist:
        return Limits()
