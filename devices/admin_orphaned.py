"""Orphaned recordings: of no patient, and whoever uploaded them is gone."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminSelectWidget

from devices.admin_duration import ShowsDuration
from devices.models import OrphanedRecording
from devices.services import hand_over_file_record, orphaned_file_records
from patients.models import User
from patients.staff_site import StaffMayLook, is_staff_member


class HandOverForm(forms.ModelForm):  # type: ignore[type-arg]
    """Say which doctor is to look at a recording."""

    doctor = forms.ModelChoiceField(
        User.objects.none(),
        label=_("Hand over to"),
        widget=UnfoldAdminSelectWidget,
        help_text=_("This doctor alone sees it then, and says whose it is."),
    )

    class Meta:
        model = OrphanedRecording
        fields = ("doctor",)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["doctor"]
        assert isinstance(field, forms.ModelChoiceField)
        doctors = User.objects.filter(role=User.Role.DOCTOR, is_active=True)
        field.queryset = doctors.order_by("email")


@admin.register(OrphanedRecording)
class OrphanedRecordingAdmin(ShowsDuration, StaffMayLook, ModelAdmin):  # type: ignore[misc]
    """Uploads that nobody sees, because their uploader's account is closed."""

    form = HandOverForm
    list_display = ["name", "uploaded_by", "created_at", "duration"]
    list_select_related = ["uploaded_by"]
    ordering = ["-created_at"]
    readonly_fields = ["name", "uploaded_by", "created_at", "duration"]
    fields = [*readonly_fields, "doctor"]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let staff hand it over."""
        return is_staff_member(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[OrphanedRecording]:
        """Keep those that are orphaned."""
        queryset: QuerySet[OrphanedRecording] = super().get_queryset(request)
        return queryset.filter(pk__in=orphaned_file_records().values("pk"))

    def save_model(
        self,
        request: HttpRequest,
        obj: OrphanedRecording,
        form: "ModelForm[OrphanedRecording]",
        change: bool,
    ) -> None:
        """Hand it over by the service."""
        assert isinstance(request.user, User)  # The site lets in nobody else.
        doctor = form.cleaned_data["doctor"]
        now = timezone.now()
        hand_over_file_record(record=obj, to=doctor, by=request.user, now=now)
        obj.uploaded_by = doctor

    def response_change(
        self, request: HttpRequest, obj: OrphanedRecording
    ) -> HttpResponse:
        """Go back to what is still orphaned; this one is no longer."""
        words = _("The recording is now with %s.") % obj.uploaded_by
        messages.success(request, words)
        return redirect("admin:devices_orphanedrecording_changelist")
