"""Mails about alarms, one row per recipient."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from inference.models.alarm import Alarm
from inference.models.alert_rule import AlertRule


class MailDelivery(models.Model):
    """One mail to one address about one alarm."""

    class State(models.TextChoices):
        QUEUED = "queued", _("queued")
        SENT = "sent", _("sent")
        FAILED = "failed", _("failed")

    alarm = models.ForeignKey(Alarm, models.CASCADE, related_name="mails")
    alert_rule = models.ForeignKey(
        AlertRule, models.SET_NULL, null=True, related_name="mails"
    )
    address = models.EmailField()
    # The step of the alert rule: minutes after the onset.
    after_min = models.PositiveSmallIntegerField(default=0)
    # The same for every try, so that mail programs collapse a duplicate.
    message_id = models.CharField(max_length=120)
    state = models.CharField(max_length=6, choices=State.choices, default=State.QUEUED)
    smtp_answer = models.CharField(max_length=300, blank=True)
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True)
    queued_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["alarm", "address", "after_min"],
                name="mail_once_per_alarm_address_step",
            )
        ]
        indexes = [
            models.Index(
                fields=["next_try_at"],
                condition=models.Q(state="queued"),
                name="mail_due",
            ),
            models.Index(
                fields=["next_try_at"],
                condition=models.Q(state="failed"),
                name="mail_failed",
            ),
            models.Index(fields=["address", "sent_at"], name="mail_address_sent"),
            models.Index(fields=["queued_at"], name="mail_queued"),
        ]

    def __str__(self) -> str:
        return f"{self.address} {self.state}"
