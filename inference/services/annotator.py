"""The classifier of this process, and the name its statements carry."""

from functools import cache

from inference.classifier import Classifier, load_classifier


@cache
def classifier() -> Classifier:
    """Return the classifier, loaded once per process."""
    return load_classifier()


def annotator() -> str:
    """Return the annotator's name: the algorithm and its version."""
    return f"tc-{classifier().version}"
