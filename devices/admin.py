"""Devices in the administration."""

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action

from devices import admin_assignments, admin_held, admin_orphaned, admin_tokens
from devices.admin_forms import DeviceForm, MoveForm
from devices.admin_tokens import show_tokens
from devices.models import Assignment, Device
from devices.services import AssignmentError, configure_device, rotate_token
from patients.staff_site import StaffMayEdit, StaffMayLook, staff_only

# Django finds this module; it brings the others along.
__all__ = ["admin_assignments", "admin_held", "admin_orphaned", "admin_tokens"]

CONFIG_FIELDS = ("fs", "upload_interval_s", "notch_hz")


class AssignmentInline(StaffMayLook, TabularInline):  # type: ignore[misc]
    """Who wore the device."""

    model = Assignment
    fields = ["patient", "start_at", "end_at"]
    extra = 0


@admin.register(Device)
class DeviceAdmin(StaffMayEdit, ModelAdmin):  # type: ignore[misc]
    """Devices."""

    form = DeviceForm
    list_display = ["serial", "name", "worn_by", "state", "battery", "last_seen_at"]
    search_fields = ["serial", "name"]
    inlines = [AssignmentInline]
    readonly_fields = [
        "last_seen_at",
        "battery",
        "wifi",
        "firmware",
        "backlog",
    ]
    actions = ["rotate"]
    actions_detail = ["move"]
    fieldsets = [
        (None, {"fields": [("serial", "name"), "retired_at"]}),
        (
            _("What it is told to do"),
            {"fields": [("fs", "upload_interval_s", "notch_hz")]},
        ),
        (
            _("What it said last"),
            {
                "fields": [
                    ("last_seen_at", "firmware"),
                    ("battery", "wifi", "backlog"),
                ]
            },
        ),
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Device]:
        """Bring the assignments along."""
        queryset: QuerySet[Device] = super().get_queryset(request)
        return queryset.prefetch_related("assignments__patient")

    @admin.display(description=_("worn by"))
    def worn_by(self, device: Device) -> str:
        """Name the patient who wears it now."""
        now = timezone.now()
        for worn in device.assignments.all():
            if worn.start_at <= now and (worn.end_at is None or worn.end_at > now):
                return str(worn.patient)
        return "–"

    @admin.display(description=_("state"))
    def state(self, device: Device) -> str:
        """Say in words how the device is."""
        if device.retired_at is not None:
            return str(_("Retired"))
        if device.last_seen_at is None:
            return str(_("Never seen"))
        silent_s = (timezone.now() - device.last_seen_at).total_seconds()
        if silent_s <= 30:
            return str(_("Online"))
        return str(_("Late") if silent_s <= 120 else _("Offline"))

    @admin.display(description=_("battery"), ordering="battery_percent")
    def battery(self, device: Device) -> str:
        """Show the battery with its unit."""
        known = device.battery_percent is not None
        return f"{device.battery_percent} %" if known else "–"

    @admin.display(description=_("Wi-Fi signal"))
    def wifi(self, device: Device) -> str:
        """Show the signal strength with its unit."""
        return "–" if device.rssi_dbm is None else f"{device.rssi_dbm} dBm"

    def save_model(
        self, request: HttpRequest, obj: Device, form: "ModelForm[Device]", change: bool
    ) -> None:
        """Store what changed, and nothing that the device said meanwhile."""
        if not change:
            super().save_model(request, obj, form, change)
            return
        config = {name: form.cleaned_data[name] for name in CONFIG_FIELDS}
        fields = [name for name in form.changed_data if name not in CONFIG_FIELDS]
        obj.save(update_fields=fields)
        configure_device(device=obj, **config)

    @admin.action(description=_("New token (old ones work for 24 more hours)"))
    def rotate(self, request: HttpRequest, queryset: QuerySet[Device]) -> HttpResponse:
        """Give each chosen device a new token."""
        staff_only(request)
        tokens = [(device, rotate_token(device=device)) for device in queryset]
        for device, _token in tokens:
            self.log_change(request, device, "New token.")
        return show_tokens(request, self, tokens)

    @action(  # type: ignore[untyped-decorator]
        description=_("Move to another patient"), icon="swap_horiz"
    )
    def move(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """End the assignment in force, and start one with another patient."""
        staff_only(request)
        device = get_object_or_404(Device, pk=object_id)
        form = MoveForm(request.POST or None, device=device)
        if request.method == "POST" and form.is_valid():
            try:
                assignment = form.perform()
            except AssignmentError as error:
                form.add_error(None, str(error))
            else:
                self.log_change(request, device, f"Moved to {assignment.patient.code}.")
                messages.success(request, _("%s now.") % assignment)
                return redirect("admin:devices_device_change", device.pk)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Move %s to another patient") % device,
            "opts": self.model._meta,
            "device": device,
            "worn_by": self.worn_by(device),
            "form": form,
            "media": self.media + form.media,
        }
        return render(request, "admin/devices/device/move.html", context)
