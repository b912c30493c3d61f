"""Devices that sample and upload."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _


class Device(models.Model):
    """One physical device; its serial number is one device for ever."""

    serial = models.CharField(_("serial number"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=80, blank=True)
    # What the device is told to do; a change raises the version it polls for.
    config_version = models.PositiveIntegerField(default=1, editable=False)
    fs = models.PositiveIntegerField(
        _("sampling frequency (Hz)"),
        default=250,
        validators=[MinValueValidator(100), MaxValueValidator(1000)],
    )
    upload_interval_s = models.FloatField(
        _("upload interval (s)"),
        default=1.0,
        # After 30 s without a packet it counts as silent.
        validators=[MinValueValidator(0.1), MaxValueValidator(10)],
    )
    notch_hz = models.PositiveSmallIntegerField(
        _("mains notch (Hz)"), default=50, choices=[(50, "50"), (60, "60")]
    )
    retired_at = models.DateTimeField(_("retired at"), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # What the device said of itself in its latest packet.
    last_seen_at = models.DateTimeField(null=True, editable=False)
    battery_percent = models.PositiveSmallIntegerField(null=True, editable=False)
    rssi_dbm = models.SmallIntegerField(null=True, editable=False)
    firmware = models.CharField(max_length=40, blank=True, editable=False)
    backlog = models.PositiveIntegerField(null=True, editable=False)

    class Meta:
        ordering = ["serial"]

    def __str__(self) -> str:
        return self.name or self.serial
