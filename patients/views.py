"""Signing in and out."""

from django.contrib.auth.views import LoginView, LogoutView

from patients.forms import SignInForm


class SignInView(LoginView):
    """Sign in; an address in ``next`` on another host is ignored."""

    authentication_form = SignInForm
    redirect_authenticated_user = True


class SignOutView(LogoutView):
    """Sign out, by POST only."""
