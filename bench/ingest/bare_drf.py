"""The WSGI application of the bare view."""

from django.core.wsgi import get_wsgi_application

from devices.live_writer import start_live_writer

application = get_wsgi_application()
# As the platform's ingest process does; granian imports this in each of its own.
start_live_writer()
