"""Every URL of the platform."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("admin/", admin.site.urls),
    path("api/v1/", include("devices.urls")),
    path("", include("patients.urls")),
    path("", include("telecardio.pages.urls")),
]
handler500 = "telecardio.pages.server_error.server_error"
