"""How many outcomes intervals held, of one series and of many."""

import numpy as np
import pytest

from rnnsearch import targets
from rnnsearch.scoring.held import Bands, of_series, told


def bands(held: list[bool], first: str = "2024-01-01", half: float = 1.0) -> Bands:
    actual = np.where(held, 0.0, 2 * half)
    dates = np.datetime64(first, "D") + np.arange(len(held))
    zero = np.zeros(len(held))
    return Bands(actual, zero - half, zero + half, zero + 2 * half, "share", dates)


def test_quarters_of_many_series_are_those_of_the_dates() -> None:
    early, late = bands([False] * 4), bands([True] * 4, "2024-01-05", 3.0)
    found = of_series({"A": early, "B": late}, 0.9)
    assert found["share"] == 0.5
    assert [quarter["share"] for quarter in found["quarters"]] == [0, 0, 1, 1]
    assert [quarter["first"] for quarter in found["quarters"]][::3] == ["2024-01-01", "2024-01-07"]
    assert found["worst"] == {"series": "A", "share": 0.0, "rows": 4}
    assert found["best"] == {"series": "B", "share": 1.0, "rows": 4}
    assert found["width"] == pytest.approx(4)
    assert told([late], 0.9)["quarters"][0]["rows"] == 1


def test_widths_in_prices_of_several_series_have_no_mean() -> None:
    target, dates = targets.get("level"), np.datetime64("2024-01-01", "D") + np.arange(3)
    one, origin = np.ones(3), np.array([1.0, -1.0, 2.0])
    made = Bands.of(target, origin, one, one - 1, one + 1, dates)
    assert made is not None
    assert told([made], 0.9)["width"] == pytest.approx(2)
    assert of_series({"A": made, "B": made}, 0.9)["width"] is None
    assert Bands.of(target, origin, one, one * np.nan, one, dates) is None
