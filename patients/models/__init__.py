"""Who is here, and who may look at whom."""

from patients.models.access_log import AccessLog
from patients.models.care_team import CareTeamMember
from patients.models.patient import Patient, Ward
from patients.models.user import User

__all__ = ["AccessLog", "CareTeamMember", "Patient", "User", "Ward"]
