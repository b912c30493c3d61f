"""Episodes are counted by number and by duration; counts are made by hand."""

import numpy as np

from ml.judge.episodes import compare_episodes, episode_figures, total
from ml.judge.expected import expected_episodes
from ml.judge.false_alarms import false_alarms
from ml.judge.reading import Reading, Span


def test_it_matches_by_any_overlap_and_adds_up_the_time() -> None:
    real = [Span(310, 340), Span(400, 410), Span(500, 520)]
    said = [Span(320, 330), Span(335, 345), Span(430, 440)]
    found = episode_figures(total([compare_episodes(real, said, end_s=600)]))
    assert (found["reference"], found["found"]) == (3, 3)
    assert (found["se"], found["ppv"]) == (33.33, 66.67)
    assert (found["duration_se"], found["duration_ppv"]) == (25.0, 50.0)


def test_it_cuts_at_the_test_period_and_leaves_out_flutter() -> None:
    real, said = [Span(280, 320)], [Span(310, 330), Span(350, 360), Span(380, 420)]
    found = compare_episodes(
        real, said, start_s=300, end_s=400, excluded=[Span(340, 365), Span(390, 399)]
    )
    assert (found.reference_s, found.reference_found_s) == (20, 10)
    assert (found.found, found.found_right) == (2, 1)  # the second is all flutter
    assert (found.found_s, found.found_right_s) == (20 + 10 + 1, 10)


def a_reading(times: list[float], classes: list[int], **spans: object) -> Reading:
    return Reading(3600.0, np.array(times), np.array(classes, np.uint8), spans)


def test_it_reads_the_episodes_of_beats() -> None:
    times = [1.0, 2.0, 2.5, 3.0, 3.5, 4.0, 5.0, 8.5, 13.0]
    found = expected_episodes(a_reading(times, [0, 2, 2, 3, 2, 2, 0, 0, 0]))
    assert found["VT"] == found["VRUN"] == (Span(2.0, 4.0),)
    assert found["PAUSE"] == (Span(5.0, 8.5), Span(8.5, 13.0))
    assert found["ASYSTOLE"] == (Span(8.5, 13.0),)


def test_it_calls_false_what_meets_nothing_of_its_kind() -> None:
    real = a_reading([1.0, 2.0, 5.8, 7.0], [0] * 4, AFL=(Span(100, 160),))
    said = a_reading(
        [],
        [],
        AF=(Span(150, 200), Span(300, 330)),
        VT=(Span(50, 60),),
        VF=(Span(55, 70), Span(80, 90)),
        ASYSTOLE=(Span(2.1, 5.7), Span(20, 30)),
    )
    found = false_alarms(real, said)
    assert found["AF"] == (1, 3540.0)
    assert found["VT/VF"] == (2, 3600.0)  # VT that went on as VF is one
    assert found["ASYSTOLE"][0] == 1
