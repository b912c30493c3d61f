"""The WSGI application of the bare view."""

from django.core.wsgi import get_wsgi_application

application = get_wsgi_application()
