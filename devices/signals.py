"""What this layer announces to the ones above it."""

from django.dispatch import Signal

# Sent after the commit, with record_id: int, end_sample: int (of the record) and
# live: bool (some of it is the head of the record and fresh).
chunk_stored = Signal()
