"""Signing in."""

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from patients import throttle


class SignInForm(AuthenticationForm):
    """Email address and password, with a limit on guesses."""

    error_messages = {
        "invalid_login": _(
            "This email address and password do not belong together. "
            "Capital letters matter in the password."
        ),
        "inactive": _("This account is closed."),
        "too_many": _("Too many tries. Wait %(minutes)s minutes, then try again."),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget = forms.EmailInput(
            # Password managers look for "username", also where it is an address.
            attrs={"autocomplete": "username", "autofocus": True, "maxlength": 254}
        )

    def clean(self) -> dict[str, Any]:
        """Refuse more than a few tries, before the password is looked at."""
        email = self.cleaned_data.get("username", "")
        assert self.request is not None
        if email and not throttle.count_try(self.request, email):
            raise ValidationError(
                self.error_messages["too_many"],
                code="too_many",
                params={"minutes": throttle.WINDOW_S // 60},
            )
        cleaned = super().clean()
        throttle.forget_tries(self.request, email)
        return cleaned
