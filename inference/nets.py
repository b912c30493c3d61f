"""The nets of the released analysis, and the name that stands with their results."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from inference.classifier import ARTIFACTS, Classifier, load_classifier
from inference.ecg.types import Nets
from inference.r_peak_net import load_r_peak_net


def load_nets(folder: Path = ARTIFACTS) -> Nets:
    """Return the nets in ``folder``, or raise ``ArtifactRefused``."""
    return Nets(classify=load_classifier(folder), detect=load_r_peak_net(folder))


@cache
def nets() -> Nets:
    """Return the released nets, loaded once per process."""
    return load_nets()


def annotator() -> str:
    """Return the annotator's name: the algorithm and its version."""
    classify = nets().classify
    assert isinstance(classify, Classifier)
    return classify.annotator
