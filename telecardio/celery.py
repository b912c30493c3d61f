"""The Celery application and its schedule."""

import os

from celery import Celery
from celery.signals import beat_init, celeryd_init

from telecardio.servers import ensure_servers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "telecardio.settings")
app = Celery("telecardio")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


# Only a worker or beat needs the servers at once; importing this module, as
# every process does to publish tasks, must not start them.
@celeryd_init.connect
@beat_init.connect
def start_servers(**_: object) -> None:
    """Start the embedded servers before the first task or tick."""
    ensure_servers()
