"""Forms with which staff say who is mailed, and set limits."""

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminTextareaWidget,
)

from inference.models import AlertRule, PatientLimits
from inference.models.alarm import AlarmRule


class AddressLines(forms.CharField):
    """Email addresses, one a line."""

    widget = UnfoldAdminTextareaWidget(attrs={"rows": 4})

    def prepare_value(self, value: Any) -> Any:
        """Show a list as lines."""
        return "\n".join(value) if isinstance(value, list) else value

    def to_python(self, value: Any) -> Any:
        """Read lines; commas and semicolons part addresses too."""
        text = str(value or "").replace(",", "\n").replace(";", "\n")
        return [line.strip() for line in text.splitlines() if line.strip()]

    def validate(self, value: Any) -> None:
        """Name the addresses that are none."""
        super().validate(value)
        wrong = []
        for address in value:
            try:
                validate_email(address)
            except ValidationError:
                wrong.append(address)
        if wrong:
            raise ValidationError(
                _("No email address: %(wrong)s"), params={"wrong": ", ".join(wrong)}
            )

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Compare lists, not lines."""
        return bool(list(initial or []) != self.to_python(data))


class AlertRuleForm(forms.ModelForm):  # type: ignore[type-arg]
    """An alert rule, with alarms to tick."""

    rules = forms.MultipleChoiceField(
        label=_("Alarms"),
        choices=AlarmRule.choices,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=AlertRule._meta.get_field("rules").help_text,
    )
    addresses = AddressLines(
        label=_("Addresses"), required=False, help_text=_("One a line.")
    )

    class Meta:
        model = AlertRule
        fields = (
            "name",
            "active",
            "rules",
            "min_priority",
            "after_min",
            "ward",
            "patient",
            "recipients",
            "addresses",
            "dedupe_min",
        )
        help_texts = {
            "ward": _("With neither ward nor patient the rule holds for everybody."),
        }

    def clean(self) -> dict[str, Any] | None:
        """Refuse a rule for a ward and a patient at once."""
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("ward") and cleaned.get("patient"):
            self.add_error("patient", _("Choose a ward or a patient, not both."))
        return cleaned


class LimitsForm(forms.ModelForm):  # type: ignore[type-arg]
    """A patient's own limits."""

    class Meta:
        model = PatientLimits
        fields = ("hr_low_bpm", "hr_high_bpm", "pause_s")

    def clean(self) -> dict[str, Any] | None:
        """Refuse limits that cross."""
        cleaned = super().clean() or self.cleaned_data
        low, high = cleaned.get("hr_low_bpm"), cleaned.get("hr_high_bpm")
        if low is not None and high is not None and low >= high:
            self.add_error("hr_high_bpm", _("It must be above the low limit."))
        return cleaned
