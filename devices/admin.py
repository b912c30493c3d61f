"""Devices, their tokens and who wears them, in the administration."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin, TabularInline
from unfold.decorators import action

from devices import admin_held
from devices.admin_forms import AssignmentForm, MoveForm, TokenForm
from devices.models import Assignment, Device, DeviceToken
from devices.services import (
    AssignmentError,
    assign_device,
    configure_device,
    end_assignment,
    issue_token,
    revoke_token,
    rotate_token,
)
from devices.tokens import token_digest
from patients.staff_site import StaffMayEdit, StaffMayLook, is_staff_member

__all__ = ["admin_held"]

CONFIG_FIELDS = ("fs", "upload_interval_s", "notch_hz")


def show_tokens(
    request: HttpRequest, model_admin: Any, tokens: list[tuple[Device, str]]
) -> HttpResponse:
    """Show new tokens, this once: they are kept nowhere, not even in the session."""
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("New device tokens"),
        "opts": DeviceToken._meta,
        "tokens": tokens,
    }
    return TemplateResponse(request, "admin/devices/devicetoken/issued.html", context)


class AssignmentInline(StaffMayLook, TabularInline):  # type: ignore[misc]
    """Who wore the device."""

    model = Assignment
    fields = ["patient", "start_at", "end_at"]
    extra = 0


@admin.register(Device)
class DeviceAdmin(StaffMayEdit, ModelAdmin):  # type: ignore[misc]
    """Devices."""

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
        _staff_only(request)
        tokens = [(device, rotate_token(device=device)) for device in queryset]
        for device, _token in tokens:
            self.log_change(request, device, "New token.")
        return show_tokens(request, self, tokens)

    @action(  # type: ignore[untyped-decorator]
        description=_("Move to another patient"), icon="swap_horiz"
    )
    def move(self, request: HttpRequest, object_id: int) -> HttpResponse:
        """End the assignment in force, and start one with another patient."""
        _staff_only(request)
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


@admin.register(DeviceToken)
class DeviceTokenAdmin(StaffMayLook, ModelAdmin):  # type: ignore[misc]
    """Tokens: made, shown once, revoked; never read or edited."""

    form = TokenForm
    list_display = ["device", "ending", "created_at", "expires_at", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter)]
    list_select_related = ["device"]
    search_fields = ["device__serial", "device__name", "last4"]
    autocomplete_fields = ["device"]
    readonly_fields = ["ending", "created_at", "expires_at", "revoked_at"]
    actions = ["rotate", "revoke"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Let staff issue tokens."""
        return is_staff_member(request)

    def get_fields(
        self, request: HttpRequest, obj: DeviceToken | None = None
    ) -> list[str]:
        """Ask for the device only; show the rest of one that exists."""
        return ["device"] if obj is None else ["device", *self.readonly_fields]

    @admin.display(description=_("token"), ordering="last4")
    def ending(self, token: DeviceToken) -> str:
        """Show the last four characters."""
        return f"tcd_…{token.last4}"

    def save_model(
        self,
        request: HttpRequest,
        obj: DeviceToken,
        form: "ModelForm[DeviceToken]",
        change: bool,
    ) -> None:
        """Issue the token."""
        token = issue_token(device=obj.device)
        stored = DeviceToken.objects.get(digest=token_digest(token))
        obj.__dict__.update(stored.__dict__)
        # For response_add alone; it dies with the request.
        request.issued_token = token  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: DeviceToken, post_url_continue: Any = None
    ) -> HttpResponse:
        """Show the token instead of going anywhere."""
        token: str = request.issued_token  # type: ignore[attr-defined]
        return show_tokens(request, self, [(obj.device, token)])

    @admin.action(description=_("Rotate: new token, old ones work for 24 more hours"))
    def rotate(
        self, request: HttpRequest, queryset: QuerySet[DeviceToken]
    ) -> HttpResponse:
        """Rotate the tokens of the devices of the chosen tokens."""
        _staff_only(request)
        devices = Device.objects.filter(tokens__in=queryset).distinct()
        tokens = [(device, rotate_token(device=device)) for device in devices]
        return show_tokens(request, self, tokens)

    @admin.action(description=_("Revoke at once, for ever"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[DeviceToken]) -> None:
        """Close the door to the chosen tokens."""
        _staff_only(request)
        for token in queryset:
            revoke_token(token=token)
            self.log_change(request, token, "Revoked.")
        count = len(queryset)
        words = ngettext("%d token is revoked.", "%d tokens are revoked.", count)
        messages.success(request, words % count)


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
        return ["device", "patient", "start_at", *(["end_at"] if obj.end_at else [])]

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
            end_assignment(assignment=stored, at=obj.end_at)

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


def _staff_only(request: HttpRequest) -> None:
    if not is_staff_member(request):
        raise PermissionDenied
