"""Baselines beside one network of many series: whose rows they learn from, and in which order."""

from dataclasses import replace

import numpy as np
import pytest

from rnnsearch.scoring.baselines import Baseline, Fitted, Task, registry
from rnnsearch.scoring.baselines.pooled import MOST_ALONE, of_pool
from rnnsearch.scoring.baselines.running import run
from rnnsearch.scoring.baselines.theirs import BaselineError, guarded
from rnnsearch.scoring.inference.skipped import Skipped

ROWS, SERIES, TRAIN, WINDOW, H = 160, 3, 120, 3, 2


def panel_task(seed: int = 0, probability: bool = False) -> Task:
    """Series one under another, with a session on the same dates; the first input tells."""
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(SERIES * ROWS, 2))
    told = np.concatenate([np.zeros(H), inputs[:-H, 0]]) + rng.normal(size=SERIES * ROWS)
    targets = (told > 0).astype(float) if probability else told
    begins = ROWS * np.arange(SERIES)[:, None]
    train = (begins + np.arange(WINDOW + H, TRAIN)).ravel()
    test = (begins + np.arange(TRAIN + H, ROWS)).ravel()
    return Task(
        prices=100 + told, history=slice(0, 0), inputs=inputs, window=WINDOW, horizon=H,
        train_rows=train, train_targets=targets[train], test_rows=test, probability=probability,
        from_growth=None, when=np.tile(np.arange(ROWS), SERIES),
    )  # fmt: skip


def forecast(name: str, task: Task) -> Fitted:
    (one,) = [one for one in registry() if one.name == name]
    found = one.forecast(task)
    assert isinstance(found, Fitted), found
    return found


LEARNERS = [("ridge", False), ("trees", False), ("logistic", True), ("trees", True)]


@pytest.mark.parametrize(("name", "probability"), LEARNERS)
def test_rows_of_all_series_are_learnt_from_in_the_order_of_their_dates(
    name: str, probability: bool
) -> None:
    """The series in another order are the same rows: nothing hangs on where a series stands."""
    task = panel_task(probability=probability)
    order = np.arange(SERIES * ROWS).reshape(SERIES, ROWS)[::-1].ravel()  # new place -> old row
    place = np.argsort(order)
    rows = [np.sort(place[some]) for some in (task.train_rows, task.test_rows)]
    targets = dict(zip(task.train_rows.tolist(), task.train_targets, strict=True))
    other = replace(
        task,
        prices=task.prices[order], inputs=task.inputs[order], train_rows=rows[0],
        train_targets=np.array([targets[order[row]] for row in rows[0]]), test_rows=rows[1],
    )  # fmt: skip
    one, two = forecast(name, task), forecast(name, other)
    assert one.chosen == two.chosen
    assert one.rows == two.rows == len(task.train_rows)
    said = dict(zip(order[rows[1]].tolist(), two.forecast, strict=True))
    np.testing.assert_allclose(one.forecast, [said[row] for row in task.test_rows], atol=1e-6)
    assert np.corrcoef(one.forecast, task.inputs[task.test_rows - H, 0])[0, 1] > 0.8


@pytest.mark.parametrize(("name", "probability"), LEARNERS)
def test_of_one_series_dates_in_order_change_nothing(name: str, probability: bool) -> None:
    task = panel_task(probability=probability)
    first = task.train_rows < ROWS
    one = replace(
        task, train_rows=task.train_rows[first], train_targets=task.train_targets[first],
        test_rows=task.test_rows[task.test_rows < ROWS], when=None,
    )  # fmt: skip
    dated = replace(one, when=np.arange(len(task.prices)))
    without, by_date = forecast(name, one), forecast(name, dated)
    assert without.chosen == by_date.chosen
    np.testing.assert_array_equal(without.forecast, by_date.forecast)


@pytest.mark.parametrize(("name", "probability"), LEARNERS)
def test_what_a_series_does_after_a_date_changes_no_forecast_from_before_it(
    name: str, probability: bool
) -> None:
    task = panel_task(probability=probability)
    assert task.when is not None
    day = TRAIN + 10
    later = (task.when > day) & (np.arange(SERIES * ROWS) >= ROWS)  # of all series but the first
    inputs, prices = task.inputs.copy(), task.prices.copy()
    inputs[later], prices[later] = 1e6, 1e-6
    one, two = forecast(name, task), forecast(name, replace(task, inputs=inputs, prices=prices))
    before = ~later[task.test_rows - H]
    np.testing.assert_array_equal(one.forecast[before], two.forecast[before])
    assert not np.array_equal(one.forecast, two.forecast) or name == "trees"


def alone(number: int) -> Task:
    task = panel_task()
    rows = slice(number * ROWS, (number + 1) * ROWS)
    own = task.train_rows // ROWS == number
    tested = task.test_rows[task.test_rows // ROWS == number]
    return replace(
        task, prices=task.prices[rows], inputs=task.inputs[rows], when=None,
        history=slice(0, TRAIN), train_rows=task.train_rows[own] - number * ROWS,
        train_targets=task.train_targets[own], test_rows=tested - number * ROWS,
    )  # fmt: skip


def mean(task: Task) -> np.ndarray:
    """The mean of the series."""
    return np.full(len(task.test_rows), task.prices[task.history].mean())


def own(method: object, **changes: object) -> Baseline:
    return guarded(
        Baseline(name="own", meaning="", applies=lambda _: True, forecast=method, **changes)  # type: ignore[arg-type]
    )


def test_one_that_says_nothing_of_many_is_asked_of_each_alone() -> None:
    each = {f"P{number}": alone(number) for number in range(SERIES)}
    (one,) = of_pool([own(mean)], each)
    found = run(panel_task(), lambda _: None, [one])["own"]
    assert isinstance(found, Fitted)
    np.testing.assert_array_equal(found.forecast, np.concatenate([mean(t) for t in each.values()]))
    assert found.rows == sum(len(task.train_rows) for task in each.values())

    def short(task: Task) -> np.ndarray:
        if task.prices[0] == each["P1"].prices[0]:
            raise ValueError("no")
        return mean(task)

    (fails,) = of_pool([own(short)], each)
    with pytest.raises(BaselineError, match=r"^P1: "):
        fails.forecast(panel_task())
    many = {f"P{number}": alone(0) for number in range(MOST_ALONE + 1)}
    (skipped,) = of_pool([own(mean)], many)
    told = skipped.forecast(panel_task())
    assert isinstance(told, Skipped)
    assert "fitted to each series alone" in told.reason
    assert of_pool([own(mean, many="none")], each) == []


def test_one_of_all_series_that_looks_ahead_is_found_out() -> None:
    task = panel_task()

    def ahead(task: Task) -> np.ndarray:
        return task.prices[task.test_rows]

    def known(task: Task) -> np.ndarray:
        return task.prices[task.test_rows - task.horizon]

    assert isinstance(own(known, many="all").forecast(task), Fitted)
    with pytest.raises(BaselineError, match="looks ahead"):
        own(ahead, many="all").forecast(task)
