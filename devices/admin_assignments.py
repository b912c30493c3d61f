"""Who wears which device, in the administration."""

from typing import Any

from django.contrib import admin, messages
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from unfold.admin import ModelAdmin

from devices.admin_forms import AssignmentForm
from devices.models import Assignment
from devices.services import AssignmentError, assign_device, plan_end
from patients.staff_site import StaffMayEdit


@admin.register(Assignment)
class AssignmentAdmin(StaffMayEdit, ModelAdmin):  # type: ignore[misc]
    """Who wears which device, and when."""

    form = AssignmentForm
    list_display = ["device", "patient", "start_at", "end_at"]
    list_filter = [("end_at", admin.EmptyFieldListFilter)]
    list_select_related = ["device", "patient"]
    search_fields = ["device__serial", "device__name", "patient__code"]
    autocomplete_fields = ["device", "patient"]

    def get_readonly_fields(
        self, request: HttpRequest, obj: Assignment | None = None
    ) -> list[str]:
        """Keep the past: of an assignment only the end is still open."""
        if obj is None:
            return []
        ended = obj.end_at is not None and obj.end_at <= timezone.now()
        return ["device", "patient", "start_at", *(["end_at"] if ended else [])]

    def save_model(
        self,
        request: HttpRequest,
        obj: Assignment,
        form: "ModelForm[Assignment]",
        change: bool,
    ) -> None:
        """Assign or end by the service, which locks device and patient."""
        if not change:
            made = assign_device(**form.cleaned_data)
            obj.__dict__.update(made.__dict__)
        elif "end_at" in form.changed_data:
            stored = Assignment.objects.get(pk=obj.pk)
            plan_end(assignment=stored, end_at=obj.end_at)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show a refusal in words, also when somebody was faster by a moment."""
        try:
            response: HttpResponse = super().changeform_view(
                request, object_id, form_url, extra_context
            )
        except AssignmentError as error:
            messages.error(request, str(error))
            return redirect(request.get_full_path())
        return response
