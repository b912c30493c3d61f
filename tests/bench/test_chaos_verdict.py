"""What makes a chaos run hold, and what does not: figures of known values."""

import random
from pathlib import Path

import pytest

from bench.chaos.found import Found
from bench.chaos.monkey import Monkey
from bench.chaos.process_manager import ProcessManager
from bench.chaos.verdict import failures, unexcused


def test_a_run_without_alarms_and_mails_does_not_hold() -> None:
    assert Found().wrong == ["alarms", "mails"]


def test_it_tells_the_share_of_late_alarms() -> None:
    assert Found(alarms=16, alarms_late=2).as_json()["alarms_late_share"] == 0.125
    assert Found().as_json()["alarms_late_share"] == 0.0


HOLDS = {
    "seconds": 1800.0,
    "alarms": 80,
    "alarms_late": 8,
    "left": {},
    "ready": True,
    "pages": [200, 200],
    "visits": {"0": 3, "200": 900, "503": 20},
    "deaf": [],
    "ended_unexcused": {},
    "stopped_rudely": {},
    "undone": [],
    "segments": 12,
}


def test_it_holds_when_all_is_as_it_must_be() -> None:
    assert failures(HOLDS) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alarms_late", 9),
        ("left", {"mails queued": 1}),
        ("ready", False),
        ("pages", [200, 302]),
        ("visits", {"200": 900, "500": 1}),
        ("visits", {"200": 900, "302": 1}),
        ("deaf", ["mail-2: no answer"]),
        ("ended_unexcused", {"beat-1": 1}),
        ("stopped_rudely", {"mail-1": [[15.0, -9]]}),
        ("undone", ["kill everything"]),
        ("segments", 0),
    ],
)
def test_it_names_what_does_not_hold(name: str, value: object) -> None:
    assert failures({**HOLDS, name: value}) == [name]


def test_a_short_run_need_not_do_everything() -> None:
    short = {**HOLDS, "undone": ["disk full"], "segments": 0}
    assert failures({**short, "seconds": 599.0}) == []
    assert failures({**short, "seconds": 600.0}) == ["undone"]


@pytest.mark.parametrize(
    ("seconds", "alarms", "most"),
    [(1800.0, 80, 8), (1800.0, 5, 2), (90.0, 16, 8), (45.0, 4, 2)],
)
def test_few_alarms_may_be_late(seconds: float, alarms: int, most: int) -> None:
    run = {**HOLDS, "seconds": seconds, "alarms": alarms}
    assert failures({**run, "alarms_late": most}) == []
    assert failures({**run, "alarms_late": most + 1}) == ["alarms_late"]


def test_a_full_disk_excuses_the_launcher_for_a_while() -> None:
    full = [(100.0, 108.0), (500.0, 505.0)]
    assert unexcused([104.0, 198.0, 595.0], full) == 0
    assert unexcused([99.0, 198.5, 400.0], full) == 3
    assert unexcused([], []) == 0


def test_an_act_that_did_nothing_is_tried_again(tmp_path: Path) -> None:
    monkey = Monkey(ProcessManager(), tmp_path, None, random.Random(1), (0.0, 0.0))
    monkey._first = ["kill Redis", "pause Redis", "kill everything"]
    for _ in range(3):
        monkey._act()
    assert monkey._first == ["kill Redis", "pause Redis", "kill everything"]
    assert not monkey.did
    assert not monkey.story
    assert "kill Redis" in monkey.undone
