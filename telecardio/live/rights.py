"""Whose signal a socket may carry, asked anew each time."""

from importlib import import_module

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY, SESSION_KEY
from django.utils.crypto import constant_time_compare

from patients.models import Patient, User

# A patient's own page shows labels only once they are reviewed, and staff see no
# signal: neither watches the raw live stream.
WATCHING_ROLES = (User.Role.DOCTOR, User.Role.KIOSK)


def user_of_session(session_key: str | None) -> User | None:
    """Return who is signed in now; None after logout, expiry or deactivation."""
    if not session_key:
        return None
    engine = import_module(settings.SESSION_ENGINE)
    data = engine.SessionStore(session_key).load()
    user = User.objects.filter(pk=data.get(SESSION_KEY), is_active=True).first()
    if user is None:
        return None
    # The same test as for pages: a changed password ends every session.
    expected = user.get_session_auth_hash()
    found = data.get(HASH_SESSION_KEY, "")
    return user if constant_time_compare(found, expected) else None


def watchable(user: User, patient_ids: list[int]) -> dict[int, str]:
    """Map those patients whose signal ``user`` may see to their live keys."""
    if user.role not in WATCHING_ROLES or not patient_ids:
        return {}
    allowed = Patient.objects.signal_visible_to(user).filter(pk__in=patient_ids)
    return dict(allowed.values_list("pk", "live_key"))
