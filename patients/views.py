"""Signing in and out, and one's own password."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.forms import AuthenticationForm, PasswordChangeForm
from django.contrib.auth.views import LoginView, LogoutView, PasswordChangeView
from django.http import HttpRequest, HttpResponse
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django_htmx.http import HttpResponseClientRedirect
from django_htmx.middleware import HtmxDetails

from patients.forms import SignInForm
from patients.models import User

KIOSK_SESSION_S = 90 * 86400


class SignInView(LoginView):
    """Sign in; an address in ``next`` on another host is ignored."""

    authentication_form = SignInForm
    redirect_authenticated_user = True

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Take the whole page here, if a part of it asked after the session ended."""
        htmx: HtmxDetails = request.htmx  # type: ignore[attr-defined]
        if htmx:
            query = urlencode({"next": htmx.current_url_abs_path or "/"})
            return HttpResponseClientRedirect(f"{request.path}?{query}")
        return super().get(request, *args, **kwargs)

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        """Keep a screen in a ward signed in: nobody stands there to do it again."""
        response = super().form_valid(form)
        user = form.get_user()
        if isinstance(user, User) and user.role == User.Role.KIOSK:
            self.request.session.set_expiry(KIOSK_SESSION_S)
        return response


@method_decorator(login_not_required, name="dispatch")
class SignOutView(LogoutView):
    """Sign out, by POST only; also who is signed out already."""


class PasswordView(PasswordChangeView):
    """Change one's own password; every other session of the account ends."""

    template_name = "registration/password.html"
    success_url = reverse_lazy("password")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        """Say that it is done."""
        response = super().form_valid(form)
        messages.success(self.request, _("Your password is changed."))
        return response
