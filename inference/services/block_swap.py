"""Put one block of beats in the place of several, at once."""

from collections.abc import Sequence

from django.db import connection

from devices.models import Record
from inference.models import AnalysisState, BeatBlock


def replace_blocks(*, record: Record, old: Sequence[int], new: BeatBlock) -> bool:
    """Insert ``new`` for the rows ``old`` (primary keys); False: one of them is gone.

    Then nothing changes. What late samples change is written under the lock of the
    record's ``AnalysisState``, which live analysis needs, too, for many records at
    once. So it is taken and given back by one statement: no busy machine can stop
    this process, which stands behind all others, while it holds it.
    """
    values = [getattr(new, field.attname) for field in _FIELDS]
    with connection.cursor() as cursor:
        cursor.execute(_REPLACE, [record.pk, list(old), len(old), *values, len(old)])
        return bool(cursor.rowcount == 1)


_FIELDS = [field for field in BeatBlock._meta.concrete_fields if not field.primary_key]
_BLOCKS = BeatBlock._meta.db_table
# Each step waits for the one before: the lock, then what is still there, then the rest.
_REPLACE = f"""
WITH held AS MATERIALIZED (
    SELECT id FROM {AnalysisState._meta.db_table} WHERE record_id = %s
    FOR NO KEY UPDATE
), there AS MATERIALIZED (
    SELECT id FROM {_BLOCKS}
    WHERE id = ANY(%s) AND (SELECT count(*) FROM held) >= 0
    FOR UPDATE
), gone AS (
    DELETE FROM {_BLOCKS}
    WHERE id IN (SELECT id FROM there) AND (SELECT count(*) FROM there) = %s
    RETURNING id
)
INSERT INTO {_BLOCKS} ({", ".join(str(field.column) for field in _FIELDS)})
SELECT {", ".join(f"%s::{field.db_type(connection)}" for field in _FIELDS)}
WHERE (SELECT count(*) FROM gone) = %s
"""
