"""The pages. A page is found by its name, never by its path."""

from django.urls import URLPattern, path

from telecardio.pages import demo_mails, home, portal

urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
    path("me/", portal.portal, name="portal"),
    path("me/status/", portal.portal_state, name="portal-status"),
    path("demo/mails/", demo_mails.demo_mails, name="demo-mails"),
]
