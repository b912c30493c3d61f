"""Patients and the wards they belong to."""

import secrets
import zoneinfo
from datetime import datetime
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from patients.models.user import User

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser


def random_key() -> str:
    """Return a name that cannot be guessed, for the patient's live stream."""
    return secrets.token_hex(12)


def validate_time_zone(name: str) -> None:
    """Refuse a name that the time zone database does not know."""
    if name not in zoneinfo.available_timezones():
        raise ValidationError(
            _("“%(name)s” is no time zone; use a name such as Europe/Berlin."),
            params={"name": name},
        )


# A hundred years; dates from before the first one cannot be told.
MOST_DAYS = 36_500


class Ward(models.Model):
    """A group of patients who are watched together."""

    name = models.CharField(_("name"), max_length=80, unique=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class PatientQuerySet(models.QuerySet["Patient"]):
    """Which patients somebody may know of."""

    def visible_to(self, user: "User | AnonymousUser") -> "PatientQuerySet":
        """Keep the patients whose identity ``user`` may see; none for a stranger."""
        if not isinstance(user, User) or not user.is_active:
            return self.none()
        if user.role == User.Role.STAFF:
            return self
        if user.role == User.Role.PATIENT:
            return self.filter(user=user)
        if user.role == User.Role.KIOSK:
            return self.filter(ward=user.ward) if user.ward else self.none()
        return self.filter(pk__in=user.care_team_memberships.values("patient_id"))

    def treated_by(self, user: User) -> "PatientQuerySet":
        """Keep the patients whom ``user``, a doctor, treats."""
        treats = user.care_team_memberships.filter(relation="treats")
        return self.visible_to(user).filter(pk__in=treats.values("patient_id"))

    def signal_visible_to(self, user: "User | AnonymousUser") -> "PatientQuerySet":
        """Keep the patients whose signal ``user`` may see: staff may not."""
        if getattr(user, "role", None) == User.Role.STAFF:
            return self.none()
        return self.visible_to(user)


class Patient(models.Model):
    """A person whose heart is watched."""

    class Sex(models.TextChoices):
        FEMALE = "F", _("female")
        MALE = "M", _("male")
        OTHER = "X", _("other")

    code = models.CharField(
        _("code"), max_length=20, unique=True, help_text=_("Printed on lists and mails")
    )
    first_name = models.CharField(_("first name"), max_length=80)
    last_name = models.CharField(_("last name"), max_length=80)
    birth_date = models.DateField(_("date of birth"), null=True, blank=True)
    sex = models.CharField(_("sex"), max_length=1, choices=Sex.choices, blank=True)
    indication = models.CharField(_("indication"), max_length=200, blank=True)
    drugs = models.CharField(_("drugs"), max_length=200, blank=True)
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="UTC", validators=[validate_time_zone]
    )
    ward = models.ForeignKey(
        Ward, models.SET_NULL, null=True, blank=True, related_name="patients"
    )
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        related_name="patient",
        help_text=_("The patient's own account"),
    )
    keep_days = models.PositiveIntegerField(
        _("keep signal for (days)"),
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_DAYS)],
        help_text=_(
            "Older signal and beats are removed for good; episodes, alarms and hourly "
            "figures stay. Empty: kept for ever."
        ),
    )
    live_key = models.CharField(
        max_length=24, unique=True, default=random_key, editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)

    objects = PatientQuerySet.as_manager()

    class Meta:
        ordering = ["code"]
        constraints = [
            models.CheckConstraint(condition=~Q(code=""), name="patient_code_not_empty")
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.full_name}"

    @property
    def full_name(self) -> str:
        """First and last name."""
        return f"{self.first_name} {self.last_name}"

    @property
    def initials(self) -> str:
        """First letters of both names, for wall screens and mail subjects."""
        return f"{self.first_name[:1]}{self.last_name[:1]}".upper()

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        """The patient's time zone."""
        return zoneinfo.ZoneInfo(self.time_zone)

    def age_years(self, *, now: datetime) -> int | None:
        """Full years of age on the patient's own calendar."""
        if self.birth_date is None:
            return None
        today = now.astimezone(self.zone).date()
        had_birthday = (today.month, today.day) >= (
            self.birth_date.month,
            self.birth_date.day,
        )
        return today.year - self.birth_date.year - (not had_birthday)
