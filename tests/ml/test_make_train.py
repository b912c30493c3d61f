"""``make train`` makes everything anew that the analysis has learned, in order."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# Whoever stands on the right learns from what the left has written.
ORDER = [("irregular", "train"), ("r_peak_train", "af"), ("quality", "af")]
ORDER += [("r_peak_train", "train"), ("r_peak_train", "atrial"), ("atrial", "train")]
ORDER += [("train", "af"), ("train", "rhythm"), ("af", "rhythm")]


def trained() -> dict[str, str]:
    """Return the scripts of the target with their options, in order."""
    target = (ROOT / "Makefile").read_text().split("\ntrain:")[1].split("\n\n")[0]
    return dict(re.findall(r"-m ml\.(\w+)(.*)", target))


def test_it_trains_whatever_was_written_by_a_script() -> None:
    scripts = trained()
    modules = (ROOT / "inference/ecg").glob("*_model.py")
    written = [re.search(r"-m ml\.(\w+) --write", path.read_text()) for path in modules]
    assert len(written) == 4
    for found in written:
        assert found is not None
        assert "--write" in scripts[found[1]]
    names = {path.name for path in (ROOT / "inference/artifacts").glob("*.json")}
    assert names == {"beat_cnn.json", "r_peak_cnn.json", "rhythm.json"}
    assert {"train", "r_peak_train", "rhythm"} <= scripts.keys()


def test_it_trains_first_what_others_learn_from() -> None:
    names = list(trained())
    for first, second in ORDER:
        assert names.index(first) < names.index(second)


def test_it_opens_no_record_of_the_test() -> None:
    assert "--unseen" in trained()["train"]
