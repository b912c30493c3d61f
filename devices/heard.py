"""When the newest signal of who wears a device came."""

from django.db.models import F, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from devices.models import Assignment, Chunk, Record, Segment

# A device that began anew may fill the gaps of what it sent before; of those before
# that nothing is new.
NEWEST = 4


def with_heard_at(assignments: QuerySet[Assignment]) -> QuerySet[Assignment]:
    """Annotate each with ``heard_at``: when the newest end of its records came.

    None while it has none. Heartbeats and what fills gaps do not count.
    """
    own = Record.objects.filter(assignment=OuterRef(OuterRef("pk")), sample_count__gt=0)
    newest = Subquery(own.order_by("-pk").values("pk")[:NEWEST])
    heads = Record.objects.filter(pk__in=newest).annotate(heard_at=HEARD_AT)
    last = heads.order_by(F("heard_at").desc()).values("heard_at")[:1]
    return assignments.annotate(heard_at=Subquery(last))


def _head_at() -> Coalesce:
    """When the end of a record came that was received before it was noted."""
    chunks = Chunk.objects.filter(record=OuterRef("pk"), n__gt=0)
    # Of a record that has rested for long, the head is in a segment.
    packed = Segment.objects.filter(
        record=OuterRef("pk"), end_sample=F("record__end_sample")
    )
    return Coalesce(
        F("head_received_at"),
        Subquery(packed.values("received_at")[:1]),
        Subquery(chunks.order_by("-first_sample").values("received_at")[:1]),
        # Its signal is kept no longer.
        F("last_received_at"),
    )


HEARD_AT = _head_at()
