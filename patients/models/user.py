"""Accounts: people sign in with their email address."""

from typing import Any, ClassVar

from django.contrib.auth.models import AbstractUser, BaseUserManager
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _


class UserManager(BaseUserManager["User"]):
    """Create accounts by email address."""

    def create_user(
        self, email: str, password: str | None = None, **fields: Any
    ) -> "User":
        """Create an account; the address is stored in lower case."""
        if not email:
            message = "An account needs an email address."
            raise ValueError(message)
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(
        self, email: str, password: str | None = None, **fields: Any
    ) -> "User":
        """Create an administrator who may do everything in the admin."""
        fields |= {"is_staff": True, "is_superuser": True, "role": User.Role.STAFF}
        return self.create_user(email, password, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        """Find an account by address, in any case."""
        return self.get(email__iexact=username)


class User(AbstractUser):
    """One person (or one wall screen) with one role."""

    class Role(models.TextChoices):
        DOCTOR = "doctor", _("doctor")
        STAFF = "staff", _("staff")
        PATIENT = "patient", _("patient")
        KIOSK = "kiosk", _("wall screen")

    username = None  # type: ignore[assignment]
    email = models.EmailField(_("email address"), unique=True)
    role = models.CharField(_("role"), max_length=10, choices=Role.choices)
    # Only for a wall screen: the ward whose patients it shows.
    ward = models.ForeignKey(
        "patients.Ward", models.SET_NULL, null=True, blank=True, related_name="screens"
    )

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("email"),
                name="user_email_unique",
                violation_error_message=_("This address has an account already."),
            )
        ]

    def __str__(self) -> str:
        return self.get_full_name() or self.email
