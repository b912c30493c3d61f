"""How far an uploaded recording is analysed, and what was found in it so far."""

from dataclasses import dataclass

from devices.models import Record
from devices.reading import read_signal_mv
from devices.segment_reading import Damaged
from inference.ecg.types import CLASSES, WORDS, Beats
from inference.ecg.types import Episode as PureEpisode
from inference.label_figures import released_figures
from inference.models import AnalysisState, Episode
from inference.recording_rhythm import LONGEST_S, recording_rhythm
from inference.report import rhythm_words
from inference.rhythm import rhythm_model
from inference.services.beats import beats_of, quality_between, shown_blocks
from inference.services.episodes import episodes_of
from inference.suggestion import Suggestion, suggest
from inference.summary import Summary, summarise


@dataclass(frozen=True)
class Progress:
    """How much of a recording is analysed; ``trouble``: a try failed, more follow.

    ``anew``: all of it is, but what was said is being computed once more.
    """

    analysed_sample: int
    end_sample: int
    done: bool
    trouble: bool
    anew: bool = False

    @property
    def percent(self) -> int:
        """Return the analysed share in whole percent, 100 only when done."""
        if self.done or not self.end_sample:
            return 100
        return min(99, 100 * self.analysed_sample // self.end_sample)

    @property
    def waiting(self) -> bool:
        """Tell whether nothing is analysed yet."""
        return self.analysed_sample == 0 and not self.done


def progress_of(record: Record) -> Progress:
    """Return how far the worker has come, from the record's cursor."""
    state = AnalysisState.objects.filter(record=record).first()
    end = record.end_sample
    if state is None:
        return Progress(0, end, done=False, trouble=False)
    return Progress(
        analysed_sample=max(state.cursor_sample, state.flushed_sample or 0),
        end_sample=end,
        # The part of a second at the end comes with the flush.
        done=state.flushed_sample == end and not state.is_provisional,
        trouble=state.failed_count > 0,
        anew=state.flushed_sample == end and state.is_provisional,
    )


@dataclass(frozen=True)
class Found:
    """A summary with its suggestion, over what is analysed so far."""

    summary: Summary
    suggestion: Suggestion
    rhythm: str

    @property
    def classes(self) -> list[tuple[str, str, int]]:
        """Return symbol, word and count of every class that occurs."""
        counts = self.summary.beats
        return [(c, WORDS[c], counts[c]) for c in CLASSES if counts[c]]

    @property
    def episode_figures(self) -> list[tuple[str, str]]:
        """Say of each kind of episode once how often it is right."""
        figures = released_figures()
        said = {e.words: figures.episode_words(e.label) for e in self.summary.episodes}
        return sorted((word, words) for word, words in said.items() if words)


def found_in(
    record: Record, *, analysed_sample: int, annotator: str | None = None
) -> Found | None:
    """Summarise what is analysed, as it is shown or as ``annotator`` said it.

    None before anything is analysed.
    """
    shown = shown_blocks(record, annotator=annotator)
    last = shown.last()
    if last is None:
        return None
    beats = beats_of(shown)
    summary = summarise(
        fs=record.fs,
        n=analysed_sample,
        beats=beats,
        episodes=[_pure(row) for row in episodes_of(record, annotator=annotator)],
        quality=quality_between(record, 0, analysed_sample, blocks=shown).values,
        annotator=last.annotator,
    )
    return Found(summary, suggest(summary), _rhythm(record, analysed_sample, beats))


def _rhythm(record: Record, analysed_sample: int, beats: Beats) -> str:
    """Say the rhythm of a short recording that is analysed to its end; else nothing."""
    end = record.end_sample
    if analysed_sample < end or end > LONGEST_S * record.fs:
        return ""
    lead = AnalysisState.objects.values_list("lead", flat=True).get(record=record)
    damaged: Damaged = []
    mv = read_signal_mv(record, 0, end, lead=lead, damaged=damaged)
    if damaged:
        return "not known: a part of the recording cannot be read from storage"
    rhythm = recording_rhythm(rhythm_model(), mv, fs=record.fs, beats=beats)
    return "" if rhythm is None else rhythm_words(rhythm)


def _pure(row: Episode) -> PureEpisode:
    return PureEpisode(
        label=row.label,
        onset_sample=row.onset_sample or 0,
        end_sample=row.end_sample,
        peak=row.peak or 0.0,
        detail=row.detail,
        beats=row.beats,
    )
