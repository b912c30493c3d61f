"""Signing in and out, and one's own password."""

from django.contrib import messages
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.http import HttpResponse
from django.urls import reverse_lazy
from django.utils.translation import gettext as _

from patients.forms import SignInForm
from patients.models import User


class SignInView(LoginView):
    """Sign in; an address in ``next`` on another host is ignored."""

    authentication_form = SignInForm
    redirect_authenticated_user = True


class SignOutView(LogoutView):
    """Sign out, by POST only."""


class PasswordView(PasswordChangeView):
    """Change one's own password; every other session of the account ends."""

    template_name = "registration/password.html"
    success_url = reverse_lazy("password")

    def form_valid(self, form: "SetPasswordForm[User]") -> HttpResponse:
        """Say that it is done."""
        response = super().form_valid(form)
        messages.success(self.request, _("Your password is changed."))
        return response
