"""The champion and simpler forecasts side by side, on the rows they are given.

    n  rows      h  output shift of the champion

Everything that is fitted here is fitted on the rows before the test. Nothing here decides whether
the locked rows may be looked at: that is `evaluation`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from rnnsearch.config import Predict
from rnnsearch.model.forecaster import Forecaster
from rnnsearch.model.windows import (
    Rows,
    naive_values,
    target_values,
    window_ends,
)
from rnnsearch.scoring import baselines, intervals, metrics, significance
from rnnsearch.scoring.skipped import Skipped
from rnnsearch.search.folds import shifted_inputs
from rnnsearch.search.parameters import TrialParameters
from rnnsearch.search.problem import Problem

Floats = NDArray[np.float64]

INTERVAL_LEVEL = 0.9


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """Target rows and what came true there. All (n,), in the target's unit save `origin`."""

    rows: Rows
    horizon: int
    predict: Predict
    actual: Floats
    naive: Floats
    origin: Floats  # price at the origin
    naive_mae: float  # mean absolute price change over `horizon` sessions before the rows


def scored_rows(
    close: Floats, rows: Rows, horizon: int, predict: Predict, train: Rows
) -> ScoredRows:
    """`train`: the target rows that the naive forecast of a direction learns its rate from."""
    known = close[: rows[0] - horizon + 1]
    return ScoredRows(
        rows=rows,
        horizon=horizon,
        predict=predict,
        actual=target_values(close, rows, horizon, predict),
        naive=naive_values(close, rows, horizon, predict, train),
        origin=close[rows - horizon],
        naive_mae=float(np.abs(known[horizon:] - known[:-horizon]).mean()),
    )


def naive_name(predict: Predict) -> str:
    """What doing nothing is called in a table."""
    return "base_rate" if predict == "direction" else "persistence"


def simple_forecasts(
    problem: Problem, parameters: TrialParameters, test: ScoredRows, say: Callable[[str], None]
) -> dict[str, baselines.Fitted | Skipped]:
    """What simpler methods forecast for the test rows, fitted on the rows the champion was.

    In the target's unit. Those that learn from inputs see the champion's windows and inputs.
    """
    close, fold, h = problem.prices.close, problem.split.refit, test.horizon
    task = baselines.Task(
        prices=close,
        history=fold.history,
        inputs=shifted_inputs(parameters, problem.table),
        window=parameters.window,
        horizon=h,
        train_rows=fold.train,
        train_targets=target_values(close, fold.train, h, test.predict),
        test_rows=test.rows,
        probability=test.predict == "direction",
        from_growth=_from_growth(test),
    )
    return baselines.run(task, say)


def _from_growth(test: ScoredRows) -> Callable[[Floats], Floats] | None:
    """Log growth from the origins as forecasts in the target's unit."""
    if test.predict == "direction":
        return None
    if test.predict == "level":
        return lambda growth: test.origin * np.exp(growth)
    return lambda growth: growth


def scores(test: ScoredRows, forecast: Floats) -> dict[str, float]:
    """Errors in the target's unit, then on prices; directions beside always-up."""
    own = metrics.score(test.actual, forecast, test.naive)
    if test.predict == "direction":
        up = test.actual > 0.5
        return {name: own[name] for name in ("skill", "rmse", "mae", "theil_u2")} | {
            "directional_accuracy": float(np.mean((forecast > 0.5) == up)),
            "always_up": float(up.mean()),
        }
    actual, said = test.actual, forecast
    if test.predict == "log_return":
        actual, said = test.origin * np.exp(actual), test.origin * np.exp(said)
    prices = metrics.score(actual, said, test.origin, naive_mae=test.naive_mae)
    return {
        **{name: own[name] for name in ("skill", "rmse", "mae", "r2", "theil_u2")},
        "directional_accuracy": metrics.directional_accuracy(
            actual - test.origin, said - test.origin
        ),
        "always_up": metrics.directional_accuracy(actual - test.origin, np.ones_like(actual)),
        **{f"price_{name}": prices[name] for name in ("rmse", "mae", "mape", "r2", "mase")},
    }


def tests_of_the_champion(test: ScoredRows, forecasts: dict[str, Floats]) -> dict[str, Any]:
    """Is the champion better than doing nothing and than what else learns from its inputs, and are
    its directions right by more than chance?"""
    champion = forecasts["champion"]

    def against(other: Floats) -> significance.DieboldMariano | Skipped:
        losses, others = (champion - test.actual) ** 2, (other - test.actual) ** 2
        return significance.diebold_mariano(losses, others, test.horizon)

    rivals = [one.name for one in baselines.registry() if one.rival and one.name in forecasts]
    middle = test.origin if test.predict == "level" else 0.5 * (test.predict == "direction")
    return {
        "diebold_mariano": against(test.naive),
        **{f"diebold_mariano_{name}": against(forecasts[name]) for name in rivals},
        "pesaran_timmermann": significance.pesaran_timmermann(
            test.actual - middle, champion - middle, test.horizon
        ),
    }


def interval(champion: Forecaster, problem: Problem, test: ScoredRows) -> dict[str, Any] | None:
    """The champion's intervals on the test rows, and how many outcomes they held.

    Keys: promised, share, rows, quarters (of the test: first, last, rows, share, width), width (the
    mean), narrowest, widest, unit (of widths: "share" of the price at the origin, or "price"), and
    low and high (n,) in the target's unit. None where there is no interval.
    """
    if test.predict == "direction":
        return None
    origins = window_ends(test.rows, test.horizon)
    _, low, high = champion.intervals(problem.prices, problem.table, origins, INTERVAL_LEVEL)
    if not (np.isfinite(low) & np.isfinite(high)).all():
        return None
    if test.predict == "log_return":
        unit, widths = "share", np.exp(high) - np.exp(low)
    elif (test.origin > 0).all():
        unit, widths = "share", (high - low) / test.origin
    else:
        unit, widths = "price", high - low

    def told(part: NDArray[np.int64]) -> dict[str, Any]:
        held = intervals.coverage(test.actual[part], low[part], high[part], 1 - INTERVAL_LEVEL)
        return {"rows": held.rows, "share": held.share, "width": float(widths[part].mean())}

    dates, every = problem.prices.dates[test.rows], np.arange(len(test.rows))
    return {
        "promised": INTERVAL_LEVEL,
        **told(every),
        "narrowest": float(widths.min()),
        "widest": float(widths.max()),
        "unit": unit,
        "quarters": [
            {"first": f"{dates[part[0]]:%Y-%m-%d}", "last": f"{dates[part[-1]]:%Y-%m-%d}"}
            | told(part)
            for part in np.array_split(every, 4)
            if len(part)
        ],
        "low": [float(f"{value:.7g}") for value in low],
        "high": [float(f"{value:.7g}") for value in high],
    }
