"""Uploads as the ingest process takes them: on one event loop, stored together."""

import logging
from collections.abc import Mapping
from time import perf_counter

from django.conf import settings
from django.http import HttpResponse
from django.utils import timezone

from devices.api.authentication import UploadTokenAuthentication, digest_of
from devices.api.body_asgi import Body, Receive
from devices.api.gathering import Gathering
from devices.api.problems import problem_for
from devices.api.replies import reply
from devices.api.steps import count, decoder_of
from devices.api.trusted_tokens import trusted_tokens
from devices.log_context import note_for_log
from devices.services import Arrival

logger = logging.getLogger(__name__)

# Decoding more than this would keep other devices waiting.
_LONG_BODY_BYTES = 64 << 10


class Uploads:
    """The packets address of one process; it belongs to the loop that first asks."""

    def __init__(self) -> None:
        self._gathering = Gathering()

    async def answer(
        self, headers: Mapping[str, str], receive: Receive
    ) -> HttpResponse:
        """Decode, store, acknowledge; ``headers`` may be asked in any case."""
        began_s = perf_counter()
        told_bytes = headers.get("Content-Length", "")
        body = Body(receive, told_bytes, within_s=settings.MAX_PACKET_BODY_S)
        try:
            response = await self._answer(headers, body)
        except Exception as error:
            await body.drain()
            response = problem_for(error, {})
        if body.timed_out:
            # Nobody waits for the rest of it any more.
            response["Connection"] = "close"
        # While the server itself fails, each answer says the same.
        if 400 <= response.status_code < 500:
            code = getattr(response, "code", "")
            logger.warning("An upload got %d %s", response.status_code, code)
        count(response, took_s=perf_counter() - began_s)
        return response

    async def _answer(self, headers: Mapping[str, str], body: Body) -> HttpResponse:
        received_at = timezone.now()
        digest = digest_of(headers.get("Authorization", ""))
        token = trusted_tokens.find(digest)
        if token is None:
            look_up = UploadTokenAuthentication().look_up
            token = await self._gathering.apart(look_up, digest)
        note_for_log(device_id=token.device.serial)
        decode = decoder_of(headers)
        limit = settings.MAX_PACKET_BODY_BYTES
        with self._gathering.room_for(min(body.told_bytes, limit)):
            raw = await body.read(limit=limit)
        with self._gathering.counted(len(raw)):
            if len(raw) > _LONG_BODY_BYTES:
                decoded = await self._gathering.apart(decode, raw)
            else:
                decoded = decode(raw)
        arrival = Arrival(token.device, token, decoded.packets, received_at)
        stored = await self._gathering.store(arrival, decoded)
        return reply(decoded, stored, now=timezone.now())
