"""Signs of life: kept in PostgreSQL, so that they are read while Redis is away."""

from datetime import datetime, timedelta

from django.db import connection

from inference.models.life_sign import Part

# A sign is not written again for this long, however many processes show it.
KEEP = timedelta(seconds=5)
# One statement that writes seldom: tasks run several times a second.
_SHOW = """
INSERT INTO inference_lifesign (part, at) VALUES (%(part)s, %(now)s)
ON CONFLICT (part) DO UPDATE SET at = EXCLUDED.at
WHERE inference_lifesign.at <= %(before)s OR inference_lifesign.at > %(now)s
"""


def show_life(part: Part, *, now: datetime) -> None:
    """Note that ``part`` works now; the watchdog misses it after 30 s without.

    A sign from a time to come is of a clock that was set back since.
    """
    with connection.cursor() as cursor:
        cursor.execute(_SHOW, {"part": part.value, "now": now, "before": now - KEEP})
