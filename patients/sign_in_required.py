"""Send whoever is not signed in to where they sign in."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.translation import gettext as _

SAFE_METHODS = ("GET", "HEAD", "OPTIONS")


class SignInRequired(LoginRequiredMiddleware):
    """As Django's; but a form that was sent leads back to its page.

    Its own address often takes POST alone, and what was sent is gone.
    """

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponseRedirect:
        """Say that nothing was saved, and ask to sign in."""
        is_form = request.headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
        if request.method in SAFE_METHODS or not is_form:
            return super().handle_no_permission(request, view_func)
        words = _("You were signed out, so nothing was saved: sign in and do it again.")
        messages.warning(request, words)
        page = urlsplit(request.headers.get("Referer", ""))
        here = page.path if page.netloc == request.get_host() else ""
        return redirect_to_login(here or resolve_url("home"))
