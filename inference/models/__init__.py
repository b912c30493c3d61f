"""What we say about the signal, and whom we tell."""

from inference.models.alarm import Alarm, AlarmChange, AlarmRule
from inference.models.alert_rule import AlertRule
from inference.models.analysis import AnalysisState, BeatBlock, Checkpoint
from inference.models.episode import Episode
from inference.models.hour_summary import HourSummary
from inference.models.life_sign import LifeSign
from inference.models.limits import PatientLimits
from inference.models.mail import MailDelivery
from inference.models.reanalysis import Reanalysis
from inference.models.redating import Redating

__all__ = [
    "Alarm",
    "AlarmChange",
    "AlarmRule",
    "AlertRule",
    "AnalysisState",
    "BeatBlock",
    "Checkpoint",
    "Episode",
    "HourSummary",
    "LifeSign",
    "MailDelivery",
    "PatientLimits",
    "Reanalysis",
    "Redating",
]
