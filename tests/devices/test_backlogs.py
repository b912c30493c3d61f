"""Which uploads give way to live ones, and which only come from a clock that lags."""

from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone

from devices.api.backlogs import Backlogs
from devices.services import Arrival

DEVICE = 1


def arrival(
    *packets: tuple[datetime | None, float], received_at: datetime, device: int = DEVICE
) -> Arrival:
    """Return an upload of packets with a clock and a length in seconds."""
    sent = [SimpleNamespace(at=at, duration_s=seconds) for at, seconds in packets]
    return Arrival(SimpleNamespace(pk=device), None, sent, received_at)


@pytest.fixture
def now() -> datetime:
    return timezone.now()


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def test_what_comes_within_a_minute_is_live(now: datetime) -> None:
    backlogs = Backlogs()
    for late_s, is_backlog in ((0, False), (-200, False), (60, False), (61, True)):
        one = arrival((now - seconds(late_s), 1.0), received_at=now, device=late_s)
        assert backlogs.holds(one) is is_backlog


def test_the_newest_packet_decides(now: datetime) -> None:
    packets = [(now - seconds(3600 - n), 1.0) for n in range(20)]
    assert Backlogs().holds(arrival(*packets, received_at=now))
    packets.append((now - seconds(2), 1.0))
    assert not Backlogs().holds(arrival(*packets, received_at=now))


@pytest.mark.parametrize("behind", [seconds(90), timedelta(days=400)])
def test_a_clock_that_is_behind_gives_way_once(
    now: datetime, behind: timedelta
) -> None:
    backlogs = Backlogs()
    told = []
    for second in range(30):
        at = now + seconds(second)
        # The network takes its time, now and then.
        received_at = at + behind + seconds(0.4 * (second % 2))
        told.append(backlogs.holds(arrival((at, 1.0), received_at=received_at)))
    assert told == [True] + [False] * 29


def test_a_backlog_gives_way_until_it_has_caught_up(now: datetime) -> None:
    backlogs = Backlogs()
    told = []
    for upload in range(10):
        at = now - seconds(600 - 60 * upload)
        one = arrival((at, 60.0), received_at=now + seconds(0.2 * upload))
        told.append(backlogs.holds(one))
    # The last of all is still a minute old.
    assert told == [True] * 10
    assert not backlogs.holds(arrival((now, 2.0), received_at=now + seconds(2)))
    # Offline again: nothing is known of it any more.
    assert backlogs.holds(arrival((now, 2.0), received_at=now + seconds(99)))


@pytest.mark.parametrize("at", [None, datetime.fromisoformat("1970-01-01T00:01Z")])
def test_what_has_no_clock_is_backlog_if_it_must_have_waited(
    now: datetime, at: datetime | None
) -> None:
    backlogs = Backlogs()
    assert not backlogs.holds(arrival((at, 1.0), received_at=now))
    assert not backlogs.holds(arrival((at, 30.0), received_at=now))
    assert backlogs.holds(arrival(*[(at, 2.0)] * 20, received_at=now))
    assert not backlogs.holds(arrival(received_at=now))


def test_who_was_offline_again_has_a_backlog_at_once(now: datetime) -> None:
    backlogs = Backlogs()
    for hours in (1, 2):
        one = arrival((now - timedelta(hours=hours), 1.0), received_at=now)
        assert backlogs.holds(one)


def test_what_was_turned_away_is_as_late_when_it_comes_again(now: datetime) -> None:
    backlogs, hour_ago = Backlogs(), now - timedelta(hours=1)
    first = arrival((hour_ago, 1.0), received_at=now)
    assert backlogs.holds(first)
    backlogs.forget(first)
    assert backlogs.holds(arrival((hour_ago, 1.0), received_at=now + seconds(5)))


def test_a_clock_that_is_ahead_counts_as_none(now: datetime) -> None:
    ahead = now + timedelta(hours=1)
    assert not Backlogs().holds(arrival((ahead, 1.0), received_at=now))
