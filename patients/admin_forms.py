"""Forms with which staff keep accounts and patients."""

import zoneinfo
from datetime import date, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from unfold.forms import UserChangeForm, UserCreationForm
from unfold.widgets import UnfoldAdminSelect2Widget

from patients.models import Patient, User

WARD_HELP = _("Only for a wall screen: the ward whose patients it shows.")


class _RoleRules(forms.ModelForm):  # type: ignore[type-arg]
    """What a role needs beside it."""

    def clean(self) -> dict[str, Any] | None:
        """Ask for the ward of a wall screen; nobody else has one."""
        cleaned = super().clean() or self.cleaned_data
        role = cleaned.get("role", self.instance.role)
        if role != User.Role.KIOSK:
            cleaned["ward"] = None
        elif not cleaned.get("ward"):
            self.add_error("ward", _("Choose the ward that this wall screen shows."))
        return cleaned

    def clean_email(self) -> str:
        """Keep addresses in lower case, so that each has one account."""
        email: str = self.cleaned_data["email"].lower()
        if User.objects.filter(email__iexact=email).exclude(pk=self.instance.pk):
            raise forms.ValidationError(_("This address has an account already."))
        return email


class AccountCreationForm(_RoleRules, UserCreationForm):  # type: ignore[misc]
    """A new account."""

    class Meta:
        model = User
        fields = ("email", "first_name", "last_name", "role", "ward")
        field_classes: dict[str, Any] = {}
        help_texts = {"ward": WARD_HELP}


class AccountChangeForm(_RoleRules, UserChangeForm):  # type: ignore[misc]
    """An account that exists."""

    class Meta:
        model = User
        fields = ("email", "first_name", "last_name", "role", "ward", "is_active")
        field_classes: dict[str, Any] = {}
        help_texts = {"ward": WARD_HELP}


def _time_zones() -> list[tuple[str, str]]:
    names = sorted(zoneinfo.available_timezones())
    return [(name, name.replace("_", " ")) for name in names]


class PatientForm(forms.ModelForm):  # type: ignore[type-arg]
    """A patient; the time zone is chosen, not typed."""

    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=_time_zones,
        widget=UnfoldAdminSelect2Widget,
        initial="UTC",
        help_text=_("Days, nights and reports follow it."),
    )

    class Meta:
        model = Patient
        fields = (
            "code",
            "first_name",
            "last_name",
            "birth_date",
            "sex",
            "indication",
            "drugs",
            "time_zone",
            "ward",
            "user",
            "keep_days",
        )

    def clean_birth_date(self) -> date | None:
        """Refuse a day that has come nowhere yet."""
        born: date | None = self.cleaned_data["birth_date"]
        if born is not None and born > timezone.now().date() + timedelta(days=1):
            raise forms.ValidationError(_("This day has not come yet."))
        return born

    def clean_user(self) -> User | None:
        """Refuse an account that would open somebody else's page."""
        user: User | None = self.cleaned_data["user"]
        if user is not None and user.role != User.Role.PATIENT:
            raise forms.ValidationError(_("Choose an account whose role is patient."))
        return user
