"""Environment of a test run, set before Django reads its settings (``-p``)."""

import atexit
import os
import shutil
import tempfile

# Each run keeps its keys apart from the checkout's own and from other runs.
os.environ["REDIS_PREFIX"] = f"tc-test-{os.getpid()}:"
# So with the files of its segments.
os.environ["SEGMENTS_DIR"] = tempfile.mkdtemp(prefix="tc-test-segments-")
atexit.register(shutil.rmtree, os.environ["SEGMENTS_DIR"], ignore_errors=True)
