"""Rows of many series, cut by date: no later day of one trains what forecasts another's earlier."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from rnnsearch.errors import DataError
from rnnsearch.model.panel import Stretch, split_panel
from rnnsearch.model.windows import MIN_TRAIN, split_rows

PLAN = {"test": 0.2, "folds": 3, "validation": 0.1, "expanding": True}


def days(count: int, start: str = "2015-01-01") -> np.ndarray:
    return pd.bdate_range(start, periods=count).to_numpy("datetime64[us]")


def stretches(*dates: np.ndarray, first: int = 20) -> list[Stretch]:
    begins = np.cumsum([0, *(len(one) for one in dates)])
    return [Stretch(one, int(at), first) for one, at in zip(dates, begins, strict=False)]


@pytest.mark.parametrize("expanding", [True, False])
@pytest.mark.parametrize(("test", "shift", "folds"), [(0.2, 3, 3), (0.0, 1, 1), (0.35, 5, 2)])
def test_one_series_has_the_rows_that_it_has_alone(
    test: float, shift: int, folds: int, expanding: bool
) -> None:
    plan = PLAN | {"test": test, "folds": folds, "expanding": expanding}
    alone = split_rows(
        600, warmup=7, max_window=9, max_input_shift=2, max_output_shift=shift, **plan
    )
    first = alone.first
    panel = split_panel(
        [Stretch(days(600), 0, first)], reach=first - 7, max_output_shift=shift, **plan
    )
    for one, two in zip((*alone.folds, alone.refit), (*panel.folds, panel.refit), strict=True):
        np.testing.assert_array_equal(one.train, two.train)
        np.testing.assert_array_equal(one.validation, two.validation)
        assert one.history == two.parts[0].history
    np.testing.assert_array_equal(alone.test, panel.test)
    np.testing.assert_array_equal(alone.development, panel.development)


def test_what_trains_is_known_before_anything_that_it_forecasts() -> None:
    rng = np.random.default_rng(0)
    whole = days(900)
    dates = [
        whole,
        whole[200:],  # begins later
        whole[:500],  # ends early
        np.sort(rng.choice(whole, 600, replace=False)),  # has holidays of its own
        np.concatenate([whole[:300], whole[420:]]),  # was not traded for a while
        pd.date_range("2015-01-01", periods=1200).to_numpy("datetime64[us]"),  # on all days
    ]
    shift = 4
    split = split_panel(stretches(*dates), reach=20, max_output_shift=shift, **PLAN)
    every = np.concatenate(dates)
    for fold in split.folds:
        assert every[fold.train].max() <= every[fold.validation - shift].min()
        assert every[fold.train].max() < every[fold.validation].min()
        assert len(np.unique(fold.train)) == len(fold.train)
        for part in fold.parts:
            assert part.history.start == part.train[0] - 20
            assert part.history.stop == part.train[-1] + 1
            begin, end = part.begins, part.begins + len(dates[part.series])
            assert part.history.start >= begin
            assert part.history.stop <= end
    assert every[split.refit.train].max() <= every[split.test - shift].min()
    blocks = [(every[f.validation].min(), every[f.validation].max()) for f in split.folds]
    for (_, last), (first, _) in pairwise(blocks):
        assert last < first
    assert blocks[-1][1] < every[split.test].min()


def test_a_series_takes_part_once_it_has_rows_to_fit_on() -> None:
    split = split_panel(stretches(days(600), days(600)[330:]), reach=20, max_output_shift=1, **PLAN)
    parts = [[part.series for part in fold.parts] for fold in split.folds]
    assert parts[0] == [0]
    assert parts[-1] == [0, 1]
    assert all(len(part.train) >= MIN_TRAIN for fold in split.folds for part in fold.parts)
    late = split_panel(stretches(days(600), days(600)[560:]), reach=20, max_output_shift=1, **PLAN)
    assert set(late.test) <= set(range(600))  # what nothing was fitted for is not tested


def test_too_few_dates_are_told_with_the_remedy() -> None:
    with pytest.raises(DataError, match=r"stocks: it has 60 rows, but .* at least \d+; add older"):
        split_panel(
            stretches(days(60), days(60)), reach=20, max_output_shift=1, name="stocks", **PLAN
        )
    apart = [days(75, f"{year}-01-01") for year in range(2000, 2012)]
    with pytest.raises(DataError, match=r"no series (that )?has 50 rows to train on"):
        split_panel(stretches(*apart, first=30), reach=20, max_output_shift=1, **PLAN)
