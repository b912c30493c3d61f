"""Limits, alert rules, alarms and mails in the administration."""

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.admin import ModelAdmin, StackedInline

from inference.admin_forms import AlertRuleForm, LimitsForm
from inference.models import Alarm, AlertRule, MailDelivery, PatientLimits
from inference.models.alarm import AlarmRule
from patients.admin import PatientAdmin
from patients.admin_filters import DaysFilter
from patients.models import Patient, User
from patients.staff_site import GrowsForYears, StaffMayEdit

TECHNICAL = (AlarmRule.LEAD_OFF, AlarmRule.NOISE, AlarmRule.NO_DATA)


class LimitsInline(StaffMayEdit, StackedInline):  # type: ignore[misc]
    """A patient's own limits; without them the defaults hold."""

    model = PatientLimits
    form = LimitsForm
    extra = 0
    max_num = 1
    fields = [("hr_low_bpm", "hr_high_bpm", "pause_s")]
    verbose_name = _("own limits (without them 50 to 120 per minute and 3 s hold)")


# patients must not know of limits, so the page of a patient is completed here.
admin.site.unregister(Patient)


@admin.register(Patient)
class PatientWithLimitsAdmin(PatientAdmin):
    """Patients, with their limits."""

    inlines = [*PatientAdmin.inlines, LimitsInline]


@admin.register(AlertRule)
class AlertRuleAdmin(StaffMayEdit, ModelAdmin):  # type: ignore[misc]
    """Who is mailed about which alarms."""

    form = AlertRuleForm
    list_display = ["name", "active", "alarms", "holds_for", "recipients", "after_min"]
    list_filter = ["active", "recipients"]
    list_select_related = ["ward", "patient"]
    search_fields = ["name"]
    autocomplete_fields = ["ward", "patient"]
    fieldsets = [
        (None, {"fields": [("name", "active")]}),
        (
            _("When this alarm is raised"),
            {"fields": ["rules", ("min_priority", "after_min")]},
        ),
        (_("for"), {"fields": [("ward", "patient")]}),
        (_("mail"), {"fields": ["recipients", "addresses", "dedupe_min"]}),
    ]

    @admin.display(description=_("alarms"))
    def alarms(self, rule: AlertRule) -> str:
        """Name the alarms in words."""
        words = dict(AlarmRule.choices)
        return ", ".join(str(words.get(name, name)) for name in rule.rules) or str(
            _("every one about the heart")
        )

    @admin.display(description=_("for"))
    def holds_for(self, rule: AlertRule) -> str:
        """Name the ward or the patient."""
        return str(rule.ward or rule.patient or _("everybody"))


@admin.register(Alarm)
class AlarmAdmin(GrowsForYears, ModelAdmin):  # type: ignore[misc]
    """Alarms, to look at. They are acknowledged where the trace can be seen."""

    list_display = ["onset_at", "patient", "rule", "priority", "state", "detail"]
    list_filter = [
        ("onset_at", DaysFilter),
        *("priority", "state", "rule", "late"),
    ]
    list_select_related = ["patient"]
    search_fields = ["patient__code", "detail"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Alarm]:
        """Show staff the technical ones; what the heart does is for doctors."""
        queryset: QuerySet[Alarm] = super().get_queryset(request)
        user = request.user
        if isinstance(user, User) and user.is_superuser:
            return queryset
        return queryset.filter(rule__in=TECHNICAL)


@admin.register(MailDelivery)
class MailDeliveryAdmin(GrowsForYears, ModelAdmin):  # type: ignore[misc]
    """Mails, and what the mail server said."""

    list_display = ["queued_at", "address", "patient_code", "state", "smtp_answer"]
    list_filter = [("queued_at", DaysFilter), "state"]
    list_select_related = ["alarm__patient", "alert_rule"]
    search_fields = ["address", "alarm__patient__code"]
    # Whether mail works is staff's business, what the alarm said is not.
    fields = [
        "address",
        "patient_code",
        "alert_rule",
        "state",
        "smtp_answer",
        "tries",
        "queued_at",
        "next_try_at",
        "sent_at",
        "message_id",
    ]

    @admin.display(description=_("patient"), ordering="alarm__patient__code")
    def patient_code(self, mail: MailDelivery) -> str:
        """Show the patient's code."""
        return mail.alarm.patient.code
