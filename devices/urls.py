"""Addresses of the device API, under ``/api/v1/``."""

from django.urls import path, re_path

from devices.api.base import UnknownAddressView
from devices.api.device import DeviceView
from devices.api.packets import PacketsView

urlpatterns = [
    path("packets", PacketsView.as_view(), name="packets"),
    path("device", DeviceView.as_view(), name="device"),
    re_path(r"", UnknownAddressView.as_view()),
]
