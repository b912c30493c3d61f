"""The training data is the published one."""

from pathlib import Path

import numpy as np
import pytest

from ml.data import (
    COUNTS,
    DS1,
    DS2,
    PACED,
    WrongData,
    check_counts,
    data_folder,
    read_beats,
    read_record,
)


@pytest.mark.parametrize(("split", "names"), [("DS1", DS1), ("DS2", DS2)])
def test_it_counts_the_published_beats(
    ecg_data: Path, split: str, names: list[str]
) -> None:
    classes = [
        aami for name in names for _, aami in read_beats(ecg_data / "mitdb" / name)
    ]
    assert tuple(np.bincount(classes, minlength=5).tolist()) == COUNTS[split]


def test_it_splits_by_patient() -> None:
    assert len(set(DS1 + DS2 + PACED)) == 48


def test_it_refuses_other_records(ecg_data: Path) -> None:
    with pytest.raises(WrongData, match="DS1 has"):
        check_counts([read_record(ecg_data / "mitdb" / "100")], "DS1")


def test_it_says_where_the_data_is_missing(tmp_path: Path) -> None:
    with pytest.raises(WrongData, match="download"):
        data_folder(str(tmp_path))


def test_it_reads_a_record_at_250_hz(ecg_data: Path) -> None:
    record = read_record(ecg_data / "mitdb" / "207")
    assert len(record.mv) == pytest.approx(1805.56 * 250, abs=2)
    assert len(record.samples) == len(record.classes) == 1860
    assert len(record.flutter) == 6
    at = np.rint(record.samples[:200]).astype(int)
    level = np.abs(record.mv - np.median(record.mv))
    assert np.median([level[k - 12 : k + 13].max() for k in at]) > 0.5
