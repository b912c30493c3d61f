"""URLs of signing in and out."""

from django.urls import URLPattern, path

from patients.views import SignInView, SignOutView

urlpatterns: list[URLPattern] = [
    path("login/", SignInView.as_view(), name="login"),
    path("logout/", SignOutView.as_view(), name="logout"),
]
