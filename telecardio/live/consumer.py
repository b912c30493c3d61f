"""The socket of the wall and of the patient page.

The client says ``{"watch": [ids], "since": {id: stream id}}`` whenever what it shows
changes, and may say ``{"ping": n}``. The server sends binary frames (``frames.py``)
and JSON texts whose ``type`` is ``hello``, ``watching`` (with ``refused``),
``state``, ``source``, ``dropped``, ``pong`` or ``error``. While PostgreSQL is away it
closes with 1013; the page says so and tries again.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Coroutine, Sequence
from typing import Any

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from devices.database_away import is_away, note_away
from patients.models import User
from patients.services import log_accesses
from telecardio.live.frames import StreamId
from telecardio.live.metrics import FRAMES_DROPPED, FRAMES_SENT, VIEWERS
from telecardio.live.reader import LiveReader, is_cancelled, process_reader
from telecardio.live.rights import user_of_session, watchable
from telecardio.live.viewer import Entry, Viewer

logger = logging.getLogger(__name__)

NOT_SIGNED_IN = 4401
GOING_AWAY = 1011
# The database is away: rights cannot be asked for, so nothing may be shown.
TRY_AGAIN = 1013
MAX_WATCHED = 256
# A page of the wall; what its patients' streams hold comes in one answer.
FILLED_AT_ONCE = 32
NOT_AN_OBJECT = 'Send a JSON object such as {"watch": [1, 2]}.'
# The first entry after a quiet moment goes out at once; then one message per gap.
COALESCE_S = 0.05


class LiveConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]
    """Pushes the live traces of the patients that its viewer may see."""

    # No layer: nothing is sent to this socket through one, and waiting for a
    # message of the layer would end the socket whenever Redis goes away.
    channel_layer_alias = ""
    rights_interval_s = 10.0
    capacity = 512

    reader: LiveReader
    viewer: Viewer
    _tasks: Sequence[asyncio.Task[None]] = ()

    async def __call__(self, *given: Any) -> None:
        """Serve one socket. Who leaves while we talk is no more told to disconnect."""
        try:
            await super().__call__(*given)
        finally:
            self._leave()

    async def connect(self) -> None:
        """Let signed-in people in; others get close code 4401."""
        self.viewer = Viewer(capacity=self.capacity)
        self._told_dropped = 0
        await self.accept()
        try:
            user = await self._user()
        except (DatabaseError, InterfaceError) as error:
            await self._close_after(error)
            return
        if user is None:
            await self.close(code=NOT_SIGNED_IN)
            return
        self.reader = process_reader()
        await self._say({"type": "hello", "now_ms": _now_ms()})
        await self.send(text_data=self.reader.source_note())
        VIEWERS.inc()
        self._tasks = [
            asyncio.create_task(self._or_close(self._push())),
            asyncio.create_task(self._or_close(self._keep_checking())),
        ]

    async def disconnect(self, code: int) -> None:
        """Stop reading for this viewer."""
        self._leave()

    def _leave(self) -> None:
        tasks, self._tasks = self._tasks, ()
        if not tasks:
            return
        VIEWERS.dec()
        for task in tasks:
            task.cancel()
        for patient in self.viewer.patients:
            self._forget(patient)

    async def _or_close(self, work: Coroutine[Any, Any, None]) -> None:
        """Close on an unexpected error: the page connects again and resumes."""
        try:
            await work
        except Exception as error:
            await self._close_after(error)

    async def _close_after(self, error: Exception) -> None:
        code = GOING_AWAY
        if is_away(error):
            note_away(error)
            code = TRY_AGAIN
        elif isinstance(error, OSError):
            # The server raises one when the client has gone meanwhile.
            logger.info("A live socket is closed: %r", error)
        else:
            logger.error("A live socket is closed after an error", exc_info=error)
        with contextlib.suppress(RuntimeError, OSError):
            await self.close(code=code)

    async def receive(
        self, text_data: str | None = None, bytes_data: bytes | None = None
    ) -> None:
        """Obey a message of the client."""
        if not self._tasks:
            return
        try:
            message = json.loads(text_data or "")
            if not isinstance(message, dict):
                raise TypeError(NOT_AN_OBJECT)
            if "ping" in message:
                pong = {"type": "pong", "ping": message["ping"], "now_ms": _now_ms()}
                await self._say(pong)
            if "watch" in message:
                wanted, since = _watch_list(message)
                await self._watch(wanted, since)
        except (ValueError, TypeError, AttributeError, OverflowError) as error:
            await self._say({"type": "error", "message": str(error)[:200]})
        except (DatabaseError, InterfaceError) as error:
            await self._close_after(error)

    # --- rights -----------------------------------------------------------------

    async def _user(self) -> User | None:
        session = self.scope.get("session")
        key = session.session_key if session is not None else None
        user: User | None = await database_sync_to_async(user_of_session)(key)
        return user

    async def _allowed(self, user: User, wanted: list[int]) -> dict[int, str]:
        """Map the visible ones of ``wanted`` to live keys."""
        allowed: dict[int, str] = await database_sync_to_async(watchable)(user, wanted)
        return allowed

    async def _watch(self, wanted: list[int], since: dict[int, StreamId]) -> None:
        user = await self._user()
        if user is None:
            await self._sign_out()
            return
        allowed = await self._allowed(user, wanted)
        new = allowed.keys() - self.viewer.patients
        if new:
            await database_sync_to_async(log_accesses)(
                user=user, patient_ids=new, action="live trace", now=timezone.now()
            )
        for patient in self.viewer.patients - allowed.keys():
            self._forget(patient)
        for patient in wanted:
            if patient in allowed and patient not in self.viewer.patients:
                self.reader.add(self.viewer, patient, allowed[patient])
                self.viewer.watch(patient, since.get(patient))
        # A patient that does not exist and one that may not be seen look alike.
        refused = [patient for patient in wanted if patient not in allowed]
        await self._say_watching(refused)

    async def _keep_checking(self) -> None:
        """Take away what the viewer may not see any more."""
        while True:
            await asyncio.sleep(self.rights_interval_s)
            watched = sorted(self.viewer.patients)
            user = await self._user()
            if user is None:
                await self._sign_out()
                return
            allowed = await self._allowed(user, watched)
            refused = [patient for patient in watched if patient not in allowed]
            for patient in refused:
                self._forget(patient)
            if refused:
                await self._say_watching(refused)

    def _forget(self, patient: int) -> None:
        self.viewer.forget(patient)
        self.reader.remove(self.viewer, patient)

    async def _sign_out(self) -> None:
        for patient in self.viewer.patients:
            self._forget(patient)
        await self.close(code=NOT_SIGNED_IN)

    # --- sending ------------------------------------------------------------------

    async def _push(self) -> None:
        """Send what the reader offers, coalesced."""
        while not is_cancelled():
            await self.viewer.wake.wait()
            self.viewer.wake.clear()
            filling = self.viewer.start_filling()
            for first in range(0, len(filling), FILLED_AT_ONCE):
                past = await self.reader.past(filling[first : first + FILLED_AT_ONCE])
                for patient, entries in past.items():
                    await self._send_entries(self.viewer.filled(patient, entries))
            notes, entries = self.viewer.take()
            for note in notes:
                await self.send(text_data=note)
            await self._send_entries(entries)
            if self.viewer.dropped != self._told_dropped:
                FRAMES_DROPPED.inc(self.viewer.dropped - self._told_dropped)
                self._told_dropped = self.viewer.dropped
                await self._say({"type": "dropped", "count": self._told_dropped})
            await asyncio.sleep(COALESCE_S)

    async def _send_entries(self, entries: list[Entry]) -> None:
        FRAMES_SENT.inc(len(entries))
        frames = [e.payload for e in entries if isinstance(e.payload, bytes)]
        if frames:
            await self.send(bytes_data=b"".join(frames))
        for entry in entries:
            if isinstance(entry.payload, str):
                await self.send(text_data=entry.payload)

    async def _say(self, message: dict[str, Any]) -> None:
        # A socket that closes meanwhile is told nothing more.
        with contextlib.suppress(RuntimeError, OSError):
            await self.send(text_data=json.dumps(message))

    async def _say_watching(self, refused: list[int]) -> None:
        watching = sorted(self.viewer.patients)
        await self._say({"type": "watching", "watch": watching, "refused": refused})


def _watch_list(message: dict[str, Any]) -> tuple[list[int], dict[int, StreamId]]:
    wanted = list(dict.fromkeys(int(patient) for patient in message["watch"]))
    if len(wanted) > MAX_WATCHED:
        error = f"Watch at most {MAX_WATCHED} patients at once."
        raise ValueError(error)
    if any(not 0 < patient < 1 << 63 for patient in wanted):
        error = "A patient id is a positive number."
        raise ValueError(error)
    since = message.get("since") or {}
    return wanted, {int(k): StreamId.parse(v) for k, v in since.items() if v}


def _now_ms() -> int:
    return round(time.time() * 1000)
