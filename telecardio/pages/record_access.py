"""The door to an uploaded recording."""

from django.http import Http404, HttpRequest
from django.utils import timezone

from devices.models import Record
from patients.access import Right, patient_for_user
from patients.models import User
from patients.services import log_access


def record_for_request(request: HttpRequest, pk: int) -> Record:
    """Return an uploaded recording to a doctor who may see it; 404 to everybody else.

    A patient's recording is seen by those who may see the patient's signal, so also
    its uploader only while that holds; one without a patient by its uploader alone.
    """
    user = request.user
    if not isinstance(user, User) or user.role != User.Role.DOCTOR:
        raise Http404
    record = (
        Record.objects.filter(pk=pk, source=Record.Source.FILE)
        .select_related("patient", "uploaded_by", "analysis")
        .first()
    )
    if record is None:
        raise Http404
    if record.patient_id is None:
        if record.uploaded_by_id != user.pk:
            raise Http404
        return record
    patient = patient_for_user(
        user, record.patient_id, right=Right.IDENTITY | Right.SIGNAL
    )
    log_access(user=user, patient=patient, action="recording", now=timezone.now())
    return record
