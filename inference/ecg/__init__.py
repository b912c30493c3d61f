"""Pure signal analysis: arrays in, beats and episodes out. No Django."""

from inference.ecg.align import align_r_peaks, segment
from inference.ecg.pipeline import (
    BLOCK_S,
    PartBlock,
    RecordState,
    advance,
    finish,
    initial_state,
)
from inference.ecg.resampling import resample
from inference.ecg.scaling import adu_to_mv, scale
from inference.ecg.types import (
    CLASSES,
    QUALITY_WORDS,
    WORDS,
    Analysis,
    Beats,
    Classify,
    Episode,
    Limits,
)

__all__ = [
    "BLOCK_S",
    "CLASSES",
    "QUALITY_WORDS",
    "WORDS",
    "Analysis",
    "Beats",
    "Classify",
    "Episode",
    "Limits",
    "PartBlock",
    "RecordState",
    "adu_to_mv",
    "advance",
    "align_r_peaks",
    "finish",
    "initial_state",
    "resample",
    "scale",
    "segment",
]
