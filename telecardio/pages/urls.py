"""The pages. A page is found by its name, never by its path."""

from django.urls import URLPattern, path

from telecardio.pages import demo_mails, home, portal, record, upload

urlpatterns: list[URLPattern] = [
    path("", home.home, name="home"),
    path("me/", portal.portal, name="portal"),
    path("me/status/", portal.portal_state, name="portal-status"),
    path("demo/mails/", demo_mails.demo_mails, name="demo-mails"),
    path("records/upload/", upload.upload, name="upload"),
    path("records/<int:pk>/", record.record, name="record"),
    path("records/<int:pk>/progress/", record.record_progress, name="record-progress"),
    path("records/<int:pk>/window/", record.record_window, name="record-window"),
]
