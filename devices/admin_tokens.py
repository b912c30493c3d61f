"""Device tokens in the administration: made, shown once, revoked."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import Prefetch, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.admin import ModelAdmin

from devices.admin_forms import TokenForm
from devices.models import Assignment, Device, DeviceToken
from devices.services import issue_token, revoke_token, rotate_token
from devices.tokens import token_digest
from patients.staff_site import StaffMayLook, is_staff_member, staff_only


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
        staff_only(request)
        devices = Device.objects.filter(tokens__in=queryset).distinct()
        tokens = [(device, rotate_token(device=device)) for device in devices]
        for chosen in queryset:
            self.log_change(request, chosen, "Rotated.")
        return show_tokens(request, self, tokens)

    @admin.action(description=_("Revoke at once, for ever"))
    def revoke(
        self, request: HttpRequest, queryset: QuerySet[DeviceToken]
    ) -> HttpResponse | None:
        """Close the door to the tokens, once somebody has read who wears what."""
        staff_only(request)
        if "sure" not in request.POST:
            return self._ask(request, queryset)
        for token in queryset:
            revoke_token(token=token)
            self.log_change(request, token, "Revoked.")
        count = len(queryset)
        words = ngettext("%d token is revoked.", "%d tokens are revoked.", count)
        messages.success(request, words % count)
        return None

    def _ask(
        self, request: HttpRequest, queryset: QuerySet[DeviceToken]
    ) -> HttpResponse:
        covering = Assignment.objects.covering(timezone.now()).select_related("patient")
        worn = Prefetch("device__assignments", covering, to_attr="worn")
        tokens = queryset.select_related("device").prefetch_related(worn)
        context = {
            **self.admin_site.each_context(request),
            "title": _("Revoke these tokens?"),
            "opts": DeviceToken._meta,
            "tokens": tokens,
        }
        return TemplateResponse(
            request, "admin/devices/devicetoken/revoke.html", context
        )
