"""Who is mailed about a patient, and who may be."""

from inference.alarm_rules import TECHNICAL_RULES
from inference.models import Alarm, AlertRule
from patients.access import Right, rights_of
from patients.models import CareTeamMember, User


def addresses_for(rule: AlertRule, alarm: Alarm) -> list[str]:
    """Return the addresses that ``rule`` names for an alarm and that may know of it."""
    if rule.recipients == AlertRule.Recipients.ADDRESSES:
        named = [address.lower() for address in rule.addresses]
        return [one for one in dict.fromkeys(named) if may_be_mailed(one, alarm)]
    team = CareTeamMember.objects.filter(
        patient=alarm.patient, user__is_active=True, user__role=User.Role.DOCTOR
    ).order_by("created_at", "pk")
    if rule.recipients != AlertRule.Recipients.CARE_TEAM:
        team = team.filter(relation=CareTeamMember.Relation.TREATS)
    addresses = list(team.values_list("user__email", flat=True))
    if rule.recipients == AlertRule.Recipients.FIRST_TREATING:
        return addresses[:1]
    return addresses


def may_see_signal(address: str, alarm: Alarm) -> bool:
    """Tell whether a mail to ``address`` may show the signal: not to staff."""
    user = _account(address)
    return user is None or Right.SIGNAL in rights_of(user, alarm.patient)


def may_be_mailed(address: str, alarm: Alarm) -> bool:
    """Tell whether mail about ``alarm`` may go to ``address``.

    Whoever has an account must be active and able to see the alarm on the patient's
    page: doctors of the care team, of technical ones staff as well, and never the
    patients themselves. An address without an account is one that the administrator
    wrote into a rule.
    """
    user = _account(address)
    if user is None:
        return True
    rights = rights_of(user, alarm.patient)
    is_technical = alarm.rule in TECHNICAL_RULES
    return Right.ALARMS in rights or (is_technical and Right.ENROL in rights)


def _account(address: str) -> User | None:
    return User.objects.filter(email__iexact=address).first()
