"""Who wears which device, and when."""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from devices.models import Assignment, Device, Record
from patients.models import Patient

# A packet that arrives while the form is being saved is no retroactive change.
_SAVING = timedelta(seconds=10)


class AssignmentError(ValueError):
    """The assignment contradicts another one, or what is stored already."""


@transaction.atomic
def assign_device(
    *,
    device: Device,
    patient: Patient,
    start_at: datetime | None = None,
    end_at: datetime | None = None,
) -> Assignment:
    """Let ``patient`` wear ``device`` from ``start_at`` (default: now) on.

    Refuses, with :class:`AssignmentError`, what would give a device two patients
    or a patient two devices at a time; nobody is moved silently.
    """
    _lock(device, patient)
    start_at = start_at or timezone.now()
    if end_at is not None and end_at <= start_at:
        raise AssignmentError(_("The end must be after the start."))
    made = Assignment(device=device, patient=patient, start_at=start_at, end_at=end_at)
    _refuse_others(made)
    made.save()
    return made


@transaction.atomic
def end_assignment(*, assignment: Assignment, at: datetime | None = None) -> None:
    """End an assignment at ``at`` (default: now).

    Packets of its span are still accepted afterwards. Refuses an end before
    samples that arrived after it and are stored with this patient: they would
    silently stay with the wrong person.
    """
    _lock(assignment.device, assignment.patient)
    at = at or timezone.now()
    assignment.refresh_from_db()
    _refuse_ended(assignment, at)
    if at <= assignment.start_at:
        raise AssignmentError(_("The end must be after the start."))
    arrived_later = Record.objects.filter(
        assignment=assignment, last_received_at__gt=at + _SAVING
    )
    for record in arrived_later:
        if record.end_at > at:
            text = _("Samples until %(end)s are stored with %(code)s: end it later.")
            end = record.end_at.isoformat(sep=" ", timespec="seconds")
            raise AssignmentError(text % {"end": end, "code": assignment.patient.code})
    assignment.end_at = at
    assignment.save(update_fields=["end_at"])


@transaction.atomic
def plan_end(*, assignment: Assignment, end_at: datetime | None) -> None:
    """Let an assignment in force end at ``end_at``; None: it goes on until it is ended.

    An earlier end than before is refused as in :func:`end_assignment`, a later one
    where another assignment begins before it.
    """
    _lock(assignment.device, assignment.patient)
    assignment.refresh_from_db()
    before = assignment.end_at
    _refuse_ended(assignment, timezone.now())
    if end_at is not None and (before is None or end_at < before):
        end_assignment(assignment=assignment, at=end_at)
        return
    assignment.end_at = end_at
    _refuse_others(assignment)
    assignment.save(update_fields=["end_at"])


@transaction.atomic
def move_device(
    *, device: Device, to_patient: Patient, at: datetime | None = None
) -> Assignment:
    """End what is in force for the device and let ``to_patient`` wear it from then."""
    covering = device.assignments.covering(at or timezone.now())
    wearing = Patient.objects.filter(assignments__in=covering)
    _lock(device, to_patient, *wearing)
    at = at or timezone.now()
    for current in device.assignments.covering(at):
        end_assignment(assignment=current, at=at)
    return assign_device(device=device, patient=to_patient, start_at=at)


def _refuse_ended(assignment: Assignment, at: datetime) -> None:
    if assignment.end_at is not None and assignment.end_at <= at:
        raise AssignmentError(_("This assignment has ended already."))


def _refuse_others(one: Assignment) -> None:
    """Refuse what gives a device two patients, or a patient two devices, at a time."""
    others = Assignment.objects.exclude(pk=one.pk)
    others = others.filter(Q(end_at=None) | Q(end_at__gt=one.start_at))
    if one.end_at is not None:
        others = others.filter(start_at__lt=one.end_at)
    worn = others.filter(device=one.device).select_related("patient").first()
    if worn is not None:
        text = _("%(device)s is worn by %(code)s at that time: end that first.")
        raise AssignmentError(text % {"device": one.device, "code": worn.patient.code})
    wears = others.filter(patient=one.patient).select_related("device").first()
    if wears is not None:
        text = _("%(code)s wears %(device)s at that time: end that first.")
        code = one.patient.code
        raise AssignmentError(text % {"device": wears.device, "code": code})


def _lock(device: Device, *patients: Patient) -> None:
    # store_packets changes the device too, so no packet is attributed by an
    # assignment that is changing; and "now" is taken behind it, so that it comes
    # after what is stored. An upload that has only read so far finds the device
    # changed, and looks again. Patients come second, everywhere, and in one order.
    Device.objects.filter(pk=device.pk).update(serial=F("serial"))
    rows = Patient.objects.select_for_update(no_key=True).order_by("pk")
    list(rows.filter(pk__in=[one.pk for one in patients]).values_list("pk"))
