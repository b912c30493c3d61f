"""The WSGI application: the ingest process serves the device API with it."""

import os

from django.core.wsgi import get_wsgi_application

from telecardio.servers import ensure_servers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "telecardio.settings")
ensure_servers()
application = get_wsgi_application()

# These import models, so the applications must be loaded first.
from devices.live_writer import start_live_writer  # noqa: E402
from inference.models.life_sign import Part  # noqa: E402
from telecardio.operations.reporting import start_reporting  # noqa: E402

start_reporting(part=Part.INGEST)
start_live_writer()
