"""The bench of refits runs, and says what it found."""

import pytest

from tests.bench import bench_refit

pytestmark = pytest.mark.slow  # seconds each, or many


def test_refits_of_a_small_drifting_file_are_measured(home: object) -> None:
    found = bench_refit.measure(1, 700, 0, 0.3, 100.0)
    assert {"one fit", "all rows", "newest 1000", "ridge, all rows", "oracle"} <= found.keys()
    assert all(len(values) == 1 for values in found.values())
    assert "| all rows |" in bench_refit.table(found)
