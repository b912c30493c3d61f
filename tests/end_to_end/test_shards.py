"""Live records in two shards: each has a worker of its own, and no beat comes twice."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path

import pytest

from inference.models import AnalysisState, BeatBlock
from tests.end_to_end.comparing import assert_complete, sending, wfdb_specs
from tests.end_to_end.conftest import Platform, running_platform

SIGNAL_S = 48
SPEED = 8.0
NAMES = ("208", "119", "100", "205")
WORKER_OF_SHARD = {0: "worker", 1: "worker-1"}

pytestmark = pytest.mark.slow


@contextmanager
def _paused(platform: Platform, name: str) -> Iterator[None]:
    pid = platform.stack.children[name].pid
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def _cursors() -> dict[int, dict[int, int]]:
    """Return by shard how far each of its records is analysed."""
    found: dict[int, dict[int, int]] = {0: {}, 1: {}}
    rows = AnalysisState.objects.values_list("record_id", "cursor_sample")
    for record, cursor in rows:
        found[record % 2][record] = cursor
    return found


def test_each_shard_labels_its_records_and_nothing_is_labelled_twice(
    django_db_blocker: pytest.Item, ecg_data: Path, eventually: Callable[..., None]
) -> None:
    with (
        django_db_blocker.unblock(),
        running_platform(LIVE_SHARDS="2") as platform,
    ):
        specs = wfdb_specs(platform, ecg_data, NAMES, speed=SPEED)
        with sending(platform, specs, signal_s=SIGNAL_S):
            eventually(
                lambda: all(
                    len(shard) >= 2 and all(shard.values())
                    for shard in _cursors().values()
                ),
                "both shards have begun",
            )
            for shard, name in WORKER_OF_SHARD.items():
                with _paused(platform, name):
                    # What it was writing is written.
                    time.sleep(0.2)
                    before = _cursors()
                    eventually(
                        lambda before=before, shard=shard: all(
                            now > before[1 - shard][record]
                            for record, now in _cursors()[1 - shard].items()
                        ),
                        f"the shard beside {name} goes on alone",
                    )
                    assert _cursors()[shard] == before[shard]
        assert_complete(specs, eventually, signal_s=SIGNAL_S)
        for record in AnalysisState.objects.values_list("record_id", flat=True):
            blocks = BeatBlock.objects.filter(record=record).order_by("start_sample")
            spans = list(blocks.values_list("start_sample", "end_sample"))
            # Neither a span twice nor one that nobody took.
            assert all(one[1] == other[0] for one, other in pairwise(spans))
        platform.stack.check()
