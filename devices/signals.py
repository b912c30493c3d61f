"""What this layer announces to the ones above it."""

from django.dispatch import Signal

# Sent after the commit, with record_id: int, end_sample: int (of the record), live:
# bool (some of it is the head of the record and fresh) and attributed: bool (the
# record was nobody's and now has a patient).
chunk_stored = Signal()
