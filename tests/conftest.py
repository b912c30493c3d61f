"""Fixtures that every test may use."""

import os
from pathlib import Path

import pytest

from telecardio.servers import ensure_servers

# Each run keeps its keys apart from the checkout's own and from other runs.
os.environ["REDIS_PREFIX"] = f"tc-test-{os.getpid()}:"
ensure_servers()


@pytest.fixture(scope="session")
def ecg_data() -> Path:
    """Return the folder of ECG records, or report the test as not run."""
    default = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
    folder = Path(os.environ.get("TELECARDIO_DATA", default))
    if not (folder / "mitdb" / "100.hea").exists():
        pytest.skip(
            f"No ECG records in {folder}: set TELECARDIO_DATA to a folder that "
            "holds mitdb (see README)."
        )
    return folder
