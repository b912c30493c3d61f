"""Records that are held until staff says whose they are."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget

from devices.admin_duration import ShowsDuration
from devices.admin_forms import Rehearsed
from devices.models import Assignment, Record
from devices.services import attribute_record
from patients.models import User
from patients.staff_site import StaffMayLook, is_staff_member


class AttributeForm(Rehearsed, forms.ModelForm):  # type: ignore[type-arg]
    """Say whose a held record is."""

    assignment = forms.ModelChoiceField(
        Assignment.objects.none(),
        label=_("Worn by"),
        widget=UnfoldAdminSelectWidget,
        help_text=_("The record goes to this patient for good."),
    )

    # Set on the class that is made for each request.
    by: User

    class Meta:
        model = Record
        fields = ("assignment",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["assignment"]
        assert isinstance(field, forms.ModelChoiceField)
        worn = Assignment.objects.filter(device_id=self.instance.device_id)
        field.queryset = worn.select_related("device", "patient")
        field.label_from_instance = assignment_words  # type: ignore[assignment,method-assign]

    def perform(self) -> Record:
        """Attribute the record."""
        record = Record.objects.get(pk=self.instance.pk)
        return attribute_record(
            record=record, assignment=self.cleaned_data["assignment"], by=self.by
        )


def assignment_words(assignment: Any) -> str:
    """Name who wore the device, and when."""
    until = f"{assignment.end_at:%Y-%m-%d %H:%M}" if assignment.end_at else "…"
    return f"{assignment.patient}: {assignment.start_at:%Y-%m-%d %H:%M} – {until} UTC"


@admin.register(Record)
class HeldRecordAdmin(ShowsDuration, StaffMayLook, ModelAdmin):  # type: ignore[misc]
    """Device records without a patient: their time was uncertain at a change."""

    form = AttributeForm
    list_display = ["device", "started_at", "duration", "stream", "last_received_at"]
    list_select_related = ["device"]
    list_filter = ["device"]
    readonly_fields = [
        "device",
        "stream",
        "started_at",
        "duration",
        "time_uncertain",
        "last_received_at",
    ]
    fields = [*readonly_fields, "assignment"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let staff say whose it is."""
        return is_staff_member(request)

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Let the form know who decides."""
        form = super().get_form(request, *args, **kwargs)
        form.by = request.user
        return form

    def get_queryset(self, request: HttpRequest) -> QuerySet[Record]:
        """Keep those that are held."""
        queryset: QuerySet[Record] = super().get_queryset(request)
        return queryset.filter(patient=None, source=Record.Source.DEVICE)

    def save_model(
        self, request: HttpRequest, obj: Record, form: "ModelForm[Record]", change: bool
    ) -> None:
        """Attribute the record by the service."""
        assert isinstance(form, AttributeForm)
        form.perform()

    def response_change(self, request: HttpRequest, obj: Record) -> HttpResponse:
        """Go back to what is still held; this one is no longer."""
        words = _("The record now belongs to %s.") % obj.assignment
        messages.success(request, words)
        return redirect("admin:devices_record_changelist")
