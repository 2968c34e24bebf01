"""The benchmark of intervals: what it shows, and that they hold what they promise."""

import numpy as np
import pytest

from tests.bench import bench_intervals


@pytest.mark.parametrize("horizon", bench_intervals.HORIZONS)
def test_intervals_of_90_percent_hold_87_to_93_on_each_quarter_of_the_sp500s_test(
    horizon: int,
) -> None:
    name, close = next(bench_intervals.real())
    assert name == "S&P 500"
    before, after = bench_intervals.held(close, horizon, 0.9)
    assert (np.abs(after.quarters - 0.9) <= 0.03).all()
    assert (np.abs(before.quarters - 0.9) > 0.03).any()
    assert after.width < before.width


def test_the_benchmark_shows_real_and_simulated_series() -> None:
    shown: list[str] = []
    arguments = ["--series", "2", "--rows", "1500"]
    assert bench_intervals.main(arguments, show=shown.append) == 0
    assert sum(line.startswith("| GARCH |") for line in shown) == 3
