"""What a baseline is, what it is asked, and what it answers.

    n  training rows      m  forecast rows      h  horizon      w  window      F  inputs

Target row `r` is forecast from its origin `t = r - h`.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from rnnsearch.arrays import Floats, Rows
from rnnsearch.scoring.inference.skipped import Skipped

MIN_TRAIN = 50
"""Fewest training rows of a fitted baseline."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Task:
    """What is to be forecast, and all that a baseline may know.

    prices         (rows,) the column that is forecast; of either sign. Where a volatility is
                   forecast, that of each session
    closes         (rows,) the price that this volatility is of; None where prices are forecast
    history        the rows of `prices` on which anything may be fitted; it ends before the test
    inputs         (rows, F) the champion's inputs, delayed by their shifts: the window of target
                   row `r` is the rows `r-h-w+1 .. r-h`, and is finite for the rows below
    train_rows     (n,) target rows to learn from, increasing
    train_targets  (n,) what came true there, in the target's unit
    test_rows      (m,) target rows to forecast, increasing
    probability    whether targets are 0 or 1, and the forecast is the chance of a 1
    scales         how the champion is taught, where that is not the target itself: functions from
                   targets (n,) to what it learns, and back from what it says (m,)
    from_growth    log growth (m,) of the prices from origins to `test_rows` as forecasts in the
                   target's unit; None where growth does not say what is forecast
    when           (rows,) of many series, one under another: the number of each row's date, by
                   which alone rows are before each other. `history` is empty then, and `inputs` are
                   scaled for each series. None of one series

    `prices`, `closes` and `inputs` go on to the end of the file, because a forecast may use what
    was known at its origin. It may use nothing later.
    """

    prices: Floats
    history: slice
    inputs: NDArray[np.floating]
    window: int
    horizon: int
    train_rows: Rows
    train_targets: Floats
    test_rows: Rows
    probability: bool
    from_growth: Callable[[Floats], Floats] | None
    scales: tuple[Callable[[Floats], Floats], Callable[[Floats], Floats]] | None = None
    closes: Floats | None = None
    when: Rows | None = None


@dataclass(frozen=True, eq=False)
class Fitted:
    """Forecasts (m,) of a fitted baseline, what was chosen, and how many rows it was fitted on.

    `chosen` is for tables, such as "alpha 1,200" or "ARIMA(1, 1, 0) with drift". `rows` may be
    fewer than the training rows: the most recent ones that fit into memory. `seconds` is what it
    cost.
    """

    forecast: Floats
    chosen: str
    rows: int
    seconds: float = 0.0


Many: TypeAlias = Literal["all", "each", "none"]
"""What becomes of a baseline where one network forecasts many series: it is asked once and learns
from the rows of all (`Task.when`), or of each series alone, or not at all."""


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """One way to forecast without a network.

    name      in tables and in `--json`
    meaning   in plain words, without a full stop
    applies   whether it can forecast such a target at all; if not, it is not mentioned
    forecast  in the target's unit, (m,); Skipped where the rows do not suffice
    rival     where the champion is tested against it: what it is, to follow "better than"
    many      how it is asked of many series
    """

    name: str
    meaning: str
    applies: Callable[[Task], bool]
    forecast: Callable[[Task], Fitted | Skipped]
    rival: str = ""
    many: Many = "each"


def has_growth(task: Task) -> bool:
    """For `applies`: where the growth of the prices says what is forecast."""
    return task.from_growth is not None


def of_growth(
    method: Callable[[Floats, Rows, int, slice], Fitted | Skipped],
) -> Callable[[Task], Fitted | Skipped]:
    """The `forecast` of a method that knows the prices alone and forecasts their log growth.

    `method(close, target_rows, output_shift, history)`, with prices above 0.
    """

    def forecast(task: Task) -> Fitted | Skipped:
        assert task.from_growth is not None
        if not (task.prices > 0).all():
            return Skipped("needs prices above 0")
        fitted = method(task.prices, task.test_rows, task.horizon, task.history)
        if isinstance(fitted, Skipped):
            return fitted
        return replace(fitted, forecast=task.from_growth(fitted.forecast))

    return forecast


def of_windows(
    method: Callable[..., Fitted | Skipped],
) -> Callable[[Task], Fitted | Skipped]:
    """The `forecast` of a method that learns from the champion's windows.

    `method(table, train_ends, train_targets, test_ends, window, output_shift=h)`, and `when=` of
    many series.

    They learn what the champion learns: trees that have to say a price cannot say one that they
    have not seen.
    """

    def forecast(task: Task) -> Fitted | Skipped:
        h = task.horizon
        train_ends, test_ends = task.train_rows - h, task.test_rows - h
        taught, told = task.scales or (None, None)
        learnt = taught(task.train_targets) if taught else task.train_targets
        order = {} if task.when is None else {"when": task.when}
        fitted = method(
            task.inputs, train_ends, learnt, test_ends, task.window, output_shift=h, **order
        )
        if told is None or isinstance(fitted, Skipped):
            return fitted
        return replace(fitted, forecast=told(fitted.forecast))

    return forecast


MAX_SERIES_ROWS = 4_000
"""Most daily returns that a model of the price alone is fitted on."""


@dataclass(frozen=True, eq=False)
class LogPrices:
    """Log prices up to the last origin, from where a model begins to be fitted.

    values   log prices less the first one, in units of the deviation of the known daily returns
    known    those of them that the model is fitted on
    origins  (m,) where in `values` the origins are
    """

    values: Floats
    known: Floats
    origins: Rows
    unit: float

    def grown(self, forecast: Floats, chosen: str) -> Fitted:
        """Forecasts (m,) on the scale of `values`, as log growth from their origins."""
        growth = self.unit * (forecast - self.values[self.origins])
        return Fitted(growth, chosen, len(self.known))


def recent_log_prices(
    close: Floats, target_rows: Rows, output_shift: int, history: slice
) -> LogPrices | Skipped:
    """The last 4,001 rows of `history`, and what follows up to the last origin.

    Skipped: fewer than 50 returns, returns that do not vary.
    """
    first = max(history.start or 0, history.stop - MAX_SERIES_ROWS - 1)
    prices = np.log(close[first : int(target_rows.max()) - output_shift + 1])
    returns = np.diff(prices[: history.stop - first])
    if len(returns) < MIN_TRAIN:
        return Skipped(f"needs {MIN_TRAIN} daily returns, has {len(returns)}")
    unit = float(returns.std())
    if unit <= 1e-9 * np.abs(returns).max():
        return Skipped("the daily returns do not vary")
    values = (prices - prices[0]) / unit
    return LogPrices(
        values, values[: history.stop - first], target_rows - output_shift - first, unit
    )
