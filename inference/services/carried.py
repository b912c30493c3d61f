"""The carried state of each record: in memory, in its row, or recomputed.

A state is 47 kB and moves with every second of signal. The worker that moved it keeps
it; the row holds one of at most a minute ago. Analysis is the same bit for bit however
the signal is cut, so anyone gets from there to the cursor over the stored signal, and
the checksum in the row proves that it is the same state.
"""

import logging
import zlib
from collections import OrderedDict
from dataclasses import dataclass

import psycopg
from django.conf import settings
from django.db import connection

from inference.ecg.pipeline import RecordState, advance, initial_state
from inference.ecg.types import Limits
from inference.models import AnalysisState
from inference.nets import nets
from inference.services.limits import limits_of
from inference.services.past_damage import read_past_damage

log = logging.getLogger(__name__)

# How much signal is analysed again when a worker takes a record over.
KEEP_S = 60


def checksum_of(carried: RecordState) -> int:
    """Return the Adler-32 of a state, which takes a third of the time of a CRC."""
    return zlib.adler32(carried.data.data)


@dataclass(frozen=True)
class Carried:
    """The state at the cursor, and the limits under which it moved last, if known.

    ``redo_from``: it is not the state that was there before. What was said from that
    sample on must be computed anew.
    """

    state: RecordState
    limits: Limits | None = None
    redo_from: int | None = None


@dataclass(frozen=True)
class _Remembered:
    sample: int
    checksum: int
    state: RecordState
    limits: Limits


class StateMemory:
    """The states that this process moved last, the oldest dropped first."""

    def __init__(self) -> None:
        self._states: OrderedDict[int, _Remembered] = OrderedDict()

    def get(self, row: AnalysisState) -> Carried | None:
        """Return the state at the row's cursor if it is remembered."""
        found = self._states.get(row.pk)
        if found is None or row.state_checksum is None:
            return None
        if (found.sample, found.checksum) != (row.cursor_sample, row.state_checksum):
            del self._states[row.pk]
            return None
        return Carried(found.state, found.limits)

    def put(self, pk: int, carried: RecordState, checksum: int, limits: Limits) -> None:
        """Remember a state that was committed as that of its row."""
        self._states[pk] = _Remembered(carried.sample, checksum, carried, limits)
        self._states.move_to_end(pk)
        while len(self._states) > settings.ANALYSIS_STATES_KEPT:
            self._states.popitem(last=False)

    def forget(self) -> None:
        """Forget every state, as a new process begins."""
        self._states.clear()

    def persist(self) -> int:
        """Write the states that still hold into their rows; count them.

        For whoever analyses these records next, perhaps another version. A row says
        by its cursor and checksum whether a state holds, so no claim is needed.
        """
        kept = 0
        connection.ensure_connection()
        with psycopg.Cursor(connection.connection) as cursor:
            for pk, one in self._states.items():
                state = one.state.to_bytes()
                cursor.execute(
                    _PERSIST, [state, one.sample, pk, one.sample, one.checksum]
                )
                kept += cursor.rowcount
        return kept


_PERSIST = """
UPDATE inference_analysisstate SET state = %b, state_sample = %s
WHERE id = %s AND cursor_sample = %s AND state_checksum = %s
"""
memory = StateMemory()


def carried_state(row: AnalysisState) -> Carried:
    """Return the state at the cursor; ``BadState`` if another version wrote it."""
    return memory.get(row) or _recomputed(row)


def stored_state(row: AnalysisState) -> RecordState:
    """Return the state that the row holds, of ``state_sample``."""
    stored = bytes(row.state)
    if not stored and row.state_sample == row.begun_sample:
        return initial_state(fs=row.record.fs, origin=row.begun_sample)
    return RecordState.from_bytes(stored)


def _recomputed(row: AnalysisState) -> Carried:
    carried = stored_state(row)
    start, cursor = row.state_sample, row.cursor_sample
    if start < cursor:
        # Its patient's alarms cannot wait until a missing file is brought back.
        signal = read_past_damage(
            row.record, start, cursor, lead=row.lead, past_loss=True
        )
        limits = [limits_of(row.record)]
        [(carried, _)] = advance([carried], [signal], nets=nets(), limits=limits)
    if row.state_checksum is None or checksum_of(carried) == row.state_checksum:
        return Carried(carried)
    # Samples came late, or another version or another kind of processor was at work.
    log.info("Record %s is analysed again from sample %d", row.record_id, start)
    return Carried(carried, redo_from=start)


def is_due(row: AnalysisState, end: int) -> bool:
    """Tell whether the state at ``end`` is one to be written: once a minute.

    At another second for each record, so that not all are written at once.
    """
    step = KEEP_S * row.record.fs
    phase = row.record_id * 7 % KEEP_S * row.record.fs
    return (end + phase) // step > (row.state_sample + phase) // step
