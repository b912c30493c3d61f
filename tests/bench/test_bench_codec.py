"""The benchmark of the wire codec measures what it says."""

import json

from bench.codec import measure


def test_it_times_every_format_and_counts_its_bytes() -> None:
    found = measure(None, batch=3, rounds=4)
    json.dumps(found)
    for size in ("single", "batch_of_3"):
        each = found[size]
        assert set(each) == {"json", "int16", "delta"}
        assert each["json"]["bytes"] > each["int16"]["bytes"] > each["delta"]["bytes"]
        assert all(figure > 0 for one in each.values() for figure in one.values())
    assert found["single"]["int16"]["bytes"] == 104 + len("1.2.0") + 1000
