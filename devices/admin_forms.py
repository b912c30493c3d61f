"""Forms with which staff enrol devices. The rules are the services' own."""

from datetime import datetime
from typing import Any

from django import forms
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminSelect2Widget,
    UnfoldAdminSplitDateTimeWidget,
)

from devices.models import Assignment, Device, DeviceToken
from devices.services import (
    AssignmentError,
    assign_device,
    move_device,
    plan_end,
)
from patients.models import Patient


class DeviceForm(forms.ModelForm):  # type: ignore[type-arg]
    """A device; that it is retired holds at once."""

    class Meta:
        model = Device
        fields = (
            "serial",
            "name",
            "fs",
            "upload_interval_s",
            "notch_hz",
            "retired_at",
        )

    def clean_retired_at(self) -> datetime | None:
        """Refuse a time to come: the device would be refused from now on."""
        at: datetime | None = self.cleaned_data["retired_at"]
        if at is not None and at > timezone.now():
            message = _("A device is retired at once: come back when it is time.")
            raise forms.ValidationError(message)
        return at


class TokenForm(forms.ModelForm):  # type: ignore[type-arg]
    """A new token is made, not typed: only the device is chosen."""

    class Meta:
        model = DeviceToken
        fields = ("device",)

    def clean_device(self) -> Device:
        """Refuse a device that no token lets in."""
        device: Device = self.cleaned_data["device"]
        if device.retired_at is not None:
            message = _("This device is retired: clear that first.")
            raise forms.ValidationError(message)
        return device


class Rehearsed(forms.BaseForm):
    """A form that tries its service first, and shows the refusal as its own error."""

    def full_clean(self) -> None:
        """Validate; then rehearse what saving will do, and take it back."""
        super().full_clean()
        if not self.is_bound or self.errors:
            return
        try:
            with transaction.atomic():
                self.perform()
                transaction.set_rollback(True)
        except AssignmentError as error:
            self.add_error(None, str(error))

    def perform(self) -> Any:
        """Call the service."""
        raise NotImplementedError


class AssignmentForm(Rehearsed, forms.ModelForm):  # type: ignore[type-arg]
    """Assign a device, or end an assignment."""

    class Meta:
        model = Assignment
        fields = ("device", "patient", "start_at", "end_at")
        help_texts = {
            "device": _(
                "To hand over a device that somebody wears, open the device and "
                "choose “Move to another patient”."
            ),
            "start_at": _("UTC. Packets belong to who wore the device at their time."),
            "end_at": _("UTC. Leave it empty while the device is worn."),
        }

    def clean(self) -> dict[str, Any] | None:
        """Refuse a range that ends before it starts: PostgreSQL has no such range."""
        cleaned = super().clean() or self.cleaned_data
        start_at = cleaned.get("start_at", self.instance.start_at)
        end_at = cleaned.get("end_at")
        if start_at is not None and end_at is not None and end_at <= start_at:
            self.add_error("end_at", _("The end must be after the start."))
        return cleaned

    def perform(self) -> Assignment | None:
        """Assign, or give an assignment that exists another end, or none."""
        if self.instance.pk is None:
            return assign_device(**self.cleaned_data)
        if "end_at" in self.changed_data:
            stored = Assignment.objects.get(pk=self.instance.pk)
            plan_end(assignment=stored, end_at=self.cleaned_data["end_at"])
        return None


class MoveForm(Rehearsed, forms.Form):
    """Move a device from who wears it to another patient."""

    patient = forms.ModelChoiceField(
        Patient.objects.all(), label=_("Patient"), widget=UnfoldAdminSelect2Widget
    )
    at = forms.SplitDateTimeField(
        label=_("From"),
        required=False,
        widget=UnfoldAdminSplitDateTimeWidget,
        help_text=_(
            "UTC; empty means now. What the device sampled before stays with the "
            "patient who wore it then, also if it arrives later."
        ),
    )

    def __init__(self, *args: Any, device: Device, **kwargs: Any) -> None:
        self.device = device
        super().__init__(*args, **kwargs)

    def perform(self) -> Assignment:
        """Move the device."""
        at: datetime | None = self.cleaned_data["at"]
        return move_device(
            device=self.device, to_patient=self.cleaned_data["patient"], at=at
        )
