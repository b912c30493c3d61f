"""The alert rules of a new installation."""

from inference.models import AlarmRule, AlertRule


def ensure_default_alert_rules() -> None:
    """Create the default alert rules where there is no alert rule at all.

    What staff changes, switches off or deletes all but one of, stays as it is.
    """
    if AlertRule.objects.exists():
        return
    AlertRule.objects.create(
        name="Heart alarms, medium and high: the care team",
        recipients=AlertRule.Recipients.CARE_TEAM,
    )
    for minutes in (15, 30):
        AlertRule.objects.create(
            name=f"No data for {minutes} min: the first treating doctor",
            rules=[AlarmRule.NO_DATA],
            min_priority=1,
            after_min=minutes,
            recipients=AlertRule.Recipients.FIRST_TREATING,
            dedupe_min=10,
        )
