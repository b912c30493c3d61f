"""The platform's settings for the bare view: no middleware, no other address."""

from telecardio.settings import *  # noqa: F403
from telecardio.settings import DATABASES

MIDDLEWARE: list[str] = []
ROOT_URLCONF = "bench.ingest.bare_view"
# One statement per request: none asks whether the connection still works.
DATABASES["default"]["CONN_HEALTH_CHECKS"] = False
