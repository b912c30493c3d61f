"""URLs of signing in and out, and of one's own password."""

from django.urls import URLPattern, path

from patients.views import PasswordView, SignInView, SignOutView

urlpatterns: list[URLPattern] = [
    path("login/", SignInView.as_view(), name="login"),
    path("logout/", SignOutView.as_view(), name="logout"),
    path("password/", PasswordView.as_view(), name="password"),
]
