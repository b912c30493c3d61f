"""Correct whose an uploaded recording is and when it was made, or remove it."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, tzinfo
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from devices.models import Record
from inference.services.recordings import give_recording, remove_recording
from patients.access import Right, rights_of
from patients.models import Patient, User
from telecardio.pages.record_access import record_for_request
from telecardio.pages.recorded_at import recorded_at


class GiveForm(forms.Form):
    """Whose recording it is, and when it was recorded by that patient's clocks.

    After ``is_valid`` the time is in ``cleaned_data["started_at"]`` with its zone.
    """

    patient = forms.ModelChoiceField(
        label=gettext_lazy("Whose recording it is"),
        queryset=Patient.objects.none(),
        required=False,
        empty_label=gettext_lazy("No patient: only I see it"),
        error_messages=dict.fromkeys(
            ("required", "invalid_choice"),
            gettext_lazy("Choose a patient whom you treat."),
        ),
    )
    started_at = forms.DateTimeField(
        label=gettext_lazy("Recorded at"),
        required=False,
        help_text=gettext_lazy("In the time zone of that patient."),
        widget=forms.DateTimeInput(
            attrs={"type": "datetime-local", "step": 1}, format="%Y-%m-%dT%H:%M:%S"
        ),
    )

    seen = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(
        self, data: Any = None, *, record: Record, user: User, now: datetime
    ) -> None:
        self.record, self.now = record, now
        # A time at which the recording cannot have begun was none that anybody told.
        is_known = record.end_at <= record.created_at
        shown = record.started_at.astimezone(_zone(record.patient))
        initial = {
            "patient": record.patient_id,
            "started_at": shown.replace(tzinfo=None) if is_known else None,
            "seen": _seen(record),
        }
        super().__init__(data, initial=initial)
        field = self.fields["patient"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = Patient.objects.treated_by(user)
        if record.uploaded_by_id != user.pk:
            # Nobody could see it any more but who uploaded it.
            field.required, field.empty_label = True, None

    def clean(self) -> dict[str, Any]:
        """Ask for a time that the patient's hours and charts can go by."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        patient: Patient | None = cleaned.get("patient")
        typed: datetime | None = cleaned.get("started_at")
        cleaned["started_at"] = self.record.started_at
        if cleaned.get("seen") != _seen(self.record):
            # What the page offers by itself would undo it.
            message = _("Somebody has corrected it meanwhile: look at it again.")
            raise forms.ValidationError(message)
        if self.errors or patient is None:
            return cleaned
        if typed is None:
            self.add_error("started_at", _("Give the time at which it was recorded."))
            return cleaned
        zone = _zone(patient)
        at = recorded_at(typed, zone, now=self.now)
        # The field shows no parts of a second.
        before = self.record.started_at
        if at != before.astimezone(zone).replace(microsecond=0):
            cleaned["started_at"] = at
        return cleaned


def _seen(record: Record) -> str:
    """Return what a page showed that somebody corrects."""
    return f"{record.patient_id} {record.started_at.isoformat()}"


def _zone(patient: Patient | None) -> tzinfo:
    return patient.zone if patient else timezone.get_current_timezone()


def may_give(user: User, record: Record) -> bool:
    """Tell whether somebody who sees a recording may say whose it is."""
    if record.patient is None:
        return True
    return Right.ACKNOWLEDGE in rights_of(user, record.patient)


def may_remove(user: User, record: Record) -> bool:
    """Tell whether somebody who sees a recording may remove it: who uploaded it.

    If that person treats the patient no longer, whoever does.
    """
    uploader = record.uploaded_by
    is_left = uploader is None or not may_give(uploader, record)
    return (is_left or uploader == user) and may_give(user, record)


def corrections_for(user: User, record: Record, *, now: datetime) -> dict[str, Any]:
    """Return what the page offers: a form, and whether to remove is one of them."""
    allowed = may_give(user, record)
    return {
        "give_form": GiveForm(record=record, user=user, now=now) if allowed else None,
        "may_remove": may_remove(user, record),
    }


@require_POST
def give(request: HttpRequest, pk: int) -> HttpResponse:
    """Give the recording to the patient who was chosen, and show it again."""
    record, user = _found(request, pk)
    if not may_give(user, record):
        raise PermissionDenied
    now = timezone.now()
    form = GiveForm(request.POST, record=record, user=user, now=now)
    if not form.is_valid():
        wrong = " ".join(str(each[0]) for each in form.errors.values())
        messages.error(request, _("Nothing was changed. %(wrong)s") % {"wrong": wrong})
        return redirect("record", pk)
    patient = form.cleaned_data["patient"]
    with _as_it_was_seen():
        give_recording(
            record=record,
            patient=patient,
            started_at=form.cleaned_data["started_at"],
            by=user,
            now=now,
        )
    if patient is None:
        words = _("The recording is of no patient now; only you see it.")
    else:
        words = _("The recording is now of %(patient)s.") % {"patient": patient}
    messages.success(request, words)
    return redirect("record", pk)


@require_POST
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Remove the recording, if the box beside the button says so, too."""
    record, user = _found(request, pk)
    if not may_remove(user, record):
        raise PermissionDenied
    if "sure" not in request.POST:
        words = _("Nothing was removed: tick the box if it is to go for good.")
        messages.error(request, words)
        return redirect("record", pk)
    name = str(record)
    with _as_it_was_seen():
        remove_recording(record=record, by=user, now=timezone.now())
    words = _("“%(name)s” and all that was found in it is removed.") % {"name": name}
    messages.success(request, words)
    return redirect("upload")


@contextmanager
def _as_it_was_seen() -> Iterator[None]:
    """Know nothing of a recording that somebody gave or removed in this moment."""
    try:
        yield
    except Record.DoesNotExist as error:
        raise Http404 from error


def _found(request: HttpRequest, pk: int) -> tuple[Record, User]:
    record = record_for_request(request, pk)
    assert isinstance(request.user, User)  # The door lets nobody else in.
    return record, request.user
