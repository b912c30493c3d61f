"""Environment of a test run, set before Django reads its settings (``-p``)."""

import os

# Each run keeps its keys apart from the checkout's own and from other runs.
os.environ["REDIS_PREFIX"] = f"tc-test-{os.getpid()}:"
