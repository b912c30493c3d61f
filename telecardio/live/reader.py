"""One reader per web process over all Redis Streams that its viewers watch."""

import asyncio
import contextlib
import json
import logging
import secrets
import time
from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from django.conf import settings
from redis.asyncio import Redis
from redis.exceptions import RedisError

from devices.database_away import is_away, note_away
from devices.live import live_stream_key
from telecardio.live.entries import read_entry
from telecardio.live.frames import StreamId
from telecardio.live.stored import from_epoch_ms, stored_entries
from telecardio.live.viewer import Entry, Viewer

logger = logging.getLogger(__name__)

# A fresh page asks for this much; packets may be up to 30 s long.
FRESH_S = 32
# A reconnecting page gets no more than the stream holds anyway.
RESUME_S = 60
BLOCK_MS = 1000
POLL_S = 1.0
# A read names every stream that is watched, so it is asked for at most so often; what
# arrives meanwhile comes with the next one.
GATHER_S = 0.05
# Writers may notice later than we do that Redis is back; what they stored without
# appending it is still polled for this long.
GRACE_S = 10.0

Fields = dict[bytes, bytes]


class LiveReader:
    """Reads the streams, fans out to viewers; reads PostgreSQL while Redis is away."""

    def __init__(self, redis: Redis) -> None:
        self.away = False
        # redis-py's annotations cover both protocols at once; version 2 answers
        # a read with [[key, [(id, fields), ...]], ...].
        self._redis: Any = redis
        self._viewers: dict[int, set[Viewer]] = defaultdict(set)
        self._keys: dict[int, str] = {}
        self._positions: dict[int, StreamId] = {}
        self._wake_key = f"{settings.REDIS_PREFIX}live-wake:{secrets.token_hex(8)}"
        self._wake_position = "0-0"
        self._task: asyncio.Task[None] | None = None
        self._poll_until = self._next_poll = 0.0
        # Rows of the last poll, to tell the new ones.
        self._polled: set[str] = set()

    # --- viewers -----------------------------------------------------------

    def add(self, viewer: Viewer, patient: int, live_key: str) -> None:
        """Fan the patient's entries out to ``viewer`` from now on."""
        self._viewers[patient].add(viewer)
        self._keys[patient] = live_stream_key(live_key)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run())

    def remove(self, viewer: Viewer, patient: int) -> None:
        """Stop reading the patient's stream if nobody else watches it."""
        self._viewers[patient].discard(viewer)
        if not self._viewers[patient]:
            self._viewers.pop(patient)
            self._keys.pop(patient, None)
            self._positions.pop(patient, None)
        if not self._viewers and self._task is not None:
            self._task.cancel()
            self._task = None

    def _fan_out(self, entry: Entry) -> None:
        for viewer in self._viewers.get(entry.patient, ()):
            viewer.offer(entry)

    # --- the past ------------------------------------------------------------

    async def past(
        self, wanted: Collection[tuple[int, StreamId | None]]
    ) -> dict[int, list[Entry]]:
        """Return per patient the entries after an id, or the last seconds without it.

        What the streams do not hold any more comes from PostgreSQL.
        """
        now_ms = round(time.time() * 1000)
        starts: dict[int, StreamId] = {}
        for patient, since in wanted:
            oldest = now_ms - 1000 * (FRESH_S if since is None else RESUME_S)
            if patient in self._keys:
                starts[patient] = max(since or StreamId(oldest), StreamId(oldest))
        found: dict[int, list[Entry]] = {patient: [] for patient, _ in wanted}
        complete: set[int] = set()
        if not self.away:
            with contextlib.suppress(RedisError, OSError):
                complete = await self._streamed(starts, found)
        new = starts.keys() - self._positions.keys()
        for patient in new & self._keys.keys():
            # From here on the reader goes on, so nothing is lost in between.
            entries = found[patient]
            self._positions[patient] = (
                entries[-1].stream_id if entries else starts[patient]
            )
        if new:
            await self._interrupt()
        if missing := starts.keys() - complete:
            until = {
                patient: found[patient][0].stream_id.ms if found[patient] else now_ms
                for patient in missing
            }
            since_ms = {patient: starts[patient].ms for patient in missing}
            older = await self._stored(since_ms, until)
            for patient, entries in older.items():
                found[patient] = entries + found[patient]
        return found

    async def _streamed(
        self, starts: Mapping[int, StreamId], found: dict[int, list[Entry]]
    ) -> set[int]:
        """Read what the streams hold; return whose reach back to the start."""
        keys = {patient: self._keys[patient] for patient in starts}
        pipe = self._redis.pipeline(transaction=False)
        for patient, key in keys.items():
            pipe.xrange(key, count=1)
            pipe.xrange(key, min=f"({starts[patient]}")
        answers = iter(await pipe.execute())
        complete = set()
        for patient, first, raw in zip(keys, answers, answers, strict=True):
            found[patient] = self._entries(patient, raw)
            if first and StreamId.parse(first[0][0]) <= starts[patient]:
                complete.add(patient)
        return complete

    async def _stored(
        self, start_ms: Mapping[int, int], until_ms: Mapping[int, int]
    ) -> dict[int, list[Entry]]:
        read = await database_sync_to_async(stored_entries)(
            list(start_ms),
            start=from_epoch_ms(min(start_ms.values())),
            end=from_epoch_ms(max(until_ms.values())),
        )
        found: dict[int, list[Entry]] = {patient: [] for patient in start_ms}
        for _, entry in read:
            patient, at = entry.patient, entry.stream_id.ms
            if start_ms[patient] < at <= until_ms[patient]:
                found[patient].append(entry)
        return found

    # --- the present -----------------------------------------------------------

    async def _run(self) -> None:
        try:
            while not is_cancelled():
                try:
                    await self._read()
                    if self._poll_until:
                        await self._after_outage()
                except (RedisError, OSError) as error:
                    await self._on_error(error)
                except Exception:
                    # One poisonous entry must not stop every trace.
                    logger.exception("The live reader goes on after an error")
                    await asyncio.sleep(POLL_S)
        finally:
            with contextlib.suppress(RedisError, OSError, RuntimeError):
                await self._redis.aclose()

    async def _read(self) -> None:
        """Wait for new entries of any watched stream and hand them out."""
        patients = {self._keys[p].encode(): p for p in self._positions}
        streams: dict[bytes | str, str] = {
            key: str(self._positions[patient]) for key, patient in patients.items()
        }
        streams[self._wake_key] = self._wake_position
        answer = await self._redis.xread(streams, count=200, block=BLOCK_MS)
        if self.away:
            self.away = False
            self._poll_until = time.monotonic() + GRACE_S
            logger.info("Redis is back; live traces come from its streams")
            self._tell_source()
        for key, raw in answer or []:
            if key == self._wake_key.encode():
                self._wake_position = raw[-1][0].decode()
                continue
            patient = patients[key]
            position = self._positions.get(patient)
            if position is None:
                continue
            # A fill may have moved the position while this read was under way.
            raw = [item for item in raw if StreamId.parse(item[0]) > position]
            if not raw:
                continue
            self._positions[patient] = StreamId.parse(raw[-1][0])
            for entry in self._entries(patient, raw):
                self._fan_out(entry)
        if answer:
            await asyncio.sleep(GATHER_S)

    async def _interrupt(self) -> None:
        """End the blocking read, so that it begins again with the new streams."""
        with contextlib.suppress(RedisError, OSError):
            pipe = self._redis.pipeline(transaction=False)
            pipe.xadd(self._wake_key, {"w": 1}, maxlen=1)
            pipe.expire(self._wake_key, 60)
            await pipe.execute()

    def _entries(self, patient: int, raw: list[tuple[bytes, Fields]]) -> list[Entry]:
        found = []
        for stream_id, fields in raw:
            try:
                found.append(read_entry(patient, StreamId.parse(stream_id), fields))
            except (ValueError, KeyError) as error:
                logger.warning("Skipped an unreadable live entry: %s", error)
        return found

    # --- Redis away ------------------------------------------------------------

    async def _on_error(self, error: Exception) -> None:
        if not self.away:
            self.away = True
            self._polled = set()
            logger.warning("Redis is away, live traces read PostgreSQL: %s", error)
            self._tell_source()
        await self._poll()
        await asyncio.sleep(POLL_S)

    async def _after_outage(self) -> None:
        """Poll on for a while: writers may still be appending to nothing."""
        # Entries of both ways may come twice; viewers draw by sample index.
        now = time.monotonic()
        if now >= self._next_poll:
            self._next_poll = now + POLL_S
            await self._poll()
        if now > self._poll_until:
            self._poll_until = 0.0
            self._polled = set()

    async def _poll(self) -> None:
        now = time.time() * 1000
        try:
            found = await database_sync_to_async(stored_entries)(
                list(self._viewers),
                start=from_epoch_ms(now - 15_000),
                end=from_epoch_ms(now + 5_000),
            )
        except Exception as error:
            if is_away(error):
                note_away(error)
            else:
                logger.exception("PostgreSQL could not be read for the live view")
            return
        for key, entry in found:
            if key not in self._polled:
                self._fan_out(entry)
        self._polled = {key for key, _ in found}

    def source_note(self) -> str:
        """Say in a text frame where traces come from now."""
        source = "database" if self.away else "stream"
        return json.dumps({"type": "source", "source": source})

    def _tell_source(self) -> None:
        for viewer in {v for group in self._viewers.values() for v in group}:
            viewer.note(self.source_note())


def is_cancelled() -> bool:
    """Tell whether the running task was cancelled.

    redis-py swallows a cancellation that falls into the opening of a connection,
    so a loop over its commands asks here before it goes on.
    """
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


_readers: "WeakKeyDictionary[asyncio.AbstractEventLoop, LiveReader]" = (
    WeakKeyDictionary()
)


def process_reader() -> LiveReader:
    """Return the one reader of this process (of its event loop)."""
    loop = asyncio.get_running_loop()
    if loop not in _readers:
        redis: Redis = Redis.from_url(
            settings.REDIS_URL,
            protocol=2,
            socket_connect_timeout=settings.REDIS_TIMEOUT_S,
            # A read may block for BLOCK_MS; a server that hangs counts as away.
            socket_timeout=settings.REDIS_TIMEOUT_S + BLOCK_MS / 1000,
        )
        _readers[loop] = LiveReader(redis)
    return _readers[loop]
