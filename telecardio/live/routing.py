"""WebSocket URLs."""

from django.urls import URLPattern, path

from telecardio.live.consumer import LiveConsumer

websocket_urlpatterns: list[URLPattern] = [path("ws/live/", LiveConsumer.as_asgi())]
