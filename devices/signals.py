"""What this layer announces to the ones above it."""

from django.dispatch import Signal

# Sent after the commit, with record_id: int, end_sample: int (of the record) and live:
# bool (some of it is the head of the record and fresh).
chunk_stored = Signal()

# Sent before the commit, for what must not be lost if the process ends in between; a
# receiver that raises undoes it all. With record_id: int, whose row is locked,
# attributed: bool (the record was nobody's and now has a patient) and placed_from: int
# or None (from that stored sample on its samples have other times than before).
record_corrected = Signal()
