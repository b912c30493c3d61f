"""Doctors who acknowledge alarms, as on a ward: none stays open for ever.

Else every minute of the run would have more open alarms than the one before, in each
page that asks for them and in each patient's stream.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import httpx
from django.db import close_old_connections, connection
from django.urls import reverse
from django.utils import timezone

from bench.live.people import session_cookie
from inference.models import Alarm
from patients.models import User

EVERY_S = 5.0
# So long an alarm is open before somebody has read it and answers.
SEEN_AFTER = timedelta(seconds=60)
ANSWER_S = 10.0


@contextmanager
def doing_rounds(port: int) -> Iterator[Rounds]:
    """Acknowledge alarms meanwhile, each as a doctor of its patient, at web's port."""
    rounds = Rounds(port)
    rounds.start()
    try:
        yield rounds
    finally:
        rounds.stop()


class Rounds(threading.Thread):
    """Acknowledges what is open for a minute; counts what was, and what failed."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True, name="rounds")
        self.acknowledged = self.failed = 0
        self._ended = threading.Event()
        self._client = httpx.Client(
            base_url=f"http://127.0.0.1:{port}", timeout=ANSWER_S
        )
        self._cookies: dict[int, str] = {}

    def run(self) -> None:
        """Look every few seconds, until told to stop."""
        try:
            while not self._ended.wait(EVERY_S):
                close_old_connections()
                self._round()
        finally:
            connection.close()

    def stop(self) -> None:
        """Wait for what is under way."""
        self._ended.set()
        self.join(2 * ANSWER_S)
        self._client.close()

    def _round(self) -> None:
        waiting = Alarm.objects.open().filter(
            acknowledged_at=None, raised_at__lt=timezone.now() - SEEN_AFTER
        )
        doctors = waiting.values_list("pk", "patient__care_team__user")
        for alarm, doctor in dict(doctors.order_by("pk")).items():
            if self._ended.is_set():
                return
            try:
                answer = self._acknowledge(alarm, doctor)
            except httpx.TransportError:
                self.failed += 1
                continue
            # 409: its end and this came at the same time.
            self.acknowledged += answer.status_code == httpx.codes.OK
            self.failed += answer.is_server_error

    def _acknowledge(self, alarm: int, doctor: int) -> httpx.Response:
        if doctor not in self._cookies:
            self._cookies[doctor] = session_cookie(User.objects.get(pk=doctor))
        token = secrets.token_hex(16)
        return self._client.post(
            reverse("acknowledge", args=[alarm]),
            headers={
                "Accept": "application/json",
                "Cookie": f"{self._cookies[doctor]}; csrftoken={token}",
                "X-CSRFToken": token,
            },
        )
