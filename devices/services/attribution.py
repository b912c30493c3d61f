"""Decide whose a held record is."""

from functools import partial

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from devices.models import Assignment, Device, Record
from devices.services.assignments import AssignmentError
from devices.signals import chunk_stored, record_corrected
from patients.models import AccessLog, User


@transaction.atomic
def attribute_record(*, record: Record, assignment: Assignment, by: User) -> Record:
    """Give a held record to the patient of ``assignment``, on the word of staff.

    Writes the access log and asks for the analysis. Later packets of the stream
    must then lie in that assignment. Refuses, with :class:`AssignmentError`, a
    record that has a patient, and another device's assignment.
    """
    Device.objects.select_for_update(no_key=True).get(pk=assignment.device_id)
    locked = Record.objects.select_for_update(no_key=True).get(pk=record.pk)
    if locked.source != Record.Source.DEVICE or locked.patient_id is not None:
        raise AssignmentError(_("Only a held record can be given to a patient."))
    if locked.device_id != assignment.device_id:
        raise AssignmentError(_("This patient wore another device."))
    locked.assignment, locked.patient = assignment, assignment.patient
    locked.save(update_fields=["assignment", "patient"])
    AccessLog.objects.create(
        patient=assignment.patient,
        user=by,
        action="attribute_record",
        at=timezone.now(),
    )
    record_corrected.send(
        Record, record_id=locked.pk, attributed=True, placed_from=None
    )
    send = partial(
        chunk_stored.send_robust,
        sender=Record,
        record_id=locked.pk,
        end_sample=locked.end_sample,
        live=False,
    )
    transaction.on_commit(send, robust=True)
    return locked
