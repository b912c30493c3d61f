"""The ASGI application: pages over HTTP, live traces over WebSocket."""

import os
from typing import Any

import django
from django.conf import settings

from telecardio.servers import ensure_servers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "telecardio.settings")
if not settings.configured:
    # Under ASGI every request has a thread of its own.
    os.environ.setdefault("SHARE_CONNECTIONS", "true")
ensure_servers()
django.setup(set_prefix=False)

# These import models, so the applications must be loaded first.
from channels.routing import ProtocolTypeRouter, URLRouter  # noqa: E402
from channels.security.websocket import AllowedHostsOriginValidator  # noqa: E402
from channels.sessions import SessionMiddlewareStack  # noqa: E402

from telecardio.live.routing import websocket_urlpatterns  # noqa: E402
from telecardio.operations.body_limit import BodyLimit  # noqa: E402
from telecardio.operations.ending import (  # noqa: E402
    Receive,
    Send,
    answer_lifespan,
)
from telecardio.operations.pages_handler import PagesHandler  # noqa: E402
from telecardio.operations.reporting import start_reporting  # noqa: E402
from telecardio.pages.upload_allowance import allowance  # noqa: E402

start_reporting()


async def lifespan(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Do what is to be done when the server ends."""
    await answer_lifespan(receive, send)


application = ProtocolTypeRouter(
    {
        "lifespan": lifespan,
        "http": BodyLimit(PagesHandler(), allowance),
        # Who it is the consumer asks itself, again and again; it can say in words that
        # the database is away, which a failed handshake cannot.
        "websocket": AllowedHostsOriginValidator(
            SessionMiddlewareStack(URLRouter(websocket_urlpatterns))
        ),
    }
)
