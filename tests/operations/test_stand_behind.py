"""The process that catches up stands behind the others, whatever Linux groups by."""

import subprocess
from pathlib import Path

import pytest

from telecardio.processes import stand_behind


def test_a_session_waits_for_the_others() -> None:
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    try:
        group = Path(f"/proc/{child.pid}/autogroup")
        if not group.exists():
            pytest.skip("not run: this kernel does not group by session")
        assert group.read_text().split()[-1] == "0"
        stand_behind(child.pid, nice=10)
        assert group.read_text().split()[-1] == "10"
    finally:
        child.kill()
        child.wait()


def test_it_is_left_alone_where_there_are_no_such_groups() -> None:
    stand_behind(2**30, nice=10)
