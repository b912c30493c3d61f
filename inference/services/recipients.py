"""Who is mailed about a patient, and who may be."""

from inference.models import AlertRule
from patients.access import Right, rights_of
from patients.models import CareTeamMember, Patient, User


def addresses_for(rule: AlertRule, patient: Patient) -> list[str]:
    """Return the addresses that ``rule`` names for ``patient`` and that may know."""
    if rule.recipients == AlertRule.Recipients.ADDRESSES:
        named = [address.lower() for address in rule.addresses]
        return [a for a in dict.fromkeys(named) if may_be_mailed(a, patient)]
    team = CareTeamMember.objects.filter(
        patient=patient, user__is_active=True, user__role=User.Role.DOCTOR
    ).order_by("created_at", "pk")
    if rule.recipients != AlertRule.Recipients.CARE_TEAM:
        team = team.filter(relation=CareTeamMember.Relation.TREATS)
    addresses = list(team.values_list("user__email", flat=True))
    if rule.recipients == AlertRule.Recipients.FIRST_TREATING:
        return addresses[:1]
    return addresses


def may_be_mailed(address: str, patient: Patient) -> bool:
    """Tell whether mail about ``patient`` may go to ``address``.

    Whoever has an account must be active and able to see the patient's alarms, which
    patients themselves are not. An address without an account is one that the
    administrator wrote into a rule.
    """
    user = User.objects.filter(email__iexact=address).first()
    if user is None:
        return True
    return Right.ALARMS in rights_of(user, patient)
