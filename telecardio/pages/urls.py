"""The pages. A page is found by its name, never by its path."""

from django.urls import URLPattern, path

from telecardio.pages import home

urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
]
