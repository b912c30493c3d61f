"""People in the administration."""

from http import HTTPStatus
from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as BaseUserAdmin
from django.contrib.auth.models import Group
from django.db.models import Count, QuerySet
from django.forms import ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, TabularInline
from unfold.forms import AdminPasswordChangeForm

from patients import throttle
from patients.admin_filters import DaysFilter
from patients.admin_forms import AccountChangeForm, AccountCreationForm, PatientForm
from patients.models import AccessLog, CareTeamMember, Patient, User, Ward
from patients.services import log_access
from patients.staff_site import GrowsForYears, StaffMayEdit

OPENED_FORM = "administration"

# Rights follow from roles; groups would say something that nobody reads.
admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(StaffMayEdit, BaseUserAdmin, ModelAdmin):  # type: ignore[misc,type-arg]
    """Accounts. Nobody is deleted, so that the access log keeps its names."""

    form = AccountChangeForm
    add_form = AccountCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = ["email", "first_name", "last_name", "role", "is_active"]
    list_filter = ["role", "is_active"]
    search_fields = ["email", "first_name", "last_name"]
    ordering = ["email"]
    filter_horizontal = ()
    readonly_fields = ["last_login", "date_joined"]
    autocomplete_fields = ["ward"]
    _person = ("first_name", "last_name")
    fieldsets = [
        (None, {"fields": ["email", "password", _person, "role", "ward"]}),
        (_("Access"), {"fields": ["is_active", "last_login", "date_joined"]}),
    ]
    add_fieldsets = [
        (
            None,
            {
                "fields": [
                    "email",
                    _person,
                    "role",
                    "ward",
                    "password1",
                    "password2",
                ]
            },
        )
    ]

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Keep administrators' accounts, and their passwords, to administrators."""
        if obj is not None and obj.is_superuser and not request.user.is_superuser:
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: an account is closed, not deleted."""
        return False

    def get_readonly_fields(
        self, request: HttpRequest, obj: User | None = None
    ) -> list[str]:
        """Keep people from locking themselves out."""
        own = obj is not None and obj.pk == request.user.pk
        return [*self.readonly_fields, *(["role", "is_active"] if own else [])]

    def user_change_password(
        self, request: HttpRequest, id: str, form_url: str = ""
    ) -> HttpResponse:
        """Let who forgot the password try the new one at once."""
        response: HttpResponse = super().user_change_password(request, id, form_url)
        if request.method == "POST" and response.status_code == HTTPStatus.FOUND:
            throttle.forget_account(User.objects.get(pk=id).email)
        return response

    def save_model(
        self, request: HttpRequest, obj: User, form: "ModelForm[User]", change: bool
    ) -> None:
        """Store the account; Django's own mark of staff follows the role."""
        obj.is_staff = obj.role == User.Role.STAFF
        super().save_model(request, obj, form, change)


@admin.register(Ward)
class WardAdmin(StaffMayEdit, ModelAdmin):  # type: ignore[misc]
    """Wards."""

    list_display = ["name", "patient_count"]
    search_fields = ["name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Ward]:
        """Count patients in the same query."""
        queryset: QuerySet[Ward] = super().get_queryset(request)
        return queryset.annotate(patient_count=Count("patients"))

    @admin.display(description=_("patients"), ordering="patient_count")
    def patient_count(self, ward: Any) -> int:
        """How many patients are on the ward."""
        count: int = ward.patient_count
        return count


class CareTeamInline(StaffMayEdit, TabularInline):  # type: ignore[misc]
    """The doctors of a patient."""

    model = CareTeamMember
    extra = 0
    autocomplete_fields = ["user"]
    verbose_name = _("care team member")
    verbose_name_plural = _("care team")


@admin.register(Patient)
class PatientAdmin(StaffMayEdit, ModelAdmin):  # type: ignore[misc]
    """Patients and their care team."""

    form = PatientForm
    list_display = ["code", "last_name", "first_name", "birth_date", "ward"]
    list_filter = ["ward", "sex"]
    list_select_related = ["ward"]
    search_fields = ["code", "first_name", "last_name"]
    autocomplete_fields = ["ward", "user"]
    inlines = [CareTeamInline]
    fieldsets = [
        (
            None,
            {
                "fields": [
                    ("code", "ward"),
                    ("first_name", "last_name"),
                    ("birth_date", "sex"),
                    "indication",
                    "drugs",
                    "time_zone",
                ]
            },
        ),
        (_("Patient portal"), {"fields": ["user"]}),
        (_("Storage"), {"fields": ["keep_days"]}),
    ]

    def get_form(
        self, request: HttpRequest, obj: Patient | None = None, **kwargs: Any
    ) -> "type[ModelForm[Patient]]":
        """Write down who opens a patient's form."""
        if obj is not None and isinstance(request.user, User):
            log_access(
                user=request.user,
                patient=obj,
                action=OPENED_FORM,
                now=timezone.now(),
            )
        form: type[ModelForm[Patient]] = super().get_form(request, obj, **kwargs)
        return form

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Let one go who was entered by mistake: nobody looked but in this form."""
        told = super().get_deleted_objects(objs, request)
        looked = AccessLog.objects.filter(patient__in=[one.pk for one in objs])
        if not looked.exclude(action=OPENED_FORM).exists():
            told[2].discard(AccessLog._meta.verbose_name)
        return told


@admin.register(AccessLog)
class AccessLogAdmin(GrowsForYears, ModelAdmin):  # type: ignore[misc]
    """Who looked at whose data."""

    list_display = ["at", "user", "action", "patient"]
    list_select_related = ["user", "patient"]
    search_fields = ["user__email", "patient__code", "action"]
    list_filter = [("at", DaysFilter)]
